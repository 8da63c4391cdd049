"""Counts, sums and quantiles of values that are not kept: a DDSketch; or the values themselves, if asked for.

Masson, Rim, Lee, "DDSketch: a fast and fully-mergeable quantile sketch with relative-error guarantees",
VLDB 2019. A value goes into a bin whose middle is within `ERROR` of it; the library's mapping says which. It
is deterministic, and sketches merge without loss, whatever the order: KLL and t-digest are neither.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate

import msgspec
from ddsketch.mapping import LogarithmicMapping

ERROR = 0.01  # relative
SMALLEST, LARGEST = 1e-6, 1e9  # what is smaller counts as 0, larger as this: at most 2 x 1 730 bins
_MAPPING = LogarithmicMapping(ERROR)


class Distribution(msgspec.Struct):
    """Values of one measure. Missing ones (None) are left out; they are no zeros.

    `count`, `total` and `mean` are exact. A quantile lies between the two values next to its rank, by linear
    interpolation as in numpy; it is within 1 % of the exact one where these two have one sign, and otherwise
    within 1 % of the larger. With `values`, it is exact.
    """

    count: int = 0
    total: float = 0.0
    bins: dict[int, int] = {}  # numbered in order of value, 0 for zero
    values: list[float] | None = None  # kept in exact mode only

    def add(self, value: float | None) -> None:
        if value is None:
            return
        self.count += 1
        self.total += value
        if self.values is not None:
            self.values.append(value)
        else:
            bin = _bin(value)
            self.bins[bin] = self.bins.get(bin, 0) + 1

    def merge(self, other: Distribution) -> None:
        """Adds all values of `other`."""
        self.count += other.count
        self.total += other.total
        if self.values is not None:
            self.values.extend(other.values or ())
        for bin, count in other.bins.items():
            self.bins[bin] = self.bins.get(bin, 0) + count

    @property
    def mean(self) -> float | None:
        return self.total / self.count if self.count else None

    @property
    def median(self) -> float | None:
        return self.quantile(0.5)

    def quantile(self, q: float) -> float | None:
        """The value at rank `q` (count - 1); None of nothing."""
        if not self.count:
            return None
        rank = q * (self.count - 1)
        low, part = math.floor(rank), rank % 1
        if self.values is not None:
            ordered = sorted(self.values)
            first, second = ordered[low], ordered[min(low + 1, self.count - 1)]
        else:
            order = sorted(self.bins)
            ends = list(accumulate(self.bins[bin] for bin in order))
            first, second = (
                _middle(order[bisect_right(ends, min(at, self.count - 1))]) for at in (low, low + 1)
            )
        return first + (second - first) * part


def distribution(*, exact: bool = False) -> Distribution:
    """An empty one."""
    return Distribution(values=[] if exact else None)


def merged(parts: Iterable[Distribution], *, exact: bool = False) -> Distribution:
    """All values of `parts` together; the parts stay as they are."""
    total = distribution(exact=exact)
    for part in parts:
        total.merge(part)
    return total


_FIRST = 1 - _MAPPING.key(SMALLEST)  # what makes the number of every bin above zero positive


def _bin(value: float) -> int:
    size = abs(value)
    if size < SMALLEST:
        return 0
    bin = _MAPPING.key(min(size, LARGEST)) + _FIRST
    return bin if value > 0 else -bin


def _middle(bin: int) -> float:
    if bin == 0:
        return 0.0
    size = _MAPPING.value(abs(bin) - _FIRST)
    return size if bin > 0 else -size
