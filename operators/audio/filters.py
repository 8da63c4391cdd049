"""Biquad cascades on a device: as the finite response that they have in 32 bits, by blocks of FFT.

A recursion takes its samples one after another, which a GPU cannot. A stable cascade forgets, though: its
impulse response is cut where it stays below 1e-8 of its peak (80 Hz high-pass: 0.04 s, K-weighting: 0.07 s),
and the samples are convolved with what is left by overlap-save:

    input     ──history──┤ chunk ├            history: one sample less than the response, at first zeros
    output                 chunk              of the same samples, without delay

What is cut sums up to 2e-6 of a constant input; with all roundings the output is that of
`scipy.signal.sosfilt` in 64 bits within 1e-5 for |x| <= 1, and any chunking gives the same within 1e-5.

Source: J. O. Smith, Spectral Audio Signal Processing, overlap-save; ITU-R BS.1770-5, annex 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import pi, sqrt, tan
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.tensor_chunks import TensorChunk, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

Sections = NDArray[np.float64]  # [sections, 6]: b0 b1 b2 1 a1 a2, as scipy's "sos"
AUDIBLE = 1e-8  # of the peak of the response
LONGEST = 1 << 18  # samples of a response: 16 s
BLOCK = 1 << 13  # samples of an FFT, at most, unless the response is longer


class FilterState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    history: Array  # [samples], the last of the input; shorter than the response - 1: zeros before


class Filter:
    """Tensor chunks in and out, of the same samples after `sections`. Lookahead: none.

    Raises:
        ValueError: `sections` are no cascade, or their response does not die away.
    """

    def __init__(self, *, sections: Sections, state: FilterState | None = None) -> None:
        self._response = response(sections)
        self._history = restored(state.history) if state else None
        self._spectra: dict[tuple[torch.device, int], torch.Tensor] = {}

    @property
    def state(self) -> FilterState:
        return FilterState(saved(self._history))

    def feed(self, item: TensorChunk, /) -> Iterator[TensorChunk]:
        import torch

        if not len(item.samples):
            yield item
            return
        past = len(self._response) - 1
        signal = joined(self._history, item.samples)
        size = _block(past, len(item.samples))
        hop = size - past
        rows = -(-len(item.samples) // hop)
        before = past + len(item.samples) - len(signal)
        after = rows * hop - len(item.samples)
        blocks = torch.nn.functional.pad(signal, (before, after)).unfold(0, size, hop)[:rows]
        spectrum = torch.fft.rfft(blocks) * self._spectrum(item.samples.device, size)
        self._history = signal[max(0, len(signal) - past) :].clone()
        yield TensorChunk(
            item.start, torch.fft.irfft(spectrum, n=size)[:, past:].reshape(-1)[: len(item.samples)]
        )

    def flush(self) -> Iterator[TensorChunk]:
        return iter(())

    def _spectrum(self, device: torch.device, size: int) -> torch.Tensor:
        """Of the response, on `device`; the sizes are few."""
        import torch

        if (device, size) not in self._spectra:
            spectrum = torch.fft.rfft(torch.from_numpy(self._response), n=size)
            self._spectra[device, size] = spectrum.to(torch.complex64).to(device)
        return self._spectra[device, size]


def _block(past: int, count: int) -> int:
    """A power of two that takes all `count` samples, if that is not too long, or most of a block."""
    longest = max(BLOCK, 4 * past)
    return 1 << (min(past + count, longest) - 1).bit_length() if past + count > 1 else 1


def response(sections: Sections) -> NDArray[np.float64]:
    """Of the cascade to one impulse: [samples], up to the last that is audible."""
    if sections.ndim != 2 or sections.shape[1] != 6 or not len(sections):
        raise ValueError(f"sections of shape {sections.shape}; expected [sections, 6]")
    count = 1 << 10
    while count <= LONGEST:
        found = np.fft.irfft(transfer(sections, count), count)  # what is longer wraps around, into its end
        heard = np.flatnonzero(np.abs(found) >= AUDIBLE * np.abs(found).max())
        if len(heard) and heard[-1] < count // 2:
            return found[: heard[-1] + 1]
        count *= 2
    raise ValueError(f"the response of these sections is longer than {LONGEST // 2} samples: {sections}")


def transfer(sections: Sections, size: int) -> NDArray[np.complex128]:
    """The cascade's transfer function at the bins of a transform: [size // 2 + 1]."""
    with np.errstate(divide="ignore", invalid="ignore"):  # a pole on the unit circle: no number
        return np.prod(np.fft.rfft(sections[:, :3], size) / np.fft.rfft(sections[:, 3:], size), axis=0)


def high_pass(hertz: float, rate: int = RATE) -> Sections:
    """Butterworth of the second order: -3 dB at `hertz`, 12 dB an octave below."""
    a0, a1, a2 = _low_cut(hertz, sqrt(0.5), rate)
    return np.array([(1 / a0, -2 / a0, 1 / a0, 1.0, a1 / a0, a2 / a0)])


def k_weighting(rate: int = RATE) -> Sections:
    """BS.1770's shelf and high-pass at any rate, by the bilinear transform of their analogue prototypes.

    The standard gives digits for 48 kHz only; the frequencies, gains and qualities behind them are those
    that libebur128 and pyloudnorm use. The high-pass keeps the gain that those digits have (+0.04 dB).
    """
    shelf = tan(pi * 1681.974450955533 / rate)
    quality, top = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    middle = top**0.4996667741545416
    a0 = 1 + shelf / quality + shelf**2
    first = (
        (top + middle * shelf / quality + shelf**2) / a0,
        2 * (shelf**2 - top) / a0,
        (top - middle * shelf / quality + shelf**2) / a0,
        1.0,
        2 * (shelf**2 - 1) / a0,
        (1 - shelf / quality + shelf**2) / a0,
    )
    low = 38.13547087602444, 0.5003270373238773
    a0, a1, a2 = _low_cut(*low, rate)
    gain = _low_cut(*low, 48_000)[0] / a0
    return np.array([first, (gain, -2 * gain, gain, 1.0, a1 / a0, a2 / a0)])


def _low_cut(hertz: float, quality: float, rate: int) -> tuple[float, float, float]:
    """The denominator of a high-pass of the second order, before a0 is made 1."""
    at = tan(pi * hertz / rate)
    return 1 + at / quality + at**2, 2 * (at**2 - 1), 1 - at / quality + at**2
