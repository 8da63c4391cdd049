"""What the frames of one segment say of it: pitch, level, colour and pauses."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.prosody.frames import ProsodyFrames


class FrameStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one segment; None: there is nothing to take it from."""

    f0_median_hz: float | None = None
    f0_iqr_hz: float | None = None
    voiced_ratio: float | None = None
    loudness_dbfs: float | None = None
    loudness_range_db: float | None = None
    centroid_hz: float | None = None
    flatness: float | None = None
    pauses: int | None = None
    long_pauses: int | None = None
    pause_s: float | None = None
    pause_ratio: float | None = None


def frame_statistics(
    frames: ProsodyFrames, *, pause_min_ms: int = 200, long_pause_ms: int = 600
) -> FrameStatistics:
    """The figures of `frames`."""
    raise NotImplementedError


_ = (np, NDArray)
