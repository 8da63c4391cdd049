"""What names sounds: something that takes what it needs of the shared transform, and scores windows of that.

    Spectra    ├ 10 ms ┼ 10 ms ┼ ...            cells
    features   [cells, features]                once per cell, on the device of the audio
    windows    [windows, cells, features]       views of them, a hop apart; only these few are ever kept
    scores     [windows, classes]

A tagger of waveforms takes the samples of a cell as its features, so no second copy of the audio is needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import Spectra

if TYPE_CHECKING:
    import torch

Floats = NDArray[np.float32]


class Tagger(Protocol):
    """Scores for each of its classes, several windows at a time; remembers nothing, so sessions share it."""

    @property
    def name(self) -> str:
        """What events say they are from."""
        ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def noise(self) -> frozenset[str]:
        """The labels whose scores together are the noise score."""
        ...

    @property
    def speech(self) -> frozenset[str]:
        """The labels of what is said: scored, and never an event."""
        ...

    @property
    def window(self) -> int:
        """Samples that it hears at a time, where nobody asks for another length; a multiple of a cell."""
        ...

    @property
    def hop(self) -> int:
        """Samples between two windows, where nobody asks for another hop; a multiple of a cell."""
        ...

    @property
    def batch(self) -> int:
        """Windows that are worth a call."""
        ...

    def features(self, spectra: Spectra) -> torch.Tensor:
        """What it needs of each cell: [cells, features], float32."""
        ...

    def scores(self, windows: torch.Tensor) -> Floats:
        """[windows, cells, features] -> [windows, classes], in [0, 1].

        A recording that is shorter than a window comes as one window of fewer cells.
        """
        ...
