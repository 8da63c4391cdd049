"""Loud speech is taken down: above a threshold the level rises by 1 dB for `ratio` dB that come in.

The static curve with a quadratic knee is that of Giannoulis, Massberg and Reiss, Digital Dynamic Range
Compressor Design (JAES 60, 2012), eq. 4. The level is that of a Hann frame of 32 ms, which a period of the
voice does not move; the gain is smoothed over 50 ms, so it begins 20 ms before a sudden rise.
"""

from __future__ import annotations

import numpy as np

from operators.audio.levels import Track
from operators.audio.smoothed_gain import SmoothedGain, SmoothedGainState


class Compressor(SmoothedGain):
    """Levels in and out. Lookahead: half of the smoothing, 0.02 s."""

    def __init__(
        self,
        *,
        threshold_db: float = -26.0,
        ratio: float = 2.0,
        knee_db: float = 6.0,
        smoothing_s: float = 0.05,
        state: SmoothedGainState | None = None,
    ) -> None:
        super().__init__(smoothing_s=smoothing_s, state=state)
        self._threshold, self._slope, self._knee = threshold_db, 1 / ratio - 1, knee_db

    def wanted(self, level: Track) -> Track:
        over = level - self._threshold
        if not self._knee:
            return self._slope * np.maximum(over, 0)
        inside = np.clip(over + self._knee / 2, 0, self._knee) ** 2 / (2 * self._knee)
        return self._slope * (inside + np.maximum(over - self._knee / 2, 0))
