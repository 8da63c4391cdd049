"""Running loudness of ITU-R BS.1770-5 (EBU Tech 3341): momentary, short-term and integrated, of mono.

K-weighted samples are squared and averaged over hops of 100 ms on the session's grid; windows are means of
hops, in LUFS: -0.691 + 10 log10 of the mean square.

    hops          0    1    2    3    4    5 ...
    gating block  └──── 400 ms ────┘
                       └──── 400 ms ────┘            momentary: the last block; short-term: 30 hops

Integrated is the mean of all blocks above -70 LUFS and, of these, above 10 LU below their mean. That wants
all blocks again whenever the mean moves, so they are kept as a histogram of 0.01 LU from -70 to +10 LUFS:
32 KB for any length. It rounds a block by 0.005 LU at most, and so the mean by as much; the relative gate is
off by at most 0.01 LU, which matters only to blocks that lie that near to it.

A hop that has not ended at the end of the stream is not measured; the standard leaves it out, too.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from math import log10

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.filters import Filter, FilterState, k_weighting
from operators.audio.tensor_chunks import TensorChunk, Transfers, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.state import Array

HOP = RATE // 10
MOMENTARY = 4  # hops
SHORT_TERM = 30  # hops
GATE = -70.0  # LUFS
RELATIVE_GATE = -10.0  # LU
BIN = 0.01  # LU
_BINS = round((10.0 - GATE) / BIN)
_POWERS = 10 ** ((GATE + (np.arange(_BINS) + 0.5) * BIN + 0.691) / 10)  # of the middle of each bin


class LoudnessReading(msgspec.Struct, frozen=True):
    """What stands after the hop `[start, end)`, samples on the session clock; LUFS.

    None: the window is not full yet, or nothing in it is above -70 LUFS.
    """

    start: int
    end: int
    momentary: float | None  # of the 400 ms up to `end`
    short_term: float | None  # of the 3 s up to `end`
    integrated: float | None  # of all up to `end`


class LoudnessState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    weighting: FilterState
    rest: Array  # [samples < HOP], K-weighted
    hop: int  # hops measured
    powers: tuple[float, ...]  # of the last hops, SHORT_TERM at most
    counts: Array  # [_BINS], uint32: blocks at each loudness


class Loudness:
    """Tensor chunks in, a reading each 100 ms. Lookahead: none. State: some 40 KB, for any length."""

    def __init__(self, *, transfers: Transfers | None = None, state: LoudnessState | None = None) -> None:
        self._transfers = transfers or Transfers()
        self._weighting = Filter(sections=k_weighting(), state=state.weighting if state else None)
        self._rest = restored(state.rest) if state else None
        self._hop = state.hop if state else 0
        self._powers = deque(state.powers if state else (), SHORT_TERM)
        self._counts = state.counts.numpy().astype(np.float64) if state else np.zeros(_BINS)
        self._integrated = integrated(self._counts)

    @property
    def integrated(self) -> float | None:
        """The gated loudness of all so far, LUFS."""
        return self._integrated

    @property
    def state(self) -> LoudnessState:
        return LoudnessState(
            self._weighting.state,
            saved(self._rest),
            self._hop,
            tuple(self._powers),
            Array.of(self._counts.astype(np.uint32)),
        )

    def feed(self, item: TensorChunk, /) -> Iterator[LoudnessReading]:
        for weighted in self._weighting.feed(item):
            samples = joined(self._rest, weighted.samples)
            whole = len(samples) // HOP * HOP
            self._rest = samples[whole:]
            if whole:
                powers = samples[:whole].reshape(-1, HOP).square().mean(1)
                yield from [self._reading(power) for power in self._transfers.download(powers).tolist()]

    def flush(self) -> Iterator[LoudnessReading]:
        return iter(())

    def _reading(self, power: float) -> LoudnessReading:
        self._powers.append(power)
        self._hop += 1
        recent = list(self._powers)
        momentary = _level(recent[-MOMENTARY:], MOMENTARY)
        if momentary is not None:
            self._counts[min(int((momentary - GATE) / BIN), _BINS - 1)] += 1
            self._integrated = integrated(self._counts)
        end = self._hop * HOP
        return LoudnessReading(end - HOP, end, momentary, _level(recent, SHORT_TERM), self._integrated)


def lufs(power: float) -> float:
    """The loudness of a mean square (K-weighted, one channel); above zero."""
    return -0.691 + 10 * log10(power)


def integrated(counts: NDArray[np.float64]) -> float | None:
    """The gated loudness of blocks counted by their own ([_BINS]), LUFS; None if there are none."""
    count = counts.sum()
    if not count:
        return None
    gate = lufs(float(counts @ _POWERS / count)) + RELATIVE_GATE
    first = max(0, int((gate - GATE) / BIN))
    kept = counts[first:]
    return lufs(float(kept @ _POWERS[first:] / kept.sum()))


def _level(powers: list[float], full: int) -> float | None:
    """Of a window of `full` hops, LUFS; None if it is not full or under the gate."""
    level = lufs(sum(powers) / full) if len(powers) == full and any(powers) else GATE
    return level if level > GATE else None
