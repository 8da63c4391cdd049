"""Weights on this machine: inside packages, or fetched from the hub into its cache."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from stream_engine.errors import BackendError

EMBEDDED = "pip install 'stream-engine[embedded]'"
FAMILIES = {  # how a back end is called, and what its repositories on the hub look like
    "faster-whisper": ("recognition", ("faster-whisper", "faster-distil-whisper", "whisper")),
    "pyannote": ("diarization", ("pyannote/",)),
}


class Weights(NamedTuple):
    """Weights that come inside a package."""

    name: str
    use: str
    module: str
    file: str
    licence: str

    @property
    def path(self) -> Path | None:
        """Where they are; None where the package is missing."""
        package = find_spec(self.module)
        if package is None or package.origin is None:
            return None
        path = Path(package.origin).parent / self.file
        return path if path.exists() else None


PACKAGED = (
    Weights("silero-vad v6", "voice activity", "faster_whisper", "assets/silero_vad_v6.onnx", "MIT"),
    Weights("community-1", "diarization", "moonshine_voice", "libmoonshine.so",
            "pyannote community-1, CC BY 4.0, by pyannoteAI"),
    Weights("moonshine tiny-en", "recognition (English)", "moonshine_voice", "assets/tiny-en",
            "MIT, by Moonshine AI"),
)  # fmt: skip


class Fetched(NamedTuple):
    """A repository in the hub's cache."""

    name: str  # as `--asr` or `--diarizer` takes it
    use: str
    licence: str  # as its card states it
    size: int  # bytes
    path: Path
    revisions: tuple[str, ...]


def listed() -> list[str]:
    """A line for each set of weights: use, licence, size and place, or how to get it."""
    lines = [
        _line(one.name, one.use, one.licence, one.path, _size(one.path) if one.path else 0)
        for one in PACKAGED
    ]
    return lines + [_line(one.name, one.use, one.licence, one.path, one.size) for one in fetched()]


def fetched() -> list[Fetched]:
    """What the hub's cache holds for our back ends; looked up without a socket."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        repositories: list[Any] = sorted(scan_cache_dir().repos, key=lambda one: one.repo_id)
    except CacheNotFound:
        return []
    found: list[Fetched] = []
    for one in repositories:
        for family, (use, marks) in FAMILIES.items():
            whole = family != "faster-whisper" or _whole(one)
            if one.repo_type == "model" and whole and any(mark in one.repo_id.lower() for mark in marks):
                revisions = tuple(revision.commit_hash for revision in one.revisions)
                name = f"{family}:{one.repo_id}"
                found.append(
                    Fetched(name, use, _licence(one), one.size_on_disk, Path(one.repo_path), revisions)
                )
                break
    return found


def best_whisper(language: str | None, *, largest: int) -> Fetched | None:
    """The largest faster-whisper model in the cache of at most `largest` bytes that knows the language."""
    english = (language or "").lower().split("-")[0] == "en"
    known = [
        one
        for one in fetched()
        if one.name.startswith("faster-whisper:")
        and one.size <= largest
        and (english or ".en" not in one.name)
    ]
    return max(known, key=lambda one: one.size, default=None)


def check(name: str) -> str:
    """Opens the weights `NAME:MODEL` without a socket, and says what they are.

    Raises:
        BackendError: they are missing, or do not open.
    """
    family, _, model = name.partition(":")
    if family == "faster-whisper" and model:
        from operators.speech.whisper import Whisper

        whisper = Whisper(model=model, offline=True)
        languages = whisper.languages or ()
        whisper.close()
        return f"{name}: opens; {'English only' if len(languages) == 1 else f'{len(languages)} languages'}"
    if family == "pyannote" and model:
        from operators.speech.diarization.pyannote_checkpoint import load_pyannote
        from operators.speech.diarization.pyannote_hub import Hub

        found = load_pyannote(model, hub=Hub(offline=True))
        window = found.segmentation.window / 16_000
        return f"{name}: opens; {found.segmentation.speakers} local speakers in {window:.0f} s, " + (
            f"embeddings of {found.embedding.dimension}"
        )
    packaged = next((one for one in PACKAGED if one.name.split()[0] == family), None)
    if packaged is None:
        raise BackendError(f"{name}: unknown; want faster-whisper:MODEL, pyannote:MODEL or a packaged one")
    if packaged.path is None:
        raise BackendError(f"{name}: missing; {EMBEDDED}")
    return f"{name}: comes inside the package {packaged.module}, {packaged.path}"


def pull(name: str) -> str:
    """Fetches `NAME:MODEL` from the hub, and checks it.

    Raises:
        BackendError: it cannot be fetched, or does not open.
    """
    family, _, model = name.partition(":")
    if family == "faster-whisper" and model:
        from operators.speech.whisper_checkpoint import find_checkpoint

        find_checkpoint(model, offline=False)
    elif family == "pyannote" and model:
        from operators.speech.diarization.pyannote_checkpoint import find
        from operators.speech.diarization.pyannote_hub import Hub

        find(model, Hub())
    else:
        raise BackendError(f"{name}: want faster-whisper:MODEL or pyannote:MODEL; others come in packages")
    return check(name)


def remove(name: str) -> str:
    """Takes weights out of the hub's cache.

    Raises:
        BackendError: they are not there.
    """
    from faster_whisper.utils import (  # pyright: ignore[reportMissingTypeStubs]
        _MODELS,  # pyright: ignore[reportPrivateUsage]  # its short names
    )
    from huggingface_hub import scan_cache_dir

    family, _, model = name.partition(":")
    wanted = {name, f"{family}:{_MODELS.get(model, model)}"}
    found = next((one for one in fetched() if one.name in wanted), None)
    if found is None:
        held = ", ".join(one.name for one in fetched()) or "nothing"
        raise BackendError(f"{name}: not in the hub's cache, which holds {held}")
    scan_cache_dir().delete_revisions(*found.revisions).execute()
    return f"{found.name}: removed, {found.size / 2**20:.1f} MB"


def _whole(repository: Any) -> bool:
    """Whether a revision of a repository has the files of a CTranslate2 Whisper."""
    from operators.speech.whisper_checkpoint import missing_in

    return any(not missing_in(Path(revision.snapshot_path)) for revision in repository.revisions)


def _licence(repository: Any) -> str:
    """The licence that the model's card states, where it was fetched with it."""
    import yaml

    for revision in repository.revisions:
        for file in revision.files:
            if file.file_name == "README.md":
                head = Path(file.file_path).read_text("utf-8", "replace").split("---")
                try:
                    stated: Any = yaml.safe_load(head[1]) if len(head) > 2 else None
                    return str(stated["license"])
                except (yaml.YAMLError, KeyError, TypeError):
                    continue
    return "see its page on the hub"


def _line(name: str, use: str, licence: str, path: Path | None, size: int) -> str:
    state = f"{size / 2**20:.1f} MB, {path}" if path else f"missing: {EMBEDDED}"
    return f"{name:20} {use:24} {licence:48} {state}"


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())
