"""Where the time goes: three spans per item and stage, at a cost that a no-op stage can bear.

    |---- wait ----|---- feed ----|---- send ----|
    starved         compute        held by what follows

The hot path takes a clock reading or three and one append in C. What was recorded is folded into histograms
by numpy a few times a second; full spans are kept for the last items and the slowest ones only, so that a
day-long run costs no more memory than a minute. All methods are called from the event loop's thread, save
`record` and `counter`.
"""

from __future__ import annotations

import struct
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_engine.lineage import Lineage, WordLatency

Clock = Callable[[], int]  # nanoseconds, monotone
OnFold = Callable[[str, NDArray[np.int64]], None]  # a stage's name, and [n, 5]: the fields of `Item`

KEPT = 8192  # full spans per stage
BLOCK = 2048 * 5 * 8  # bytes that are folded at a time: they stay near the processor
SLOWEST = 32  # spans kept per stage beside the last ones
PER_OCTAVE = 16  # histogram bins: 4.4 % wide, so a percentile is within 2.2 %
WORDS = 1024  # whose latency is kept part by part
COUNTER_SAMPLES = 1024  # of each counter, the last ones


class Item(NamedTuple):
    """One item's passage through one stage; times in nanoseconds on the tracer's clock."""

    position: int  # samples, or -1 where the item has none
    start: int  # began to wait
    received: int
    fed: int
    sent: int


packed = struct.Struct("5q").pack


class Histogram:
    """Durations in logarithmic bins: constant memory, percentiles within 2.2 %."""

    def __init__(self) -> None:
        self.count = 0
        self.total = 0  # ns
        self.largest = 0  # ns
        self._bins = np.zeros(64 * PER_OCTAVE, np.int64)

    def add(self, durations: NDArray[np.int64]) -> None:
        """Adds durations ([n], ns, not negative)."""
        if not len(durations):
            return
        bins = (np.log2(np.maximum(durations, 1).astype(np.float32)) * PER_OCTAVE).astype(np.int64)
        self._bins += np.bincount(bins, minlength=len(self._bins))
        self.count += len(durations)
        self.total += int(durations.sum())
        self.largest = max(self.largest, int(durations.max()))

    def percentile(self, percent: float) -> float:
        """Nanoseconds below which `percent` of the durations lie; 0 where there are none."""
        if not self.count:
            return 0.0
        rank = max(1.0, percent / 100 * self.count)
        index = int(np.searchsorted(np.cumsum(self._bins), rank))
        return float(min(self.largest, 2 ** ((index + 0.5) / PER_OCTAVE)))


class Samples:
    """The last samples of a counter, as bytes: tuples in a deque took seven times as much."""

    _one = struct.Struct("qd")  # ns, value

    def __init__(self) -> None:
        self._packed = bytearray()

    def add(self, at: int, value: float) -> None:
        """The next sample, from any thread."""
        self._packed += self._one.pack(at, value)
        if len(self._packed) >= 2 * COUNTER_SAMPLES * self._one.size:
            del self._packed[: -COUNTER_SAMPLES * self._one.size]

    @property
    def last(self) -> float:
        """The newest value; there is one."""
        return self._one.unpack(self._packed[-self._one.size :])[1]

    def __len__(self) -> int:
        return min(len(self._packed) // self._one.size, COUNTER_SAMPLES)

    def __iter__(self) -> Iterator[tuple[int, float]]:
        return self._one.iter_unpack(self._packed[-COUNTER_SAMPLES * self._one.size :])


class StageTrace:
    """What one stage did. `record` takes an item that was `packed`, and is the hot path."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.wait = Histogram()
        self.feed = Histogram()
        self.send = Histogram()
        self.first_ns = 0
        self.last_ns = 0
        self._buffer = bytearray()  # an object for each item would be scattered over memory
        self._kept = np.zeros((KEPT, 5), np.int64)  # a ring
        self._folded = 0  # rows that came into it
        self._slowest = np.empty((0, 5), np.int64)  # of those that left it
        self._slow_ns = 0  # what takes longer is one of them
        self.record: Callable[[bytes], None] = self._buffer.extend
        self.on_fold: OnFold | None = None

    def fold(self) -> None:
        """Moves what was recorded into the histograms."""
        while taken := bytes(self._buffer[:BLOCK]):
            del self._buffer[: len(taken)]  # others may record meanwhile
            self._take(np.frombuffer(taken, np.int64).reshape(-1, 5))

    def _take(self, rows: NDArray[np.int64]) -> None:
        if not self.first_ns:
            self.first_ns = int(rows[:, 1].min())
        self.last_ns = max(self.last_ns, int(rows[:, 4].max()))
        spans = np.diff(np.ascontiguousarray(rows.T[1:]), axis=0)
        for histogram, durations in zip((self.wait, self.feed, self.send), spans, strict=True):
            histogram.add(durations)
        self._keep(rows)
        if self.on_fold is not None:
            self.on_fold(self.name, rows)

    def _keep(self, rows: NDArray[np.int64]) -> None:
        """Puts `rows` (`BLOCK` at most) into the ring; the slowest of those that leave it are kept apart."""
        place = self._folded % KEPT
        self._folded += len(rows)
        for start, part in ((place, rows[: KEPT - place]), (0, rows[KEPT - place :])):
            ring = self._kept[start : start + len(part)]
            if (left := ring[ring[:, 3] - ring[:, 2] > self._slow_ns]).size:
                left = np.concatenate([self._slowest, left])
                slowest = np.argsort(left[:, 2] - left[:, 3], kind="stable")[:SLOWEST]
                self._slowest = left[np.sort(slowest)]
                if len(self._slowest) == SLOWEST:
                    self._slow_ns = int((self._slowest[:, 3] - self._slowest[:, 2]).min())
            ring[:] = part

    def items(self) -> list[Item]:
        """The spans that were kept: the slowest of old, and all of the last `KEPT`."""
        self.fold()
        last = self._kept[: self._folded]
        if self._folded > KEPT:
            last = np.roll(last, -(self._folded % KEPT), axis=0)
        return [Item(*map(int, row)) for rows in (self._slowest, last) for row in rows]


class Tracer:
    """The stages and counters of one run."""

    enabled = True

    def __init__(self, *, clock: Clock = time.perf_counter_ns) -> None:
        self.clock = clock
        self.began = clock()
        self.stages: dict[str, StageTrace] = {}
        self.counters: dict[str, Samples] = {}
        self.metrics: dict[str, Histogram] = {}
        self.on_fold: OnFold | None = None  # told of all spans of stages that are made after it is set
        self.lineage: Lineage | None = Lineage()
        self.word_latency: dict[str, Histogram] = {}  # by part
        self.words: deque[tuple[int, int, WordLatency]] = deque(maxlen=WORDS)  # end, told, why

    def stage(self, name: str) -> StageTrace:
        """The trace of the stage `name`, made at its first use."""
        stage = self.stages.get(name)
        if stage is None:
            stage = self.stages.setdefault(name, StageTrace(name))
            stage.on_fold = self.on_fold
        return stage

    def counter(self, name: str, value: float) -> None:
        """A sampled quantity, such as the depth of a queue."""
        if (samples := self.counters.get(name)) is None:
            samples = self.counters.setdefault(name, Samples())
        samples.add(self.clock(), value)

    def observe(self, name: str, duration_ns: int) -> None:
        """A duration that belongs to no stage, such as the lag of a final text."""
        self.metrics.setdefault(name, Histogram()).add(np.array([max(0, duration_ns)], np.int64))

    def word(self, end: int, told: int, parts: WordLatency) -> None:
        """Where the latency of a word that ends at sample `end` came from; `told` on this clock."""
        self.words.append((end, told, parts))
        for part, duration in zip((*parts._fields, "total"), (*parts, parts.total), strict=True):
            self.word_latency.setdefault(part, Histogram()).add(np.array([max(0, duration)], np.int64))

    def fold(self) -> None:
        """Takes in what the stages recorded; called a few times a second."""
        for stage in self.stages.values():
            stage.fold()

    def wall_ns(self) -> int:
        """Nanoseconds since the tracer was made."""
        return self.clock() - self.began


class _NullStage(StageTrace):
    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.record = lambda item: None


class NullTracer(Tracer):
    """Records nothing, so that stages need no `if`."""

    enabled = False

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0)
        self.lineage = None

    def stage(self, name: str) -> StageTrace:
        return _NullStage(name)

    def counter(self, name: str, value: float) -> None:
        pass

    def observe(self, name: str, duration_ns: int) -> None:
        pass
