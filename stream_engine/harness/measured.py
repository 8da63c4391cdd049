"""What a run was measured to be, in a form that can be pooled over recordings.

A rate is kept as its two parts, so that pooled means all errors over all words; a latency as its samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

Statistic = Literal["ratio", "p50", "p90", "p95", "p99", "largest"]
RESAMPLES = 1000
SEED = 7
CONFIDENCE = 95  # %


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
    """What 95 % of data sets drawn from these recordings give; None for fewer than two recordings.

    The percentile bootstrap (Efron 1979; for error rates Bisani and Ney 2004), recordings as the unit.
    """
    known = [one for one in found if not isinstance(one, Absent)]
    if len(known) < 2 or not _any(known):
        return None
    return _middle(_resampled(known, statistic, draws(len(known))))


def difference(
    before: Sequence[Measured], now: Sequence[Measured], statistic: Statistic
) -> tuple[float, tuple[float, float] | None] | None:
    """`now` less `before` over the same recordings, drawn together; None where either has nothing."""
    pairs = [
        pair
        for pair in zip(before, now, strict=True)
        if not (isinstance(pair[0], Absent) or isinstance(pair[1], Absent))
    ]
    sides = [[pair[side] for pair in pairs] for side in (0, 1)]
    if not (_any(sides[0]) and _any(sides[1])):
        return None
    whole = np.arange(len(pairs))[None]
    moved = float((_resampled(sides[1], statistic, whole) - _resampled(sides[0], statistic, whole))[0])
    if len(pairs) < 2:
        return moved, None
    drawn = draws(len(pairs))
    return moved, _middle(_resampled(sides[1], statistic, drawn) - _resampled(sides[0], statistic, drawn))


def draws(count: int) -> NDArray[np.int64]:
    """[RESAMPLES, count]: which recordings each resampled data set has; always the same."""
    return np.random.default_rng(SEED).integers(0, count, (RESAMPLES, count))


def _any(found: Sequence[Measured]) -> bool:
    return any(
        one.whole > 0 if isinstance(one, Ratio) else bool(one.values) if isinstance(one, Samples) else True
        for one in found
    )


def _middle(values: NDArray[np.float64]) -> tuple[float, float] | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    outside = (100 - CONFIDENCE) / 2
    low, high = np.percentile(values, [outside, 100 - outside])
    return float(low), float(high)


def _resampled(found: Sequence[Any], statistic: Statistic, drawn: NDArray[np.int64]) -> NDArray[np.float64]:
    """The figure of each row of `drawn`, [rows]; NaN where it has nothing to be taken from."""
    if statistic == "ratio":
        parts, wholes = (np.array([getattr(one, name) for one in found]) for name in ("part", "whole"))
        whole = wholes[drawn].sum(1)
        return np.where(whole > 0, parts[drawn].sum(1) / np.where(whole > 0, whole, 1), np.nan)
    if statistic == "largest":
        return np.array([one.value for one in found], float)[drawn].max(1)
    values: list[NDArray[np.float64]] = [np.array(one.values, float) for one in found]
    percent = float(statistic[1:])
    rows: list[list[int]] = drawn.tolist()
    joined = [np.concatenate([values[place] for place in row]) for row in rows]
    return np.array([np.percentile(one, percent) if len(one) else np.nan for one in joined])
