"""What this installation can do: programs, packages, weights and their licences. Nothing is imported."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Any

import msgspec

from stream_engine.dependencies import Dependency, dependency_health
from stream_engine.errors import BackendError
from stream_engine.ffmpeg_command import binary
from stream_engine.model_store import PACKAGED, listed
from stream_engine.pcm_cache import default_root


def report(*, strict: bool = False) -> tuple[bool, list[str]]:
    """Whether everything is there that a session with the embedded back ends needs, and the findings.

    With `strict` each package is imported too, in a process of its own, and a version that does not fit is a
    fault.
    """
    lines = [f"python               {sys.version.split()[0]}, {os.cpu_count()} cores"]
    path, missing = _ffmpeg()
    lines.append(f"ffmpeg               {path or f'missing: {missing}'}")
    packages = dependency_health(strict=strict)
    lines += [f"{one.name:20} {one.issue or one.version}" for one in packages]
    lines.append("")
    lines += listed()
    cache = default_root()
    lines += ["", f"{'audio store':20} {cache}, {_free(cache) / 1e9:.0f} GB free"]
    lines.append(
        "telemetry            none; that of onnxruntime, pyannote.audio and huggingface_hub is switched off"
    )
    return _healthy(packages, missing, strict=strict), lines


def as_json(*, strict: bool = False) -> tuple[bool, dict[str, Any]]:
    """The same as plain values."""
    path, missing = _ffmpeg()
    packages = dependency_health(strict=strict)
    healthy, cache = _healthy(packages, missing, strict=strict), default_root()
    return healthy, {
        "healthy": healthy,
        "python": sys.version.split()[0],
        "cores": os.cpu_count(),
        "ffmpeg": path,
        "ffmpeg_issue": missing,
        "dependencies": [msgspec.to_builtins(one) for one in packages],
        "weights": {one.name: str(one.path) if one.path else None for one in PACKAGED},
        "audio_store": {"path": str(cache), "free_bytes": _free(cache)},
    }


def _ffmpeg() -> tuple[str | None, str | None]:
    """Where it is, or why it is not."""
    try:
        return str(binary()), None
    except BackendError as error:
        return None, str(error)


def _healthy(packages: tuple[Dependency, ...], missing: str | None, *, strict: bool) -> bool:
    wrong = ("warn", "error") if strict else ("error",)
    found = all(one.path for one in PACKAGED)
    return missing is None and found and not any(one.status in wrong for one in packages)


def _free(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
