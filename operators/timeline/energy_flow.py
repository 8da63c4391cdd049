"""The course of a session in windows of fixed length, gathered as things come, and closed by the watermark.

Old: each window looked at all segments again; the last, shorter window was dropped; speech of several people
at once was added up, so density could be 1.67. Here it is the union, and the tail is a window of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from stream_engine.clock import seconds
from stream_engine.events import EnergyWindow, Segment

DIGITS = 4


class Weighed(msgspec.Struct):
    """A mean by time."""

    weight: int = 0  # samples
    total: float = 0.0

    def add(self, value: float, weight: int) -> None:
        self.weight += weight
        self.total += value * weight

    @property
    def mean(self) -> float | None:
        return self.total / self.weight if self.weight else None


class Window(msgspec.Struct):
    spoken: int = 0  # samples in which somebody speaks
    speakers: set[str] = set()
    words: int = 0
    loudness: Weighed = msgspec.field(default_factory=Weighed)
    arousal: Weighed = msgspec.field(default_factory=Weighed)


class EnergyFlow(msgspec.Struct):
    """Turns and segments in order of start; memory: the windows that are open."""

    width: int  # samples
    closed: int = 0  # windows
    reach: int = 0  # the end of speech so far
    windows: dict[int, Window] = {}

    def speech(self, start: int, end: int) -> None:
        """Somebody speaks; whoever it is."""
        for window, shared in self._parts(max(start, self.reach), end):
            window.spoken += shared
        self.reach = max(self.reach, end)

    def speaks(self, start: int, end: int, speaker: str) -> None:
        for window, _ in self._parts(start, end):
            window.speakers.add(speaker)

    def text(self, segment: Segment, count: int) -> None:
        """Words by their times; `count` of them evenly over the segment where they have none."""
        if segment.words is not None:
            starts = [word.start for word in segment.words]
        else:
            length = segment.end - segment.start
            starts = [segment.start + length * number // count for number in range(count)]
        for start in starts:
            self._at(max(start, segment.start) // self.width).words += 1

    def loudness(self, start: int, end: int, dbfs: float) -> None:
        for window, shared in self._parts(start, end):
            window.loudness.add(dbfs, shared)

    def arousal(self, start: int, end: int, value: float) -> None:
        for window, shared in self._parts(start, end):
            window.arousal.add(value, shared)

    def close(self, before: int, turns: Iterable[tuple[int, int, str]]) -> Iterator[EnergyWindow]:
        """Windows that end by `before`; `turns`: those whose speaker was not told yet."""
        while (self.closed + 1) * self.width <= before:
            yield self._close((self.closed + 1) * self.width, turns)

    def finish(self, at: int, turns: Iterable[tuple[int, int, str]]) -> Iterator[EnergyWindow]:
        """All that are left, the last one up to the end of the session."""
        yield from self.close(at, turns)
        if at > self.closed * self.width:
            yield self._close(at, turns)

    def _close(self, end: int, turns: Iterable[tuple[int, int, str]]) -> EnergyWindow:
        start = self.closed * self.width
        window = self.windows.pop(self.closed, None) or Window()
        self.closed += 1
        density = window.spoken / (end - start)
        arousal = window.arousal.mean
        speakers = window.speakers | {who for first, last, who in turns if first < end and last > start}
        return EnergyWindow(
            start_s=seconds(start),
            end_s=seconds(end),
            speech_density=round(density, DIGITS),
            speakers=tuple(sorted(speakers - {""})),
            words=window.words,
            loudness_dbfs=_rounded(window.loudness.mean),
            arousal=_rounded(arousal),
            energy=None if arousal is None else round(arousal * density, DIGITS),
        )

    def rename(self, old: str, new: str) -> None:
        """All of `old` was `new` from the beginning; windows that are closed stay."""
        for window in self.windows.values():
            if old in window.speakers:
                window.speakers = (window.speakers - {old}) | {new}

    def _parts(self, start: int, end: int) -> Iterator[tuple[Window, int]]:
        """The open windows that `[start, end)` touches, and how many samples of each."""
        start = max(start, self.closed * self.width)
        while start < end:
            index = start // self.width
            until = min(end, (index + 1) * self.width)
            yield self._at(index), until - start
            start = until

    def _at(self, index: int) -> Window:
        index = max(index, self.closed)
        if index not in self.windows:
            self.windows[index] = Window()
        return self.windows[index]


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)
