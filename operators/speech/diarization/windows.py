"""Windows at fixed positions on the session clock, and the recent past that crops are taken from.

    session            0                                              samples ->
    window 0    |-- silence --|-- hop --|
    window 1       |-- silence --|-- hop --|-- hop --|
                                        window k ends `hop` after window k - 1, whatever the chunks are

The hop is a whole number of model frames, so the frames of all windows lie on one grid.
"""

from __future__ import annotations

import msgspec
import numpy as np

from operators.speech.diarization.models import Samples
from stream_engine.events import Chunk
from stream_engine.state import Array


class WindowsState(msgspec.Struct):
    """Audio kept: [frames] from sample `start` on; `index` windows have been given."""

    start: int
    index: int
    audio: Array


class Windows:
    """Cuts a stream of chunks into windows; remembers `memory` samples behind the end of the newest one."""

    def __init__(
        self, *, window: int, hop: int, step: int, memory: int, state: WindowsState | None = None
    ) -> None:
        if hop % step:
            raise ValueError(f"the hop is a multiple of the frame step {step}, got {hop}")
        self._window = window
        self._hop = hop
        self._lead = window // step * step  # window 0 starts a hop short of this before the session
        self._memory = memory
        self._parts: list[Samples] = [state.audio.numpy()] if state else []
        self._start = state.start if state else 0
        self._end = self._start + sum(map(len, self._parts))
        self.index = state.index if state else 0

    @property
    def state(self) -> WindowsState:
        return WindowsState(self._start, self.index, Array.of(self._joined()))

    @property
    def end(self) -> int:
        """Samples heard."""
        return self._end

    def first_sample(self, index: int) -> int:
        """Where window `index` begins; negative while the session is younger than a window."""
        return self._hop * (index + 1) - self._lead

    def feed(self, chunk: Chunk) -> None:
        if chunk.start != self._end:
            raise ValueError(f"chunks follow one another: expected one at {self._end}, got {chunk.start}")
        self._parts.append(chunk.samples)
        self._end += len(chunk.samples)

    def due(self, most: int) -> list[Samples]:
        """Up to `most` windows that are complete, oldest first."""
        found: list[Samples] = []
        while len(found) < most and self.first_sample(self.index) + self._window <= self._end:
            start = self.first_sample(self.index)
            found.append(self.crop(start, start + self._window))
            self.index += 1
        return found

    def last(self) -> Samples | None:
        """At the end of the stream: the window that reaches past it, if anything is left unseen."""
        start = self.first_sample(self.index)
        if self._end == 0 or start - self._hop + self._window >= self._end:
            return None
        self.index += 1
        return self.crop(start, start + self._window)

    def crop(self, start: int, end: int) -> Samples:
        """Samples `[start, end)`; silence where there is no audio."""
        audio = self._joined()
        if start < self._start and self._start > 0:
            raise ValueError(f"audio before sample {self._start} is forgotten, asked for {start}")
        inside = audio[max(start - self._start, 0) : max(end - self._start, 0)]
        before = max(min(self._start, end) - start, 0)
        return np.pad(inside, (before, end - start - before - len(inside)))

    def forget(self) -> None:
        """Drops what no window and no crop within `memory` can ask for."""
        next_start = self.first_sample(self.index)
        keep_from = min(next_start, next_start + self._window - self._hop - self._memory)
        if keep_from > self._start:
            audio = self._joined()[keep_from - self._start :]
            self._parts, self._start = [audio.copy()], keep_from

    def _joined(self) -> Samples:
        if len(self._parts) != 1:
            self._parts = [np.concatenate([np.zeros(0, np.float32), *self._parts])]
        return self._parts[0]
