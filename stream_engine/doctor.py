"""What this installation can do: programs, packages, weights and their licences. Nothing is imported."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from stream_engine.errors import BackendError
from stream_engine.ffmpeg_command import binary
from stream_engine.model_store import PACKAGED, listed
from stream_engine.pcm_cache import default_root

PACKAGES = ("anyio", "msgspec", "numpy", "onnxruntime", "torch", "torchaudio", "julius", "faster-whisper",
            "pyannote.audio", "rich")  # fmt: skip


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
    lines += listed()
    healthy = healthy and all(one.path for one in PACKAGED)
    cache = default_root()
    lines += ["", f"{'audio store':20} {cache}, {_free(cache) / 1e9:.0f} GB free"]
    lines.append(
        "telemetry            none; that of onnxruntime, pyannote.audio and huggingface_hub is switched off"
    )
    return healthy, lines


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
