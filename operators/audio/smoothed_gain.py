"""A gain that follows the level of each frame, smoothed over its neighbours on both sides."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator

import msgspec
import numpy as np

from operators.audio.levels import Levels, Track
from stream_engine.state import Array


class SmoothedGainState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    frame: int  # of the first in `pending`
    pending: Array  # [3, frames]: level, power and gain of frames that wait for their neighbours
    wanted: Array  # [frames], dB: from `reach` frames before them on


class SmoothedGain:
    """Levels in and out, later by `reach` frames. Before the first and after the last frame there are more
    like it."""

    def __init__(self, *, smoothing_s: float, state: SmoothedGainState | None = None) -> None:
        self.reach = round(smoothing_s * 100) // 2
        kernel = np.hanning(2 * self.reach + 3)[1:-1]
        self._kernel = kernel / kernel.sum()
        self._pending: Levels | None = None
        self._wanted: Track = np.zeros(0)
        if state is not None and state.pending.shape[1]:
            self._pending = Levels(state.frame, *state.pending.numpy())
            self._wanted = state.wanted.numpy()

    @property
    def state(self) -> SmoothedGainState:
        pending = self._pending
        frames = np.zeros((3, 0)) if pending is None else np.stack(pending[1:])
        return SmoothedGainState(pending.frame if pending else 0, Array.of(frames), Array.of(self._wanted))

    @abstractmethod
    def wanted(self, level: Track) -> Track:
        """The gain for each level, dB."""

    def feed(self, item: Levels, /) -> Iterator[Levels]:
        if not item.frames:
            return
        wanted = self.wanted(item.level)
        if self._pending is None:
            self._pending, self._wanted = item, np.repeat(wanted[0], self.reach)
        else:
            rows = zip(self._pending[1:], item[1:], strict=True)
            self._pending = Levels(self._pending.frame, *(np.concatenate(row) for row in rows))
        yield from self._release(wanted)

    def flush(self) -> Iterator[Levels]:
        if self._pending is not None and self._pending.frames:
            yield from self._release(np.repeat(self._wanted[-1], self.reach))

    def _release(self, more: Track) -> Iterator[Levels]:
        assert self._pending is not None
        self._wanted = np.concatenate((self._wanted, more))
        ready = len(self._wanted) - 2 * self.reach
        if ready <= 0:
            return
        smooth = np.convolve(self._wanted, self._kernel, "valid").astype(np.float64)
        frame, rows = self._pending.frame, self._pending[1:]
        self._wanted = self._wanted[ready:]
        self._pending = Levels(frame + ready, *(row[ready:] for row in rows))
        yield Levels(frame, *(row[:ready] for row in rows)).after(smooth)
