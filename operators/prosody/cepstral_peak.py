"""How far the peak of a voice's period stands out of its cepstrum (CPPS): little in a breathy or rough voice.

Hillenbrand, Cleveland & Erickson (1994), Acoustic correlates of breathy vocal quality; the smoothed form as
in Praat's "To PowerCepstrogram" (60 Hz, 5 kHz, pre-emphasis from 50 Hz) and "Get CPPS" (quefrencies
averaged over 1 ms, peak of 60 to 330 Hz, parabola, straight line through all by Theil's method), which are
the settings of the acoustic voice quality index. Frames are 10 ms apart; there, the mean of five that are 2 ms apart.
Frames of digital silence are left out.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BAND_HZ = 5000
LOWEST_HZ, HIGHEST_HZ = 60, 330
EMPHASIS_HZ = 50
WINDOW_S = 6 / LOWEST_HZ
STEP_S = 1 / (2 * BAND_HZ)  # between two quefrencies
QUEFRENCIES = 1024  # and as many points of the spectrum, both sides of it
AVERAGED = 5  # quefrencies to either side: 1 ms
BLOCK = 64  # frames at once, so that they stay in the cache
Floats = NDArray[np.float32]


def cepstral_peak(samples: Floats, *, rate: int) -> float | None:
    """Mean over all frames in dB, or None where not even one window fits."""
    size = round(WINDOW_S * rate)
    if len(samples) < size:
        return None
    frames = np.lib.stride_tricks.sliding_window_view(samples, size)[:: rate // 100]
    frames = frames[frames.any(1)] if not samples.all() else frames
    parts = [_prominence(frames[i : i + BLOCK], rate) for i in range(0, len(frames), BLOCK)]
    return float(np.concatenate(parts).mean()) if parts else None


@lru_cache
def _tables(size: int, rate: int) -> tuple[int, Floats, Floats]:
    """The length of the transform, the window, and the logarithm of the pre-emphasis for each bin."""
    length = round(rate * QUEFRENCIES * STEP_S)
    middle = (size + 1) / 2
    edge = np.exp(-12.0)
    away = (np.arange(1, size + 1) - middle) / (size + 1)
    window = (np.exp(-48 * away * away) - edge) / (1 - edge)
    hz = np.arange(QUEFRENCIES // 2 + 1) * rate / length
    kept = np.exp(-2 * np.pi * EMPHASIS_HZ * STEP_S)
    gain = np.abs(1 - kept * np.exp(-2j * np.pi * hz * STEP_S)) ** 2
    return length, window.astype(np.float32), np.log(gain).astype(np.float32)


def _prominence(frames: Floats, rate: int) -> NDArray[np.float64]:
    """[frames], of windows [frames, samples]."""
    length, window, emphasis = _tables(frames.shape[1], rate)
    frames = (frames - frames.mean(1, keepdims=True)) * window
    spectrum = np.fft.rfft(frames, length)[:, : len(emphasis)]
    power = spectrum.real**2 + spectrum.imag**2
    cepstrum = np.fft.irfft(np.log(power + np.float32(1e-20)) + emphasis)[:, : QUEFRENCIES // 2 + 1]
    smooth = _averaged((cepstrum * cepstrum).astype(np.float32, copy=False))
    level = 10 * np.log10(smooth + np.float32(1e-30))
    return _above_line(level)


def _averaged(power: Floats) -> Floats:
    """The mean over 1 ms around each quefrency, with half of the two at its ends."""
    count = power.shape[1]
    sums = np.zeros((len(power), count + 1))
    np.cumsum(power, axis=1, out=sums[:, 1:])
    sums = (sums[:, 1:] + sums[:, :-1]) / 2  # up to the middle of each
    low = np.maximum(np.arange(count) - AVERAGED, 0)
    high = np.minimum(np.arange(count) + AVERAGED, count - 1)
    return ((sums[:, high] - sums[:, low]) / (high - low)).astype(np.float32)


def _above_line(level: Floats) -> NDArray[np.float64]:
    """How far the peak of each row stands above the straight line through the row."""
    count = level.shape[1]
    half = count // 2
    slope = np.median((level[:, -half:] - level[:, :half]) / (count - half), axis=1)
    base = np.median(level - slope[:, None] * np.arange(count, dtype=np.float32), axis=1)
    low, high = int(1 / (HIGHEST_HZ * STEP_S)), int(1 / (LOWEST_HZ * STEP_S)) + 1
    best = level[:, low:high].argmax(1) + low
    rows = np.arange(len(level))
    before, top, after = (level[rows, best + side].astype(np.float64) for side in (-1, 0, 1))
    bend = 2 * top - before - after
    safe = np.where(bend > 1e-9, bend, 1)
    slope_there = np.where(bend > 1e-9, after - before, 0)
    shift, rise = slope_there / (2 * safe), slope_there**2 / (8 * safe)
    return top + rise - (base + slope * (best + shift))
