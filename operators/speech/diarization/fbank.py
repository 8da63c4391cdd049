"""Kaldi's log-mel filter bank in numpy, as the WeSpeaker embeddings were trained on.

25 ms Hamming windows every 10 ms, no dither, DC removed, pre-emphasis 0.97, power spectrum, 80 triangular
filters from 20 Hz to 8 kHz, natural logarithm (Povey et al., the Kaldi toolkit, `compute-fbank-feats`).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

FRAME = 400
HOP = 160
_FFT = 512
_BINS = 80
_RATE = 16_000
_FULL_SCALE = 32_768
_EPSILON = float(np.finfo(np.float32).eps)


def fbank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape: [samples] -> [frames, 80]; the mean over time is taken away."""
    if len(samples) < FRAME:
        raise ValueError(f"a filter bank needs {FRAME} samples, got {len(samples)}")
    frames = np.lib.stride_tricks.sliding_window_view(samples * np.float32(_FULL_SCALE), FRAME)[::HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    shifted = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    windowed = (frames - np.float32(0.97) * shifted) * _hamming()
    power = np.abs(np.fft.rfft(windowed, _FFT, axis=1)) ** 2
    logmel = np.log(np.maximum(power.astype(np.float32) @ _filters(), _EPSILON))
    return logmel - logmel.mean(axis=0, keepdims=True)


@cache
def _hamming() -> NDArray[np.float32]:
    return np.hamming(FRAME).astype(np.float32)


@cache
def _filters() -> NDArray[np.float32]:
    """Shape: [257, 80], triangles in the mel scale."""

    def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return 1127.0 * np.log1p(np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(20.0), mel(_RATE / 2), _BINS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * _RATE / _FFT)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - left) / (centre - left)
    falling = (right - bins) / (right - centre)
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters[-1] = 0.0  # Kaldi leaves the Nyquist bin out
    return filters.astype(np.float32)
