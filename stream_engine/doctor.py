"""What this installation can do: programs, packages, weights and their licences. Nothing is imported."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from stream_engine.errors import BackendError
from stream_engine.ffmpeg_command import binary
from stream_engine.pcm_cache import default_root

PACKAGES = ("anyio", "msgspec", "numpy", "onnxruntime", "torch", "torchaudio", "julius", "faster-whisper",
            "pyannote.audio", "rich")  # fmt: skip


class Weights(NamedTuple):
    """Weights that come inside a package."""

    name: str
    use: str
    module: str
    file: str
    licence: str


WEIGHTS = (
    Weights("silero-vad v6", "voice activity", "faster_whisper", "assets/silero_vad_v6.onnx", "MIT"),
    Weights("community-1", "diarization", "moonshine_voice", "libmoonshine.so",
            "pyannote community-1, CC BY 4.0, by pyannoteAI"),
    Weights("moonshine tiny-en", "recognition (English)", "moonshine_voice", "assets/tiny-en",
            "MIT, by Moonshine AI"),
)  # fmt: skip


def weights() -> list[str]:
    """A line for each set of weights: where it is, or how to get it."""
    lines: list[str] = []
    for name, use, module, file, licence in WEIGHTS:
        found = _file(module, file)
        state = (
            f"{_size(found) / 1e6:.1f} MB, {found}"
            if found
            else "missing: pip install 'stream-engine[embedded]'"
        )
        lines.append(f"{name:20} {use:24} {licence:48} {state}")
    return lines


def report() -> tuple[bool, list[str]]:
    """Whether everything is there that a session with the embedded back ends needs, and the findings."""
    lines = [f"python               {sys.version.split()[0]}, {os.cpu_count()} cores"]
    healthy = True
    try:
        lines.append(f"ffmpeg               {binary()}")
    except BackendError as error:
        healthy = False
        lines.append(f"ffmpeg               missing: {error}")
    for name in PACKAGES:
        try:
            lines.append(f"{name:20} {version(name)}")
        except PackageNotFoundError:
            healthy = False
            lines.append(f"{name:20} missing: pip install {name}")
    lines.append("")
    lines += weights()
    healthy = healthy and all(_file(row.module, row.file) for row in WEIGHTS)
    cache = default_root()
    lines += ["", f"{'audio store':20} {cache}, {_free(cache) / 1e9:.0f} GB free"]
    lines.append(
        "telemetry            none; that of onnxruntime, pyannote.audio and huggingface_hub is switched off"
    )
    return healthy, lines


def _file(module: str, file: str) -> Path | None:
    package = find_spec(module)
    if package is None or package.origin is None:
        return None
    path = Path(package.origin).parent / file
    return path if path.exists() else None


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else (path,)
    return sum(file.stat().st_size for file in files if file.is_file())


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
