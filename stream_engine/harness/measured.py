"""What a run was measured to be, in a form that can be pooled over recordings.

A rate is kept as its two parts, so that pooled means all errors over all words; a latency as its samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Statistic = Literal["ratio", "p50", "p90", "p95", "p99", "largest"]
RESAMPLES = 10_000
LEAST_RESAMPLES = 1000  # of so many values that more would take seconds
WORK = 30_000_000  # values of all resamples
SEED = 7
CONFIDENCE = 95  # %
LEVEL = 0.05  # what is rarer than this is no chance
LEAST_RECORDINGS = 6
SWAPS = 2048
BLOCK = 1_000_000  # values at a time


class Ratio(msgspec.Struct, frozen=True, tag="ratio"):
    """`part` over `whole`: errors over words, seconds over seconds."""

    part: float
    whole: float


class Samples(msgspec.Struct, frozen=True, tag="samples"):
    """Durations in seconds, one for each that was met."""

    values: tuple[float, ...]


class Largest(msgspec.Struct, frozen=True, tag="largest"):
    """A high-water mark."""

    value: float


class Absent(msgspec.Struct, frozen=True, tag="absent"):
    """Not measured, and why."""

    reason: str


Measured = Ratio | Samples | Largest | Absent


def samples_of(values: Sequence[float], reason: str) -> Measured:
    """To the millisecond; without any, absent for that reason."""
    return Samples(tuple(round(value, 3) for value in values)) if values else Absent(reason)


def ratio_of(part: float, whole: float, reason: str) -> Measured:
    """Over nothing, absent for that reason."""
    return Ratio(round(part, 6), round(whole, 6)) if whole else Absent(reason)


def pooled(found: Sequence[Measured], statistic: Statistic) -> float | None:
    """One figure of several recordings; None where none of them has it."""
    known = [one for one in found if not isinstance(one, Absent)]
    return float(_resampled(known, statistic, np.arange(len(known))[None])[0]) if _any(known) else None


def interval(found: Sequence[Measured], statistic: Statistic) -> tuple[float, float] | None:
    """What 95 % of data sets drawn from these recordings give; None of a high-water mark, and for fewer
    than `LEAST_RECORDINGS`, of which no such interval can be had.

    The bootstrap (Efron 1979; for error rates Bisani and Ney 2004) with recordings as the unit, its
    percentiles as far out as a few recordings need it (the expanded ones of Hesterberg 2015).
    """
    from scipy.special import ndtr, stdtrit  # pyright: ignore[reportMissingTypeStubs]

    known = [one for one in found if not isinstance(one, Absent)]
    if statistic == "largest" or (count := len(known)) < LEAST_RECORDINGS or not _any(known):
        return None
    lengths = (len(one.values) for one in known if isinstance(one, Samples))
    values = _resampled(known, statistic, draws(count, max(sum(lengths), 10 * count)))
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    outside = 100 * ndtr(np.sqrt(count / (count - 1)) * stdtrit(count - 1, (1 - CONFIDENCE / 100) / 2))
    low, high = np.percentile(values, [outside, 100 - outside])
    return float(low), float(high)


def chance(before: Sequence[Measured], now: Sequence[Measured], statistic: Statistic) -> float:
    """How often the two benches differ as much, either way, if each recording's two figures change places at
    random: if nothing changed, it is at most p in a share p of all comparisons, whatever the figure.

    The paired permutation test (Fisher 1935; for error rates Yeh 2000), exact for up to 12 recordings; with
    fewer than `LEAST_RECORDINGS` nothing can be as rare as `LEVEL`. Neither side has an `Absent`.
    """
    count = len(before)
    if 2 ** (count - 1) <= SWAPS:  # the other half of all swaps mirrors this one
        swapped = np.array([(0, *row) for row in product((0, 1), repeat=count - 1)])
    else:
        swapped = np.random.default_rng(SEED).integers(0, 2, (SWAPS, count))
        swapped[0] = 0
    both, one = [*before, *now], np.arange(count) + count * swapped
    other = np.arange(count) + count * (1 - swapped)
    moved = np.abs(_resampled(both, statistic, other) - _resampled(both, statistic, one))
    return 1 - np.count_nonzero(moved < moved[0] * (1 - 1e-9)) / len(moved)


def draws(count: int, values: int) -> NDArray[np.int64]:
    """[resamples, count]: which recordings each resampled data set has; always the same."""
    resamples = min(RESAMPLES, max(LEAST_RESAMPLES, WORK // values))
    return np.random.default_rng(SEED).integers(0, count, (resamples, count))


def _any(found: Sequence[Measured]) -> bool:
    return any(
        one.whole > 0 if isinstance(one, Ratio) else bool(one.values) if isinstance(one, Samples) else True
        for one in found
    )


def _resampled(found: Sequence[Any], statistic: Statistic, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """The figure of each row of `drawn`, [rows]; NaN where it has nothing to be taken from."""
    if statistic == "ratio":
        parts, wholes = (np.array([getattr(one, name) for one in found]) for name in ("part", "whole"))
        whole = wholes[drawn].sum(1)
        return np.where(whole > 0, parts[drawn].sum(1) / np.where(whole > 0, whole, 1), np.nan)
    if statistic == "largest":
        return np.array([one.value for one in found], float)[drawn].max(1)
    values = np.concatenate([np.array(one.values, float) for one in found])
    owner = np.repeat(np.arange(len(found)), [len(one.values) for one in found])
    order = np.argsort(values, kind="stable")
    values, owner = values[order], owner[order]
    times = np.zeros((len(drawn), len(found)), np.int64)
    np.add.at(times, (np.arange(len(drawn))[:, None], drawn), 1)
    blocks = np.array_split(times, 1 + times.shape[0] * len(values) // BLOCK)
    return np.concatenate([_percentiles(values, block[:, owner], float(statistic[1:])) for block in blocks])


def _percentiles(
    values: NDArray[np.float64], times: NDArray[np.int64], percent: float
) -> NDArray[np.float64]:
    """Those of numpy, of ascending `values`, each so many times in each row of `times`."""
    until = times.cumsum(1)
    place = (until[:, -1] - 1) * percent / 100
    low, high = (values[(until > whole[:, None]).argmax(1)] for whole in (np.floor(place), np.ceil(place)))
    return np.where(place < 0, np.nan, low + (place % 1) * (high - low))
