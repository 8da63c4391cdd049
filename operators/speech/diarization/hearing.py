"""What a turn sounds like, learnt while it goes on: each stretch of it is embedded once.

A turn is cut into stretches of 1 to 1.6 s at its quietest moments, as soon as that much of it was heard:

    turn       |------- 1.3 s ------|--- 1.0 s ---|------ 1.6 s ------|.. still open ..
    embedded           once               once             once
"""

from __future__ import annotations

import msgspec
import numpy as np

from operators.speech.diarization.aggregation import Run
from operators.speech.diarization.clustering import unit
from operators.speech.diarization.models import Embedding, Samples, Segmentation
from operators.speech.diarization.stretches import quietest
from operators.speech.diarization.windows import Windows
from stream_engine.clock import RATE, snap
from stream_engine.state import Array

SHORTEST = RATE
LONGEST = RATE * 8 // 5
_TAIL = RATE * 3 // 5  # what is left at the end of a turn is embedded if it is longer
_SHRED = RATE // 10
_MOVED = RATE // 4  # a turn whose beginning is found to be elsewhere by more is heard anew


class Stretch(msgspec.Struct, frozen=True):
    """Frames `[start, end)` of a turn, and the voice in them."""

    start: int
    end: int
    seconds: float  # of speech behind the vector
    vector: Array  # [dimension], float64, unit length or zero


class Hearing:
    """Embeds the stretches of turns; all memory is with the caller."""

    def __init__(self, *, windows: Windows, segmentation: Segmentation, embedding: Embedding) -> None:
        self._windows = windows
        self._step = segmentation.step
        self._middle = segmentation.width // 2
        self._embedding = embedding

    def time(self, frame: int) -> int:
        """Where the middle of a frame lies, on the millisecond; the session's start for frame 0."""
        return snap(min(frame * self._step + self._middle, self._windows.end)) if frame > 0 else 0

    def audio(self, run: Run) -> Samples:
        return self._windows.crop(self.time(run.start), self.time(run.end))

    def listen(self, run: Run, known: list[Stretch], *, over: bool) -> list[Stretch]:
        """The stretches of a run: those known that still belong to it, and new ones."""
        moved, start = _MOVED // self._step, run.start
        stretches = [s for s in known if s.start >= run.start - moved and s.end <= run.end]
        if stretches and abs(stretches[0].start - run.start) <= moved:
            start = stretches[-1].end
        else:
            stretches = []
        while (run.end - start) * self._step >= LONGEST:
            stretches.append(self._stretch(run, start, self._quietest(start)))
            start = stretches[-1].end
        if over and start < run.end:
            stretches.append(self._tail(run, start, alone=not stretches))
        return stretches

    def _quietest(self, start: int) -> int:
        begin = self.time(start)
        moment = begin + SHORTEST + quietest(self._windows.crop(begin + SHORTEST, begin + LONGEST))
        return max((moment - self._middle) // self._step, start + 1)

    def _tail(self, run: Run, start: int, *, alone: bool) -> Stretch:
        if alone or (run.end - start) * self._step >= _TAIL:
            return self._stretch(run, start, run.end)
        return Stretch(start, run.end, 0.0, Array.of(np.zeros(self._embedding.dimension)))

    def _stretch(self, run: Run, start: int, end: int) -> Stretch:
        """Embeds what only this voice says in frames `[start, end)`."""
        pieces: list[Samples] = []
        for first, last in run.alone:
            begin, stop = self.time(max(first, start)), self.time(min(last, end))
            if stop - begin >= _SHRED:
                pieces.append(self._windows.crop(begin, stop))
        crop = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
        if len(crop) < self._embedding.shortest:
            return Stretch(start, end, 0.0, Array.of(np.zeros(self._embedding.dimension)))
        return Stretch(start, end, len(crop) / RATE, Array.of(unit(self._embedding([crop])[0])))
