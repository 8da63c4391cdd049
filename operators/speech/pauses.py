"""A window of speech probabilities: how much of an interval is voiced, and where it is quietest."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.events import VoiceActivity
from stream_engine.state import Array

VOICED = 0.5  # probability above which a frame counts as speech


class PausesState(msgspec.Struct, frozen=True):
    """The window as a value."""

    start: int
    hop: int
    probabilities: Array  # [frames], float32


class Pauses:
    """Probabilities of consecutive frames from `start` on; old ones are forgotten on request."""

    def __init__(self, *, state: PausesState | None = None) -> None:
        self._start = state.start if state else 0
        self._hop = state.hop if state else 1
        self._frames: NDArray[np.float32] = (
            state.probabilities.numpy() if state else np.empty(0, np.float32)  # [frames]
        )

    @property
    def state(self) -> PausesState:
        return PausesState(self._start, self._hop, Array.of(self._frames))

    @property
    def end(self) -> int:
        """Where the window ends; 0 before anything came."""
        return self._start + self._hop * len(self._frames)

    def add(self, item: VoiceActivity) -> None:
        if not len(self._frames):
            self._start, self._hop = item.start, item.hop
        self._frames = np.append(self._frames, np.asarray(item.probabilities, np.float32))

    def forget(self, before: int) -> None:
        """Drops frames that end at or before a position, keeping one so that the place is known."""
        gone = min((before - self._start) // self._hop, len(self._frames) - 1)
        if gone > 0:
            self._frames = self._frames[gone:].copy()
            self._start += gone * self._hop

    def voiced(self, start: int, end: int) -> int:
        """Samples of `[start, end)` that lie in frames above `VOICED`."""
        first, frames = self._within(start, end)
        edges = self._start + self._hop * (first + np.arange(len(frames) + 1))
        lengths = np.diff(np.clip(edges, start, end))
        return int(lengths[frames > VOICED].sum())

    def quietest(self, start: int, end: int, *, reach: int) -> int:
        """The frame boundary in `[start, end]` with the least speech within `reach` on either side.

        Among equals the last one wins: longer clips are recognised better.
        """
        wide = max(1, reach // self._hop)
        first, frames = self._within(start - reach, end + reach)
        # whole numbers, so that the sums do not depend on where the window begins
        sums = np.concatenate(([0], np.cumsum(np.rint(frames * 1000).astype(np.int64))))
        index = np.arange(len(frames) + 1)
        at = self._start + self._hop * (first + index)
        speech = sums[np.minimum(index + wide, len(frames))] - sums[np.maximum(index - wide, 0)]
        inside = (at >= start) & (at <= end)
        if not inside.any():
            return end
        lowest = speech[inside].min()
        return int(at[inside & (speech == lowest)][-1])

    def _within(self, start: int, end: int) -> tuple[int, NDArray[np.float32]]:
        """The index of the first frame that touches `[start, end)`, and those that do."""
        first = max(0, (start - self._start) // self._hop)
        last = max(first, -(-(end - self._start) // self._hop))
        return first, self._frames[first:last]
