"""The frames of prosody that somebody may still ask for, as columns: a segment is a slice of them."""

from __future__ import annotations

import msgspec
import numpy as np

from operators.audio.stft import HOP
from operators.prosody.frames import ProsodyFrames
from stream_engine.state import Array

COLUMNS = len(ProsodyFrames._fields) - 1


class ColumnsState(msgspec.Struct, frozen=True):
    """The frames that are kept."""

    start: int  # samples
    values: Array  # [columns, frames], float32


class FrameColumns:
    """Frames from `start` to `end`: what was added and not forgotten. Memory: at most twice that."""

    def __init__(self, *, state: ColumnsState | None = None) -> None:
        self._values = state.values.numpy() if state else np.zeros((COLUMNS, 0), np.float32)
        self._first, self._last = 0, self._values.shape[1]  # columns of `_values` that are in use
        self._start = state.start if state else 0

    @property
    def state(self) -> ColumnsState:
        return ColumnsState(self._start, Array.of(self._values[:, self._first : self._last]))

    @property
    def start(self) -> int:
        """The first sample that is still known."""
        return self._start

    @property
    def end(self) -> int:
        """The sample up to which frames are known."""
        return self._start + HOP * (self._last - self._first)

    def add(self, frames: ProsodyFrames) -> None:
        """The next frames. Those that come first may begin anywhere.

        Raises:
            ValueError: They do not follow those before.
        """
        if self._last == self._first and frames.start > self._start:
            self._start = frames.start
        if frames.start != self.end:
            raise ValueError(f"frames of sample {frames.start} do not follow those up to {self.end}")
        if self._last + frames.frames > self._values.shape[1]:
            used = self._values[:, self._first : self._last]
            room = np.empty((COLUMNS, max(64, 2 * (used.shape[1] + frames.frames))), np.float32)
            room[:, : used.shape[1]] = used
            self._values, self._first, self._last = room, 0, used.shape[1]
        self._values[:, self._last : self._last + frames.frames] = np.stack(frames[1:])
        self._last += frames.frames

    def slice(self, start: int, end: int) -> ProsodyFrames:
        """The known frames whose middle lies in `[start, end)`: views, which are never written to again."""
        first = max(0, _frame(start - self._start))
        last = min(self._last - self._first, max(first, _frame(end - self._start)))
        first = min(first, last)
        window = self._values[:, self._first + first : self._first + last]
        return ProsodyFrames(self._start + HOP * first, *window)

    def forget(self, before: int) -> None:
        """Nobody will ask for what ends at `before` or earlier."""
        count = min(max(0, (before - self._start) // HOP), self._last - self._first)
        self._first += count
        self._start += count * HOP


def _frame(samples: int) -> int:
    """The first frame whose middle is at `samples` or later."""
    return -((HOP // 2 - samples) // HOP)
