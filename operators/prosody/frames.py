"""Ten-millisecond features of the audio, computed once for whoever describes how something is said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import HOP, Spectra
from stream_engine.state import Array

Column = NDArray[np.float32]


class ProsodyFrames(NamedTuple):
    """Consecutive frames; frame i describes the samples `[start + HOP * i, start + HOP * (i + 1))`."""

    start: int  # samples on the session clock, a multiple of HOP
    rms_db: Column  # [frames], dB of full scale, over a Hann window of 32 ms; -120 where it is silent
    f0_hz: Column  # [frames], 65 to 400; 0 where nothing is voiced
    voicing: Column  # [frames], in [0, 1]: the height of the best peak of the autocorrelation
    centroid_hz: Column  # [frames], of the power spectrum; 0 where it is silent
    flatness: Column  # [frames], in [0, 1]: geometric over arithmetic mean of the power spectrum

    @property
    def frames(self) -> int:
        return len(self.rms_db)

    @property
    def end(self) -> int:
        return self.start + HOP * len(self.rms_db)


class FrameState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    start: int
    samples: Array


class FrameFeatures:
    """Spectra to frames of prosody."""

    def __init__(self, *, device: str = "cpu", state: FrameState | None = None) -> None:
        self._device = device
        self._state = state

    @property
    def state(self) -> FrameState:
        raise NotImplementedError

    def feed(self, item: Spectra, /) -> Iterator[ProsodyFrames]:
        raise NotImplementedError

    def flush(self) -> Iterator[ProsodyFrames]:
        raise NotImplementedError
