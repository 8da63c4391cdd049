"""What the frames of one segment say of it: pitch, level, colour and pauses.

Definitions follow the analyser that came before (STAGES.md, 6), with these differences:

- The median that smooths the silence is always over 5 frames (50 ms); its even sizes raised for 0.64 to
  0.79 s and 0.96 to 1.11 s, which left no loudness and no pauses.
- Silence lies less than 8 dB above the 5th percentile *and* 10 dB or more below the 95th: of a segment
  without a pause, all of it could be one.
- Pitch, level and pauses share one hop, so times are what they say.
- Centroid and flatness are of the frames that are not silent.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import HOP
from operators.prosody.frames import ProsodyFrames
from stream_engine.clock import MILLISECOND, RATE

SMOOTHING = 5  # frames
ABOVE_FLOOR_DB = 8.0
BELOW_TOP_DB = 10.0
LEAST_VOICED = 0.05
HOP_MS = HOP // MILLISECOND


class FrameStatistics(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one segment; None: there is nothing to take it from. Frequencies and levels to 0.1."""

    f0_median_hz: float | None = None
    f0_iqr_hz: float | None = None
    voiced_ratio: float | None = None
    loudness_dbfs: float | None = None  # median
    loudness_range_db: float | None = None  # 95th less 5th percentile
    centroid_hz: float | None = None  # median
    flatness: float | None = None  # median
    pauses: int | None = None  # with those at the ends
    long_pauses: int | None = None
    pause_s: float | None = None
    pause_ratio: float | None = None


def frame_statistics(
    frames: ProsodyFrames, *, pause_min_ms: int = 200, long_pause_ms: int = 600
) -> FrameStatistics:
    """The figures of `frames`; all None where there are none. Pauses last `pause_min_ms` or longer."""
    count = frames.frames
    if not count:
        return FrameStatistics()
    quiet, middle, loud = (float(level) for level in np.percentile(frames.rms_db, (5, 50, 95)))
    silent = _silent(frames.rms_db, min(quiet + ABOVE_FLOOR_DB, loud - BELOW_TOP_DB))
    runs_ms = _runs(silent) * HOP_MS
    pauses_ms = runs_ms[runs_ms >= pause_min_ms]
    pause_frames = int(pauses_ms.sum()) // HOP_MS
    voiced = frames.f0_hz[frames.f0_hz > 0]
    median, spread = _pitch(voiced) if len(voiced) >= LEAST_VOICED * count else (None, None)
    sounding = ~silent
    some = bool(sounding.any())
    return FrameStatistics(
        f0_median_hz=median,
        f0_iqr_hz=spread,
        voiced_ratio=round(len(voiced) / count, 3),
        loudness_dbfs=round(middle, 1),
        loudness_range_db=round(loud - quiet, 1),
        centroid_hz=round(float(np.median(frames.centroid_hz[sounding])), 1) if some else None,
        flatness=round(float(np.median(frames.flatness[sounding])), 5) if some else None,
        pauses=len(pauses_ms),
        long_pauses=int(np.count_nonzero(pauses_ms >= long_pause_ms)),
        pause_s=round(pause_frames * HOP / RATE, 3),
        pause_ratio=round(pause_frames / count, 3),
    )


def _silent(level: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """[frames]: the median over 5 frames is below the threshold; that is, three of the five are."""
    reach = SMOOTHING // 2
    below = np.pad(level < threshold, reach, mode="edge").astype(np.int8)
    votes = np.lib.stride_tricks.sliding_window_view(below, SMOOTHING).sum(1)
    return votes > reach


def _runs(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The lengths of the stretches that are true."""
    edges = np.flatnonzero(np.diff(mask, prepend=False, append=False))
    return edges[1::2] - edges[::2]


def _pitch(voiced: NDArray[np.float32]) -> tuple[float, float]:
    """Median and interquartile range, without what lies 1.5 ranges outside if that is less than half."""
    low, high = np.percentile(voiced, (25, 75))
    reach = 1.5 * (high - low)
    kept = voiced[(voiced >= low - reach) & (voiced <= high + reach)]
    if len(kept) > len(voiced) / 2:
        voiced = kept
    low, median, high = np.percentile(voiced, (25, 50, 75))
    return round(float(median), 1), round(float(high - low), 1)
