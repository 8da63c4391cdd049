"""Events in order of start, walked beside segments in order of start."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from stream_engine.events import Interruption, Overlap, Segment

E = TypeVar("E", Overlap, Interruption)


class Beside(Generic[E]):
    """Holds those only that can still meet a segment."""

    def __init__(self, events: Iterator[E]) -> None:
        self._coming = events
        self._next = next(events, None)
        self._near: list[E] = []

    def during(self, segment: Segment) -> list[E]:
        """Those that share time with `segment`, which begins no earlier than the one before."""
        while self._next is not None and self._next.start < segment.end:
            self._near.append(self._next)
            self._next = next(self._coming, None)
        self._near = [event for event in self._near if event.end > segment.start]
        return [event for event in self._near if event.start < segment.end]
