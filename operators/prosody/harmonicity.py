"""How much of a voice repeats from period to period: the harmonics-to-noise ratio.

Boersma (1993): the height r of the correlation at the period is the share of the power that is periodic, so
the ratio is r / (1 - r). As in Praat's "To Harmonicity (cc)" (75 Hz, one period per window, silence 0.1): a
window of one period of the lowest voice against itself, later by each lag up to that period. A frame counts
if its peak is higher than 2 less 10 times its loudness, so loud ones do and soft ones do not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST_HZ = 75.0
SHORTEST = 2  # lags
SILENCE = 0.1  # of the largest magnitude
HIGHEST = 1 - 1e-6  # 60 dB
BLOCK = 64  # frames at once, so that they stay in the cache
Floats = NDArray[np.float32]


def harmonicity(samples: Floats, *, rate: int) -> float | None:
    """Mean of the frames that count, every 10 ms, in dB, or None where none does."""
    size = int(rate / LOWEST_HZ)
    if len(samples) < 2 * size:
        return None
    samples = samples - samples.mean()
    spans = np.lib.stride_tricks.sliding_window_view(samples, 2 * size)[:: rate // 100]
    loudness = _loudness(spans[:, size // 2 : size // 2 + size], float(np.abs(samples).max()))
    loud = np.flatnonzero(loudness > SILENCE)  # a softer one would have to be higher than 1
    shares = [_periodic(spans[loud[i : i + BLOCK]], size) for i in range(0, len(loud), BLOCK)]
    if not shares:
        return None
    share = np.concatenate(shares)
    share = share[share > np.maximum(0, 2 - loudness[loud] / SILENCE)]
    share = np.minimum(share, HIGHEST)
    return float(np.mean(10 * np.log10(share / (1 - share)))) if len(share) else None


def _loudness(middles: Floats, peak: float) -> NDArray[np.float64]:
    """[frames]: the largest magnitude of each, of the largest of all."""
    mean = middles.mean(1)
    return np.maximum(middles.max(1) - mean, mean - middles.min(1)) / max(peak, 1e-9)


def _periodic(spans: Floats, size: int) -> NDArray[np.float64]:
    """[frames]: the height of the highest peak of the correlation; 0 where there is none."""
    spans = (spans - spans.mean(1, keepdims=True)).astype(np.float32)
    length = 3 * size + (-3 * size) % 64
    here = np.fft.rfft(spans[:, :size], length)
    products = np.fft.irfft(here.conj() * np.fft.rfft(spans, length), length)[:, : size + 1]
    energy = np.zeros((len(spans), 2 * size + 1))
    np.cumsum(spans * spans, axis=1, out=energy[:, 1:])
    energy = (energy[:, size:] - energy[:, : size + 1]) * energy[:, size : size + 1]
    heights = products / np.sqrt(np.maximum(energy, 1e-20))
    before, here, after = heights[:, SHORTEST - 1 : -2], heights[:, SHORTEST:-1], heights[:, SHORTEST + 1 :]
    tops = np.where((here > before) & (here >= after), here, 0)
    at = tops.argmax(1)
    rows = np.arange(len(spans))
    a, b, c = before[rows, at], tops[rows, at], after[rows, at]
    bend = 2 * b - a - c
    return np.where(b > 0, b + (c - a) ** 2 / (8 * np.maximum(bend, 1e-9)), 0)
