"""Levels of the frames of the shared transform, and gains for them: what links of the signal chain hand on.

By Parseval's theorem the power of a windowed frame is the sum of its spectrum's; that of the same frame after
a filter is the sum weighted by |H|^2, and after a gain it is that gain louder. So no link transforms again:

    Spectra ─► FrameLevels ─► Levels ─► UpwardGain ─► Levels ─► Compressor ─► Levels ─► LoudnessGain ─► ...

There are a hundred frames a second, so gains are worked out on the host; samples stay where they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.audio.filters import Sections, k_weighting, transfer
from operators.audio.stft import BINS, SIZE, Spectra
from operators.audio.tensor_chunks import Transfers
from stream_engine.clock import RATE

if TYPE_CHECKING:
    import torch

SILENCE = 1e-12  # mean square: -120 dB, also of digital silence
Track = NDArray[np.float64]  # [frames]


class Levels(NamedTuple):
    """Consecutive frames; of the audio after all gains so far."""

    frame: int  # of the first
    level: Track  # dB of full scale: 10 log10 of the mean square
    power: Track  # mean square, K-weighted
    gain: Track  # dB, all so far

    def after(self, gain: Track) -> Levels:
        """The same frames, `gain` dB louder."""
        return Levels(self.frame, self.level + gain, self.power * 10 ** (gain / 10), self.gain + gain)

    @property
    def frames(self) -> int:
        return len(self.level)


class FrameLevels:
    """The levels of `spectra` after the filter `sections` (None: as they are). Remembers nothing."""

    def __init__(self, *, sections: Sections | None = None, transfers: Transfers | None = None) -> None:
        self._transfers = transfers or Transfers()
        plain = np.ones(BINS) if sections is None else _response(sections)
        weights = np.stack((plain, plain * _response(k_weighting())), 1) / (SIZE * _window_energy())
        weights[1:-1] *= 2  # the bins that stand for two
        # [2, 2 * BINS], real and imaginary parts: a product with rows is 5 x faster than with columns
        self._weights = np.ascontiguousarray(np.repeat(weights, 2, 0).T, np.float32)
        self._on: torch.Tensor | None = None

    def __call__(self, spectra: Spectra) -> Levels:
        import torch

        device = spectra.spectrum.device
        if self._on is None or self._on.device != device:
            self._on = torch.from_numpy(self._weights).to(device)
        squares = torch.view_as_real(spectra.spectrum.resolve_conj()).flatten(1).square()
        powers = self._transfers.download(torch.nn.functional.linear(squares, self._on)).astype(np.float64)
        level = 10 * np.log10(np.maximum(powers[:, 0], SILENCE))
        return Levels(spectra.start * 100 // RATE, level, powers[:, 1], np.zeros(len(level)))


def _response(sections: Sections) -> Track:
    """[BINS]: |H|^2 at the middle of each bin."""
    return np.abs(transfer(sections, SIZE)) ** 2


def _window_energy() -> float:
    """The sum of the squares of the transform's Hann window."""
    return 3 / 8 * SIZE
