"""Time that stretches cover, each moment counted once, however they come and overlap."""

from __future__ import annotations

from bisect import bisect_left, bisect_right

KEPT = 1000  # stretches that are known apart; of older ones the sum is


class Covered:
    """What reaches back behind the stretches that are known apart counts from there on."""

    __slots__ = ("_edge", "_ends", "_older", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []  # of stretches that do not touch, in order
        self._ends: list[int] = []
        self._older = 0
        self._edge: int | None = None

    def add(self, start: int, end: int) -> None:
        start = start if self._edge is None else max(start, self._edge)
        if end <= start:
            return
        first, last = bisect_left(self._ends, start), bisect_right(self._starts, end)
        if first < last:
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]
        if len(self._starts) > KEPT:
            self._edge = self._ends.pop(0)
            self._older += self._edge - self._starts.pop(0)

    def join(self, other: Covered) -> None:
        self._older += other._older
        for start, end in zip(other._starts, other._ends, strict=True):
            self.add(start, end)

    def total(self) -> int:
        return self._older + sum(self._ends) - sum(self._starts)

    def total_with(self, start: int, end: int) -> int:
        """With one more stretch, which is not kept."""
        found = Covered()
        found._edge = self._edge
        found.join(self)
        found.add(start, end)
        return found.total()
