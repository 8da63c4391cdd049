"""The "SNR" that the pipeline before this one made of sound events, for comparisons; no measure of noise.

It counts every event, speech and silence too, so it falls as more is said. `operators.audio.health` measures.
"""

from __future__ import annotations

import math

BEST, WORST = 35.0, -5.0  # dB


def snr_db_sed(duration_s: float, covered_s: float, weight_s: float) -> float:
    """From what the events of all labels cover of an interval, and that by score; sums over labels.

    Raises:
        ValueError: no duration.
    """
    if duration_s <= 0:
        raise ValueError(f"an interval of {duration_s} s")
    covered, weight = min(1.0, covered_s / duration_s), min(1.0, weight_s / duration_s)
    return _clamped(BEST - BEST * min(1.0, 0.5 * covered + 0.5 * weight))


def snr_db_noise_score(noise_score: float) -> float:
    """From the noise score of a whole recording, where there is no timeline."""
    return _clamped(BEST - 20 * math.log10(1 + 10 * noise_score))


def _clamped(value: float) -> float:
    return min(BEST, max(WORST, value))
