"""Turns without speakers, out of voice activity alone: for sessions that nobody diarizes."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from operators.speech.pauses import Pauses, PausesState
from stream_engine.clock import samples
from stream_engine.events import Turn, VoiceActivity, Watermark
from stream_engine.operator import Operator

REACH = samples(0.25)
EVERY = 8  # frames between two watermarks


class SpeechTurnsState(msgspec.Struct, frozen=True):
    """What the turn maker remembers."""

    pauses: PausesState
    frames: int
    start: int | None  # of the open turn
    voiced_until: int
    next_id: int
    heard: int


class SpeechTurns(Operator[VoiceActivity | Watermark, Turn | Watermark]):
    """Voice activity to final turns with `speaker=None`, under the source name "diarizer".

    A turn begins where the probability rises above `begin` and ends where it has stayed below `end` for
    `pause_s`; the pause is no part of it. One longer than `longest_s` is cut at its quietest place; one
    shorter than `shortest_s` is left out. The watermarks do not depend on how the frames are grouped.
    Lookahead: `pause_s`.
    """

    def __init__(
        self,
        *,
        begin: float = 0.5,
        end: float = 0.35,
        pause_s: float = 0.8,
        shortest_s: float = 0.25,
        longest_s: float = 14.0,
        state: SpeechTurnsState | None = None,
    ) -> None:
        if not 0 < end <= begin < 1:
            message = f"begin={begin}, end={end}: want 0 < end <= begin < 1"
            raise ValueError(message)
        self._begin, self._end = begin, end
        self._pause, self._shortest, self._longest = samples(pause_s), samples(shortest_s), samples(longest_s)
        self._pauses = Pauses(state=state.pauses if state else None)
        self._frames = state.frames if state else 0
        self._start = state.start if state else None
        self._voiced_until = state.voiced_until if state else 0
        self._next_id = state.next_id if state else 0
        self._heard = state.heard if state else 0

    @property
    def state(self) -> SpeechTurnsState:
        return SpeechTurnsState(
            self._pauses.state, self._frames, self._start, self._voiced_until, self._next_id, self._heard
        )

    def feed(self, item: VoiceActivity | Watermark, /) -> Iterator[Turn | Watermark]:
        if isinstance(item, Watermark):
            self._heard = item.at
            return
        self._pauses.add(item)
        for index, probability in enumerate(item.probabilities):
            yield from self._frame(item.start + index * item.hop, item.hop, probability)
        self._pauses.forget(item.end if self._start is None else self._start - REACH)

    def flush(self) -> Iterator[Turn]:
        if self._start is not None:  # the last frame may have been filled up beyond the end of the audio
            yield from self._close(min(self._voiced_until, self._heard))

    def _frame(self, at: int, hop: int, probability: float) -> Iterator[Turn | Watermark]:
        if probability > (self._begin if self._start is None else self._end):
            self._start = at if self._start is None else self._start
            self._voiced_until = at + hop
        if self._start is not None and at + hop - self._voiced_until >= self._pause:
            yield from self._close(self._voiced_until)
            self._start = None
        elif self._start is not None and at + hop - self._start >= self._longest + REACH:
            earliest = self._start + self._longest // 2
            cut = self._pauses.quietest(earliest, self._start + self._longest, reach=REACH)
            yield from self._close(cut)
            self._start = cut
        self._frames += 1
        if self._frames % EVERY == 0:
            yield Watermark(source="diarizer", at=at + hop if self._start is None else self._start)

    def _close(self, end: int) -> Iterator[Turn]:
        if self._start is None or end - self._start < self._shortest:
            return
        yield Turn(id=self._next_id, revision=0, final=True, start=self._start, end=end, speaker=None)
        self._next_id += 1
