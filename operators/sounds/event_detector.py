"""Scores to events: a state machine for each class, which gives an event as it closes.

    score     ──╱▔▔▔╲────╱╲─────╱▔▔▔▔▔▔▔▔▔▔╲──
    median    ──╱▔▔▔╲───────────╱▔▔▔▔▔▔▔▔▔╲───     of k rows around each: known k // 2 rows later
    enter     ┄┄├┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄├┄┄┄┄┄┄┄┄┄┄┄┄┄     begins at or above it
    exit      ┄┄┄┄┄┄┤┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄┤┄┄     ends at or below it
    events      ├───┤           ├──────────┤       too short: dropped; a short gap in one label: joined

A row stands for the stretch around the middle of its window, as long as the hop: rows abut, and an event
begins and ends where its sound does, not half a window beyond. Before the first row and after the last, the
median sees that row again (as `scipy.ndimage.median_filter` does with `mode="nearest"`).
"""

from __future__ import annotations

import copy

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.sounds.event_rules import EventRules
from stream_engine.clock import samples
from stream_engine.events import SoundEvent
from stream_engine.state import Array


class Stretch(msgspec.Struct):
    """An event that is open, or that has ended and may yet be joined with the next."""

    start: int
    end: int  # so far
    peak: float
    piece: bool = False  # goes on from a piece that has been given already


class DetectorState(msgspec.Struct):
    """Memory between two rows; indices are those of the labels."""

    edge: int  # where the next row to be decided begins
    rows: Array  # [rows < median + median // 2, classes]: what the next medians are of
    ends: list[int] = []  # of the rows that are not decided
    open: dict[int, Stretch] = {}
    closed: dict[int, Stretch] = {}  # that may yet be joined with the next
    given: int = 0


class EventDetector:
    """Rows of scores in, events out. Memory: O(median * classes), whatever the length.

    Args:
        labels: of the classes.
        source: what the events say they are from.
        heard: classes that may have events; None: all.
        start: sample at which the first row's stretch begins.

    Raises:
        ValueError: the rules name a label that there is not.
    """

    def __init__(
        self,
        *,
        labels: tuple[str, ...],
        source: str,
        rules: EventRules,
        heard: NDArray[np.bool_] | None = None,
        start: int = 0,
        state: DetectorState | None = None,
    ) -> None:
        self._labels, self._source, self._rules = labels, source, rules
        self._heard = heard
        rules.check(labels)
        self._min_dur = [samples(rules.min_dur_of.get(label, rules.min_dur)) for label in labels]
        self._gap, self._longest = samples(rules.merge_gap), samples(rules.longest)
        self._state = copy.deepcopy(state) if state else DetectorState(start, Array("<f8", (0, 0), b""))
        self._rows = self._state.rows.numpy()

    @property
    def state(self) -> DetectorState:
        state = copy.deepcopy(self._state)
        state.rows = Array.of(self._rows)
        return state

    @property
    def watermark(self) -> int:
        """No event that starts earlier will follow."""
        waiting = (*self._state.open.values(), *self._state.closed.values())
        return min([self._state.edge, *(stretch.start for stretch in waiting)])

    def feed(self, scores: NDArray[np.float64], ends: list[int]) -> list[SoundEvent]:
        """Rows [rows, classes], and where the stretch of each ends; it begins where the one before ended."""
        half = self._rules.median // 2
        if self._heard is not None:
            scores = scores * self._heard
        before = self._rows if len(self._rows) else scores[:1].repeat(half, 0)
        self._rows = np.concatenate((before, scores))
        self._state.ends += ends
        return self._decide()

    def flush(self, end: int) -> list[SoundEvent]:
        """The audio ended at `end`: what is open ends there."""
        self._rows = np.concatenate((self._rows, self._rows[-1:].repeat(self._rules.median // 2, 0)))
        out = self._decide()
        for label in sorted(self._state.open):
            out += self._close(label, end)
        for label in sorted(self._state.closed):
            out.append(self._give(label, self._state.closed.pop(label)))
        return out

    def _decide(self) -> list[SoundEvent]:
        """All rows whose median is known."""
        size = self._rules.median
        if len(self._rows) < size:
            return []
        median = np.median(np.lib.stride_tricks.sliding_window_view(self._rows, size, axis=0), axis=-1)
        self._rows = self._rows[len(median) :]
        ends, self._state.ends = self._state.ends[: len(median)], self._state.ends[len(median) :]
        enters = median >= self._rules.enter
        some = [bool(row.any()) for row in enters]
        out: list[SoundEvent] = []
        for row, end in enumerate(ends):
            if some[row] or self._state.open:
                out += self._step(median[row], enters[row], end)
            self._state.edge = end
            if self._state.closed:
                out += self._release(end)
        return out

    def _step(self, scores: NDArray[np.float64], enters: NDArray[np.bool_], end: int) -> list[SoundEvent]:
        """One row, from `edge` to `end`."""
        opened, at = self._state.open, self._state.edge
        out: list[SoundEvent] = []
        for label in sorted({*opened, *np.flatnonzero(enters).tolist()}):
            score = float(scores[label])
            if label not in opened:
                opened[label] = Stretch(at, end, score)
            elif score <= self._rules.exit:
                out += self._close(label, at)
            else:
                if end - opened[label].start > self._longest:
                    out += self._close(label, at, cut=True)
                    opened[label] = Stretch(at, end, score, piece=True)
                opened[label].end = end
                opened[label].peak = max(opened[label].peak, score)
        return out

    def _close(self, label: int, end: int, *, cut: bool = False) -> list[SoundEvent]:
        """Ends an open event; gives it at once if it is a piece that goes on."""
        stretch = self._state.open.pop(label)
        stretch.end = end
        if end - stretch.start < self._min_dur[label] and not (cut or stretch.piece):
            return []
        out: list[SoundEvent] = []
        before = self._state.closed.pop(label, None)
        if before is not None:
            joins = stretch.start - before.end <= self._gap and end - before.start <= self._longest
            if joins:
                stretch = Stretch(before.start, end, max(before.peak, stretch.peak), before.piece)
            else:
                out.append(self._give(label, before))
        if cut:
            out.append(self._give(label, stretch))
        else:
            self._state.closed[label] = stretch
        return out

    def _release(self, now: int) -> list[SoundEvent]:
        """Gives what has ended and can no longer be joined with anything."""
        out: list[SoundEvent] = []
        for label, stretch in sorted(self._state.closed.items()):
            begun = self._state.open.get(label)
            next_start = begun.start if begun else now
            too_far = next_start - stretch.end > self._gap
            if too_far or now - stretch.start > self._longest:
                out.append(self._give(label, self._state.closed.pop(label)))
        return out

    def _give(self, label: int, stretch: Stretch) -> SoundEvent:
        self._state.given += 1
        return SoundEvent(
            id=self._state.given,
            start=stretch.start,
            end=stretch.end,
            label=self._labels[label],
            score=round(stretch.peak, 3),
            source=self._source,
        )
