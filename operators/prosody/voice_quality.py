"""How a voice sounds apart from what it says: jitter, shimmer, harmonics to noise, cepstral peak prominence."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class VoiceQuality(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one segment; None: it could not be measured, and `reason` says why."""

    jitter_pct: float | None = None  # local: mean change of the period over the mean period
    shimmer_db: float | None = None  # local: mean change of the amplitude from period to period
    hnr_db: float | None = None
    cpps_db: float | None = None
    reliable: bool | None = None  # None: nothing was measured
    reason: str | None = None  # why it is not reliable, or not measured


def voice_quality(
    samples: NDArray[np.float32], f0_hz: NDArray[np.float32], *, rate: int = 16_000
) -> VoiceQuality:
    """The voice of one segment.

    Args:
        samples: [frames], from the beginning of the first cell of `f0_hz` on.
        f0_hz: [frames], one value for 10 ms, 0 where nothing is voiced.
        rate: Hz.
    """
    raise NotImplementedError
