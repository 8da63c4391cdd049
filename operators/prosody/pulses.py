"""The moments at which the vocal folds close, and what their periods and amplitudes say: jitter and shimmer.

Pulses as in Praat's "Sound & Pitch: To PointProcess (cc)": of each voiced stretch, the largest sample in the
period around its middle, and from there in both directions the place, 0.8 to 1.25 periods on, around which
one period of the waveform correlates best with that around the last pulse. Jitter and shimmer as in Praat's
"Get jitter (local)" (periods of 0.1 to 20 ms, factor 1.3) and "Get shimmer (local_dB)" (factor 1.6).
"""

from __future__ import annotations

from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray

SHORTEST_S, LONGEST_S = 0.0001, 0.02
PERIOD_FACTOR, AMPLITUDE_FACTOR = 1.3, 1.6
INSIDE, BEYOND = 0.3, 0.7  # the correlation of a pulse in its stretch, and of one just outside
QUIET_INSIDE, QUIET_BEYOND = 0.01, 0.023333  # the peak of the one around a pulse, of the whole
Floats = NDArray[np.float64]


class _Waveform:
    """Samples and their running energy."""

    def __init__(self, samples: Floats) -> None:
        self.samples = samples
        self.energy = np.concatenate(((0.0,), np.cumsum(samples * samples)))
        self.peak = float(np.abs(samples).max(initial=0))

    def best_match(self, at: float, period: float, first: float, last: float) -> tuple[float, float, float]:
        """Where, between `first` and `last`, the period around `at` is found again.

        Returns that place, the correlation (-1: nowhere), and the largest magnitude around it.
        """
        left, right = round(at - period / 2), round(at + period / 2)
        low, high = floor(first - period / 2), ceil(last - period / 2)
        size = right - left + 1
        if left < 0 or low < 0 or right >= len(self.samples) or high + size > len(self.samples):
            return at, -1.0, 0.0
        here = self.samples[left : right + 1]
        products = np.correlate(self.samples[low : high + size], here)
        energies = self.energy[low + size : high + size + 1] - self.energy[low : high + 1]
        own = self.energy[right + 1] - self.energy[left]
        heights = products / np.sqrt(np.maximum(energies * own, 1e-30))
        best = int(heights.argmax())
        if not 0 < best < len(heights) - 1:
            inner = heights[1:-1]
            tops = np.flatnonzero((inner >= heights[:-2]) & (inner >= heights[2:]))
            if not len(tops):
                return at, -1.0, 0.0
            best = int(tops[inner[tops].argmax()]) + 1
        before, top, after = heights[best - 1 : best + 2].tolist()
        bend = 2 * top - before - after
        slope = 0.5 * (after - before)
        shift, rise = (slope / bend, 0.5 * slope * slope / bend) if bend > 0 else (0.0, 0.0)
        peak = float(np.abs(self.samples[low + best : low + best + size]).max())
        return at + low + best + shift - left, top + rise, peak


def pulses(samples: Floats, f0_hz: NDArray[Any], *, rate: int) -> Floats:
    """[pulses]: their places in samples, rising. f0_hz: [frames], for 10 ms each, 0 where unvoiced."""
    wave = _Waveform(samples)
    hop = rate / 100
    voiced = np.diff(f0_hz > 0, prepend=False, append=False)
    edges = np.flatnonzero(voiced).tolist()
    found: list[float] = []
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        periods = (rate / f0_hz[first:last]).tolist()
        found += _stretch(
            wave, first * hop - 0.5, last * hop - 0.5, periods, hop, found[-1] if found else -1e9
        )
    return np.sort(np.array(found))


def _stretch(
    wave: _Waveform, left: float, right: float, periods: list[float], hop: float, taken: float
) -> list[float]:
    """The pulses of one voiced stretch, which are more than 0.8 periods after `taken`."""

    def period_at(place: float) -> float:
        at = (place - left) / hop - 0.5
        i = min(max(floor(at), 0), len(periods) - 2)
        if i < 0 or at <= 0:
            return periods[0]
        if at >= len(periods) - 1:
            return periods[-1]
        return 1 / ((1 - at + i) / periods[i] + (at - i) / periods[i + 1])

    middle = (left + right) / 2
    start = _extremum(wave.samples, middle, period_at(middle))
    found = [start]
    for sign in (-1, 1):
        at = start
        side: list[float] = []
        while left <= at <= right:
            period = period_at(at)
            near, far = at + sign * 0.8 * period, at + sign * 1.25 * period
            place, height, peak = wave.best_match(at, period, min(near, far), max(near, far))
            at = at + sign * period if height == -1 else place
            if left <= at <= right:
                good = height > INSIDE and (peak == 0 or peak > QUIET_INSIDE * wave.peak)
            else:
                good = height > BEYOND and peak > QUIET_BEYOND * wave.peak
            if good and (sign > 0 or at - taken > 0.8 * period):
                side.append(at)
        found = side[::-1] + found if sign < 0 else found + side
    return found


def _extremum(samples: Floats, middle: float, period: float) -> float:
    """The place of the sample that is farthest from zero in a period, refined by a parabola."""
    low = max(0, floor(middle - period / 2))
    part = samples[low : ceil(middle + period / 2) + 1]
    if len(part) < 3:
        return middle
    at = int(np.abs(part).argmax())
    if not 0 < at < len(part) - 1:
        return float(low + at)
    before, top, after = part[at - 1 : at + 2].tolist()
    bend = 2 * top - before - after
    return low + at + (0.5 * (after - before) / bend if bend else 0.0)


def jitter(places: Floats, *, rate: int) -> float | None:
    """The mean change from period to period over the mean period, or None with fewer than two changes."""
    periods = np.diff(places) / rate
    if len(periods) < 3:
        return None
    fit = (periods >= SHORTEST_S) & (periods <= LONGEST_S)
    similar = _factor(periods) <= PERIOD_FACTOR
    both = fit[:-1] & fit[1:] & similar
    alike = np.zeros(len(periods), bool)
    alike[:-1] |= similar
    alike[1:] |= similar
    regular = periods[fit & alike]
    changes = np.abs(np.diff(periods))[both]
    if len(changes) < 2 or not len(regular):
        return None
    return float(changes.mean() / regular.mean())


def shimmer(samples: Floats, places: Floats, *, rate: int) -> float | None:
    """The mean change of amplitude from pulse to pulse in dB, or None where there is none."""
    periods = np.diff(places)
    fit = (periods >= SHORTEST_S * rate) & (periods <= LONGEST_S * rate)
    inner = np.flatnonzero(fit[:-1] & fit[1:] & (_factor(periods) <= PERIOD_FACTOR))
    if len(inner) < 2:
        return None
    at = places[1:-1][inner]
    amplitude = _levels(samples, at, 0.2 * periods[inner], 0.2 * periods[inner + 1])
    gaps = np.diff(at)
    pairs = (
        (gaps >= SHORTEST_S * rate) & (gaps <= LONGEST_S * rate) & (_factor(amplitude) <= AMPLITUDE_FACTOR)
    )
    steps = np.abs(np.diff(20 * np.log10(np.maximum(amplitude, 1e-12))))[pairs]
    return float(steps.mean()) if len(steps) else None


def _levels(samples: Floats, at: Floats, left: Floats, right: Floats) -> Floats:
    """[pulses]: the root mean square around each, under a Hann window that reaches so far to either side."""
    reach = ceil(max(left.max(), right.max())) + 1
    places = np.round(at).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    away = places - at[:, None]
    phase = np.clip(away / np.where(away < 0, left[:, None], right[:, None]), -1, 1)
    window = 0.5 + 0.5 * np.cos(np.pi * phase)
    values = samples[np.clip(places, 0, len(samples) - 1)] * window
    return np.sqrt((values * values).sum(1) / np.maximum((window * window).sum(1), 1e-30))


def _factor(values: Floats) -> Floats:
    """Of neighbours: the larger over the smaller."""
    low, high = np.minimum(values[:-1], values[1:]), np.maximum(values[:-1], values[1:])
    return high / np.maximum(low, 1e-30)
