"""Level and colour of frames of the shared transform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.audio.stft import BINS, SIZE
from stream_engine.clock import RATE

if TYPE_CHECKING:
    import torch

SILENCE_DB = -120.0  # the lowest level that there is
FAINTEST = 1e-10  # power of a bin, so that the logarithm of an empty one is finite


class SpectralShape:
    """The tables of a device, and the measures themselves."""

    def __init__(self, device: torch.device) -> None:
        import torch

        window = torch.hann_window(SIZE, dtype=torch.float64)
        sides = torch.full((BINS,), 2.0, device=device)  # a real signal's other half
        sides[0] = sides[-1] = 1.0
        self._mean_square = sides / (SIZE * float(window.square().sum()))  # Parseval
        self._hz = torch.arange(BINS, device=device) * (RATE / SIZE)

    def __call__(self, spectrum: torch.Tensor) -> torch.Tensor:
        """[frames, 3], float32: level (dB of full scale), centroid (Hz), flatness, of [frames, BINS]."""
        import torch

        power = spectrum.real.square() + spectrum.imag.square()
        level = (10 * torch.log10((power * self._mean_square).sum(1) + 1e-20)).clamp_min(SILENCE_DB)
        power = power + FAINTEST
        mean = power.mean(1)
        centroid = (power * self._hz).mean(1) / mean
        flatness = (power.log().mean(1).exp() / mean).clamp(0, 1)
        silent = level <= SILENCE_DB
        return torch.stack((level, centroid.masked_fill(silent, 0), flatness.masked_fill(silent, 0)), 1)
