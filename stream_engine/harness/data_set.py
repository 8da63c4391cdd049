"""A data set: recordings with what is known of them, out of a folder or a manifest.

folder      NAME.wav (or any other audio) beside NAME.rttm NAME.stm NAME.ctm NAME.txt NAME.uem
            NAME.words.tsv (or, made by a machine, NAME.words.auto.tsv) NAME.seg.rttm (the wider reference)
manifest    JSON lines or CSV: audio, and of name rttm wide stm ctm txt uem words what there is;
            paths are relative to the manifest
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec

from stream_engine.errors import InputError

AUDIO = frozenset(
    ".wav .flac .mp3 .m4a .mp4 .aac .ogg .oga .opus .wma .aiff .aif .mkv .mka .webm .amr .caf .w64".split()
)
BESIDE = {
    "rttm": (".rttm",),
    "wide": (".seg.rttm",),
    "stm": (".stm",),
    "ctm": (".ctm",),
    "txt": (".txt",),
    "uem": (".uem",),
    "words": (".words.tsv", ".words.auto.tsv"),
}


class Recording(msgspec.Struct, frozen=True, kw_only=True):
    """Audio, and the references that there are."""

    name: str
    audio: Path
    rttm: Path | None = None  # who speaks when
    wide: Path | None = None  # the same, breaths and laughter included
    stm: Path | None = None  # who says what when
    ctm: Path | None = None  # words with times
    txt: Path | None = None  # what is said
    uem: Path | None = None  # which parts are to be scored, as to speakers
    words: Path | None = None  # TSV of words with times: columns end and word at the least

    @property
    def key(self) -> str:
        """The name as the name of a file: whatever it holds, and never the same for two names."""
        safe = re.sub(r"[^A-Za-z0-9_-]+", "_", self.name)[:40].strip("_")
        whole = hashlib.blake2b(self.name.encode(errors="surrogateescape"), digest_size=4)
        return f"{safe or 'recording'}-{whole.hexdigest()}"


class DataSet(msgspec.Struct, frozen=True):
    name: str
    recordings: tuple[Recording, ...]


def read_data_set(path: Path, limit: int | None = None) -> DataSet:
    """The recordings of a folder in order of name, or of a manifest in its own order; the first `limit`.

    Raises:
        InputError: it does not exist, holds no audio, or a manifest is wrong or names what is not there.
    """
    if path.is_dir():
        found = list(_in_folder(path))
        if not found:
            raise InputError(f"{_shown(path)}: no audio in this folder; name a folder of recordings")
    elif path.is_file():
        found = list(_in_manifest(path))
        if not found:
            raise InputError(f"{_shown(path)}: names no recording; give a line for each")
    else:
        raise InputError(f"{_shown(path)}: no such folder or manifest; check the name")
    name = path.resolve().name if path.is_dir() else path.stem
    return DataSet(name, tuple(found[:limit]))


def _in_folder(folder: Path) -> Iterator[Recording]:
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in AUDIO and path.is_file())
    same = Counter(path.stem for path in paths)
    for path in paths:
        beside: dict[str, Any] = {}
        for kind, endings in BESIDE.items():
            there = (path.with_name(path.stem + ending) for ending in endings)
            beside[kind] = next((one for one in there if one.is_file()), None)
        alone = same[path.stem] == 1 and path.with_name(path.stem) not in paths
        yield Recording(name=path.stem if alone else path.name, audio=path, **beside)


def _in_manifest(path: Path) -> Iterator[Recording]:
    names: set[str] = set()
    for number, row in _rows(path):
        where = f"{_shown(path)}, line {number}"
        given = {key: value for key, value in row.items() if value not in (None, "")}
        if unknown := sorted(given.keys() - {"audio", "name", *BESIDE}):
            raise InputError(f"{where}: {unknown[0]!r} is none of audio, name, {', '.join(BESIDE)}")
        if wrong := next((key for key, value in given.items() if not isinstance(value, str)), None):
            raise InputError(f"{where}: {wrong} must be text")
        if "audio" not in given:
            raise InputError(f"{where}: names no audio")
        files = {key: path.parent / str(value) for key, value in given.items() if key != "name"}
        for file in files.values():
            if not _there(file):
                raise InputError(f"{where}: {_shown(file)}: no such file; paths are relative to the manifest")
        name = str(given.get("name", files["audio"].stem))
        while name in names:
            name = f"{name}, line {number}"
        names.add(name)
        yield Recording(name=name, **cast("dict[str, Any]", files))


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{_shown(path)}: {error}; a manifest is JSON lines or CSV in UTF-8") from None
    if path.suffix.lower() in (".csv", ".tsv"):
        reader = csv.DictReader(
            text.splitlines(),
            delimiter="\t" if path.suffix.lower() == ".tsv" else ",",
            restkey="(more cells)",
        )
        for row in reader:
            yield reader.line_num, dict(row)
        return
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            try:
                yield number, msgspec.json.decode(line, type=dict[str, Any])
            except msgspec.DecodeError as error:
                raise InputError(f"{_shown(path)}, line {number}: {error}; want a JSON object") from None


def _there(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _shown(path: Path) -> str:
    text = str(path)
    return text if text.isprintable() else repr(text)
