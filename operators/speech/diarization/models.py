"""What the diarizer needs to know about models, and nothing more: two protocols."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Activity = NDArray[np.float32]
Samples = NDArray[np.float32]
Vector = NDArray[np.float32]


class Segmentation(Protocol):
    """Activity of local speakers in a window.

    Frame `i` of a window looks at samples `[i * step, i * step + width)` of it:

        window |------------------------------------------------|  `window` samples
        frame 0 |--width--|
        frame 1    |--width--|         each `step` samples later
    """

    window: int  # samples
    step: int  # samples
    width: int  # samples

    def __call__(self, windows: Samples, /) -> Activity:
        """Shape: [batch, window] -> [batch, frames, local speakers], 0 to 1. Free of the batch."""
        ...


class Embedding(Protocol):
    """The voice in a stretch of speech, as a direction: the nearer two are, the more alike the voices."""

    dimension: int
    shortest: int  # samples; no embedding is asked for less

    def __call__(self, stretches: list[Samples], /) -> Vector:
        """Each stretch ([samples], any length) on its own -> [stretches, dimension]."""
        ...
