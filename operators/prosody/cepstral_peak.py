"""How far the peak of a voice's period stands out of its cepstrum (CPPS): little in a breathy or rough voice.

Hillenbrand, Cleveland & Erickson (1994), Acoustic correlates of breathy vocal quality; the smoothed form as
in Praat's "To PowerCepstrogram" (60 Hz, 5 kHz, pre-emphasis from 50 Hz) and "Get CPPS" (quefrencies averaged
over 1 ms, peak of 60 to 330 Hz, parabola, straight line through all by Theil's method), which are the
settings of the acoustic voice quality index. There a value is the mean of five frames 2 ms apart; here it is
of one frame every 10 ms. Frames of digital silence are left out.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

BAND_HZ = 5000
RATE_HZ = 2 * BAND_HZ
LOWEST_HZ, HIGHEST_HZ = 60, 330
EMPHASIS_HZ = 50
SIZE = 6 * RATE_HZ // LOWEST_HZ
HOP = RATE_HZ // 100
LENGTH = 1024  # of both transforms
AVERAGED = 5  # quefrencies to either side: 1 ms
SILENT = 1e-6  # -120 dBFS
BLOCK = 64  # frames at once, so that they stay in the cache
Floats = NDArray[np.floating[Any]]


def cepstral_peak(samples: NDArray[np.float32], *, rate: int) -> float | None:
    """Mean over all frames in dB, or None where not even one window fits.

    Raises:
        ValueError: `rate` is no multiple of 10 Hz, or below 10 kHz.
    """
    if rate < RATE_HZ or rate % 10:
        raise ValueError(f"rate {rate}: not a multiple of 10 from {RATE_HZ} on")
    wave = _resampled(samples, rate)
    if len(wave) < SIZE:
        return None
    wave[1:] -= np.float32(np.exp(-2 * np.pi * EMPHASIS_HZ / RATE_HZ)) * wave[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(wave, SIZE)[::HOP]
    parts = [_prominence(frames[i : i + BLOCK]) for i in range(0, len(frames), BLOCK)]
    values = np.concatenate(parts)
    return float(values.mean()) if len(values) else None


def _resampled(samples: Floats, rate: int) -> Floats:
    """To 10 kHz, sharply cut at 5: the edge of the band is part of the logarithmic spectrum."""
    tenths = fast_length(-(-len(samples) * 10 // rate))
    spectrum = np.fft.rfft(samples, tenths * rate // 10)
    cut = spectrum[: tenths * RATE_HZ // 20 + 1] * np.float32(RATE_HZ / rate)
    return np.fft.irfft(cut, tenths * RATE_HZ // 10)[: len(samples) * RATE_HZ // rate].astype(np.float32)


def fast_length(least: int) -> int:
    """The next product of twos, threes and fives, quick to transform; `scipy.fft` takes 0.2 s to load."""
    found, fives = 1 << least.bit_length(), 1
    while fives < found:
        odd = fives
        while odd < found:
            twos = (-(-least // odd) - 1).bit_length()
            found = min(found, odd << twos)
            odd *= 3
        fives *= 5
    return found


@lru_cache
def _window() -> Floats:
    """A Gaussian that is cut where it has come down to exp(-12)."""
    away = (np.arange(1, SIZE + 1) - (SIZE + 1) / 2) / (SIZE + 1)
    edge = np.exp(-12.0)
    return ((np.exp(-48 * away * away) - edge) / (1 - edge)).astype(np.float32)


def _prominence(frames: Floats) -> NDArray[np.float64]:
    """[frames that are not silent], of windows [frames, SIZE]."""
    frames = (frames - frames.mean(1, keepdims=True)) * _window()
    frames = frames[np.abs(frames).max(1) > SILENT]
    spectrum = np.fft.rfft(frames, LENGTH)
    power = spectrum.real**2 + spectrum.imag**2
    cepstrum = np.fft.irfft(np.log(power + np.float32(1e-20)))[:, : LENGTH // 2 + 1]
    level = 10 * np.log10(_averaged(cepstrum * cepstrum) + np.float32(1e-30))
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
    low, high = RATE_HZ // HIGHEST_HZ, RATE_HZ // LOWEST_HZ + 1
    best = level[:, low:high].argmax(1) + low
    rows = np.arange(len(level))
    before, top, after = (level[rows, best + side].astype(np.float64) for side in (-1, 0, 1))
    bend = 2 * top - before - after
    safe = np.where(bend > 1e-9, bend, 1)
    lean = np.where(bend > 1e-9, after - before, 0)
    return top + lean**2 / (8 * safe) - (base + slope * (best + lean / (2 * safe)))
