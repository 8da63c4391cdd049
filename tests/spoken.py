"""Recordings decoded for tests of what listens to speech."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tests.speech import CALL


@cache
def call() -> NDArray[np.float32]:
    """30 s of two speakers on the telephone: [480000], 16 kHz, read-only."""
    return decoded(CALL)


def decoded(path: Path) -> NDArray[np.float32]:
    """Any file as [frames] float32, 16 kHz mono, read-only."""
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", "16000", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)
