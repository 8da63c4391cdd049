"""The signal chain by the old definition, on whole arrays: each link with a transform of its own.

Scipy's recursive filter, numpy's transform, convolution and interpolation; what is compared with it is
`operators.audio.signal_chain`, which does it in pieces and with one transform. Differences that are meant are
taken over here: a high-pass that runs forward only, edges that go on, a gate that opens over 6 dB.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

HOP, SIZE = 160, 512
Samples = NDArray[np.float64]
HIGH_PASS = butter(2, 80, "highpass", fs=16_000, output="sos")


def high_passed(samples: Samples) -> Samples:
    return np.asarray(sosfilt(HIGH_PASS, samples))


class Transform:
    """Frames as the shared transform has them; counts how many there were."""

    def __init__(self) -> None:
        self.frames = 0

    def levels(self, samples: Samples) -> Samples:
        """[frames], dB."""
        cells = -(-len(samples) // HOP)
        padded = np.pad(samples, ((SIZE - HOP) // 2, SIZE))
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(SIZE) / SIZE)
        spectrum = np.fft.fft(np.stack([padded[i * HOP : i * HOP + SIZE] * window for i in range(cells)]))
        self.frames += cells
        power = np.square(np.abs(spectrum)).sum(1) / (SIZE * np.square(window).sum())
        return 10 * np.log10(np.maximum(power, 1e-12))


def smoothed(gains: Samples, seconds: float) -> Samples:
    """By a Hann window of that length."""
    reach = round(seconds * 100) // 2
    window = np.hanning(2 * reach + 3)[1:-1]
    return np.convolve(np.pad(gains, reach, mode="edge"), window / window.sum(), "valid").astype(np.float64)


def over_samples(gains: Samples, count: int) -> Samples:
    """Factors for each sample: linear between the middles of the cells."""
    return np.interp(np.arange(count) + 0.5, np.arange(len(gains)) * HOP + HOP / 2, 10 ** (gains / 20))


def upward(levels: Samples, gate_db: float = 6.0) -> Samples:
    return np.array(
        [
            min(max(-23 - level, 0), 18)
            * (min(max((level + 45) / gate_db + 0.5, 0), 1) if gate_db else level > -45)
            for level in levels
        ]
    )


def compression(levels: Samples) -> Samples:
    """Threshold -26 dB, ratio 2, knee 6 dB."""

    def one(level: float) -> float:
        over = level + 26
        if over <= -3:
            return 0.0
        return -over / 2 if over >= 3 else -((over + 3) ** 2) / 24

    return np.array([one(level) for level in levels])


def chain(samples: Samples, transform: Transform) -> Samples:
    """High-pass, gain, compression: two transforms of every cell."""
    quiet = high_passed(samples)
    raised = quiet * over_samples(smoothed(upward(transform.levels(quiet)), 0.25), len(quiet))
    return raised * over_samples(smoothed(compression(transform.levels(raised)), 0.05), len(raised))
