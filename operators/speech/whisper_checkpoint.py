"""Finding and opening a Whisper checkpoint, by name, hub id or folder; what is missing is said in a line."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from stream_engine.errors import BackendError

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

NEEDED = (
    "model.bin",
    "config.json",
    "tokenizer.json",
)  # without the last, faster-whisper asks the hub for it


def find_checkpoint(model: str, *, offline: bool) -> Path:
    """The folder of a checkpoint: itself, or in the hub's cache, or, unless `offline`, fetched from the hub.

    What is in the cache is taken without a look at the hub, so a second run opens no socket either.

    Raises:
        BackendError: it is not there, cannot be fetched, or lacks files.
    """
    if find_spec("faster_whisper") is None:
        raise BackendError("recogniser faster-whisper is not installed; pip install faster-whisper")
    if not model:
        raise BackendError(
            "recogniser faster-whisper wants a model: --asr faster-whisper:tiny.en, or a folder"
        )
    folder = Path(model).expanduser()
    if not folder.is_dir():
        if model.startswith(("/", "./", "../", "~")):
            raise BackendError(
                f"recogniser faster-whisper: no folder {model}; give one, or a name as tiny.en"
            )
        folder = _from_hub(model, offline=offline)
    if missing := missing_in(folder):
        message = (
            f"recogniser faster-whisper: {folder} lacks {', '.join(missing)}; "
            "want a CTranslate2 Whisper (ct2-transformers-converter --copy_files tokenizer.json)"
        )
        raise BackendError(message)
    return folder


def missing_in(folder: Path) -> list[str]:
    """The files of a checkpoint that `folder` lacks."""
    return [name for name in NEEDED if not (folder / name).is_file()]


def _from_hub(model: str, *, offline: bool) -> Path:
    from faster_whisper.utils import download_model
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    what = f"recogniser faster-whisper:{model}"
    try:
        folder = Path(download_model(model, local_files_only=True))
        if not missing_in(folder):
            return folder
        if offline:
            message = f"{what}: what was fetched of it is not all; run once without --offline"
            raise BackendError(message)
    except ValueError as error:
        raise BackendError(f"{what}: {_line(error)}, a hub id, or a folder") from None
    except OSError:  # not in the cache
        if offline:
            message = f"{what} is not at hand; run once without --offline to fetch it, or give a folder"
            raise BackendError(message) from None
    try:
        return Path(download_model(model))
    except GatedRepoError:
        message = f"{what}: the hub wants you to accept its terms; do so on its page, and set HF_TOKEN"
    except RepositoryNotFoundError:
        message = (
            f"{what}: the hub knows no such model; look for a typing error, or set HF_TOKEN if it is private"
        )
    except OSError as error:
        message = f"{what} is not at hand and cannot be fetched ({_line(error)}); give a folder"
    raise BackendError(message)


def open_checkpoint(
    folder: Path, *, device: str, compute_type: str, threads: int, workers: int
) -> WhisperModel:
    """The model, loaded: on `workers` calls at a time with `threads` threads each.

    Raises:
        BackendError: it is damaged, or the device or the precision is not there.
    """
    from faster_whisper import WhisperModel

    try:
        return WhisperModel(
            str(folder),
            device=device,
            compute_type=compute_type,
            cpu_threads=threads,
            num_workers=workers,
            local_files_only=True,
        )
    except (RuntimeError, ValueError, OSError) as error:
        message = (
            f"recogniser faster-whisper: {folder} does not open on {device} as {compute_type}: "
            f"{_line(error)}; choose another --device, or fetch it again"
        )
        raise BackendError(message) from error


def _line(error: Exception) -> str:
    """The first line of what an error says."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
