"""Soft speech is lifted towards a level; what is softer still is taken for background and left alone.

    wanted gain   18 dB ┤      ╭────╮
                        │     ╱      ╲
                   0 dB ┤────╯        ╲──────────     level, dB of full scale
                           -48 -42  -41  -23

The old analyser lifted every frame between -45 and -23 dB by min(-23 - level, 18): a hair above -45 dB by
18 dB, a hair below by nothing. Here the gate opens over `gate_db` around it; 0 gives the old jump.
"""

from __future__ import annotations

import numpy as np

from operators.audio.levels import Track
from operators.audio.smoothed_gain import SmoothedGain, SmoothedGainState


class UpwardGain(SmoothedGain):
    """Levels in and out. Lookahead: half of the smoothing, 0.12 s."""

    def __init__(
        self,
        *,
        target_db: float = -23.0,
        floor_db: float = -45.0,
        most_db: float = 18.0,
        gate_db: float = 6.0,
        smoothing_s: float = 0.25,
        state: SmoothedGainState | None = None,
    ) -> None:
        super().__init__(smoothing_s=smoothing_s, state=state)
        self._target, self._floor, self._most, self._gate = target_db, floor_db, most_db, gate_db

    def wanted(self, level: Track) -> Track:
        lift = np.clip(self._target - level, 0, self._most)
        above = level - self._floor
        return lift * (np.clip(above / self._gate + 0.5, 0, 1) if self._gate else above > 0)
