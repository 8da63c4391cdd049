"""What is known of a recording: RTTM, STM, CTM, UEM, plain text, words with times. All times in seconds.

A file may tell of several recordings: the rows of this one are taken, by the name in the file or by being
the only one.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from stream_engine.errors import InputError

T = TypeVar("T")


class Talk(NamedTuple):
    """Somebody speaks."""

    start: float
    end: float
    speaker: str


class Line(NamedTuple):
    """Somebody says something."""

    start: float
    end: float
    speaker: str
    text: str


class Spoken(NamedTuple):
    """A word; it ends at `end`."""

    end: float
    word: str


def read_rttm(path: Path, name: str | None = None) -> list[Talk]:
    """By start.

    Raises:
        InputError: the file cannot be read, a line is wrong, or tells of others than `name`.
    """

    def talk(fields: list[str]) -> Talk:
        start, duration = float(fields[3]), float(fields[4])
        return Talk(start, start + duration, fields[7])

    rows = (row for row in _rows(path) if row[1][0] == "SPEAKER")
    found = _of_one(path, name, [(number, fields[1:2], fields) for number, fields in rows], talk)
    return sorted(one for one in found if one.end > one.start)


def read_stm(path: Path, name: str | None = None) -> list[Line]:
    """By start. Raises InputError, as `read_rttm` does."""

    def line(fields: list[str]) -> Line:
        words = fields[5:]
        if words and words[0].startswith("<") and words[0].endswith(">"):
            words = words[1:]  # the optional label, such as <o,f0,female>
        return Line(float(fields[3]), float(fields[4]), fields[2], " ".join(words))

    found = _of_one(path, name, [(number, fields[:1], fields) for number, fields in _rows(path)], line)
    return sorted(one for one in found if one.text != "IGNORE_TIME_SEGMENT_IN_SCORING")


def read_ctm(path: Path, name: str | None = None) -> list[Spoken]:
    """By end. Raises InputError, as `read_rttm` does."""

    def word(fields: list[str]) -> Spoken:
        return Spoken(float(fields[2]) + float(fields[3]), fields[4])

    return sorted(_of_one(path, name, [(number, row[:1], row) for number, row in _rows(path)], word))


def read_uem(path: Path, name: str | None = None) -> list[tuple[float, float]]:
    """The parts to be scored. Raises InputError, as `read_rttm` does."""

    def part(fields: list[str]) -> tuple[float, float]:
        return float(fields[2]), float(fields[3])

    return sorted(_of_one(path, name, [(number, row[:1], row) for number, row in _rows(path)], part))


def read_words(path: Path) -> list[Spoken]:
    """By end. Raises InputError: no columns `end` and `word`, or an end that is no number."""
    reader = csv.DictReader(_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    found: list[Spoken] = []
    for row in reader:
        try:
            found.append(Spoken(float(row["end"]), row["word"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{path}, line {reader.line_num}: want columns end and word, parted by tabs"
            ) from None
    return sorted(found)


def read_text(path: Path) -> str:
    """Raises InputError where it is no text."""
    return _text(path)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if line.strip() and not line.startswith(";;"):
            yield number, line.split()


def _of_one(
    path: Path,
    name: str | None,
    rows: list[tuple[int, list[str], list[str]]],
    read: Callable[[list[str]], T],
) -> list[T]:
    """The rows of recording `name`; all of them where the file tells of one recording only."""
    named = {file for _, files, _ in rows for file in files}
    if len(named) > 1 and name is not None:
        if name not in named:
            raise InputError(f"{path}: tells of {len(named)} recordings, and none is {name!r}")
        rows = [row for row in rows if row[1] == [name]]
    found: list[T] = []
    for number, _, fields in rows:
        try:
            found.append(read(fields))
        except (IndexError, ValueError):
            shown = " ".join(fields)[:60]
            raise InputError(f"{path}, line {number}: cannot be read: {shown!r}") from None
    return found
