"""Statistics of a talk while it goes on: every few seconds of the session, and at its end.

in order  t1 t2 s1 p1 i1 t3 r1 ...  ─┬─► held: the last turns and what belongs to them (labels may change)
                                     │        │ beyond `hold` turns
                                     │        ▼
                                     │    settled: sums, sketches          held + settled ─► Statistics
                                     └─► windows, coherence: no labels needed
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from operators.prosody.spoken_words import spoken_words
from operators.timeline.coherence import Coherence
from operators.timeline.conversation_figures import (
    conversation_figures,
    interruption_counts,
)
from operators.timeline.energy_flow import EnergyFlow
from operators.timeline.held_turns import HeldTurns
from operators.timeline.speaker_figures import speaker_figures
from operators.timeline.tally import Tally, counted
from operators.timeline.turn_taking import TurnTaking
from stream_engine.clock import samples
from stream_engine.events import (
    Affect,
    Backchannel,
    EnergyWindow,
    Interruption,
    Prosody,
    Relabel,
    Segment,
    Statistics,
    Turn,
    Watermark,
)


class ConversationState(msgspec.Struct):
    settled: Tally
    energy: EnergyFlow
    held: HeldTurns = msgspec.field(default_factory=HeldTurns)
    coherence: Coherence = msgspec.field(default_factory=Coherence)
    ticks: int = 0  # statistics given
    position: int = 0  # start of the last turn
    end: int = 0  # of all that was said or heard
    late: int = 0  # out of order, and left out


class Conversation:
    """Turns, relabels, interruptions, back-channels, segments, prosody and affect to `Statistics`.

    Takes them in order of time, as `InOrder` gives them, so its output does not depend on how they came. Each
    statistics has all that began before it, under the labels of that moment; the last one all, under the last
    labels, as if they had been so from the start: a relabel of a speaker renames all that was counted, and
    the last `hold` turns, which the diarizer may name again one by one, are not added up before they are
    beyond its memory (160 turns). The one exception is `TurnTaking.longest`.

    The session ends with the last `Watermark(source="audio")`, or with what was said last. Overlaps,
    withdrawn turns and all else are ignored. Time: O(hold) for each statistics, O(log active) for each turn.
    State: O(pairs of speakers + open windows + hold).

    Args:
        every_s: of session time between two statistics.
        window_s: of the energy flow.
        turn_pause_s: longer pauses end a turn.
        response_max_s: what comes later is no response.
        hold: turns that are held. 0: a relabel of single turns reaches nothing.
        exact: medians of all values, which are kept, rather than within 1 %.
        merged: source of the watermarks that the stream is in order with.
    """

    def __init__(
        self,
        *,
        every_s: float = 10.0,
        window_s: float = 30.0,
        turn_pause_s: float = 1.0,
        response_max_s: float = 5.0,
        hold: int = 200,
        exact: bool = False,
        merged: str = "in order",
        state: ConversationState | None = None,
    ) -> None:
        self._every = samples(every_s)
        self._hold = hold
        self._merged = merged
        taking = TurnTaking(samples(turn_pause_s), samples(response_max_s), exact)
        new = ConversationState(Tally(taking, exact), EnergyFlow(samples(window_s)))
        self._state = _copied(state) if state else new

    @property
    def state(self) -> ConversationState:
        return _copied(self._state)

    def feed(self, item: Any, /) -> Iterable[Statistics]:
        match item:
            case Watermark(source="audio"):
                self._state.end = max(self._state.end, item.at)
            case Watermark():
                return self._until(item.at) if item.source == self._merged else ()
            case Relabel():
                due = self._until(item.as_of)
                self._relabel(item)
                return due
            case Turn() | Segment() | Interruption() | Backchannel() | Prosody() | Affect():
                return self._take(item) if getattr(item, "final", True) else ()
            case _:
                pass
        return ()

    def flush(self) -> Iterator[Statistics]:
        yield from self._until(self._state.end)
        yield self._statistics(self._state.end, final=True)

    def _take(self, item: Turn | Segment | Interruption | Backchannel | Prosody | Affect) -> list[Statistics]:
        state = self._state
        due = self._until(item.start)
        state.end = max(state.end, item.end)
        match item:
            case Turn():
                self._turn(item)
            case Segment():
                words = spoken_words(item.text, language=None)
                state.held.segment(item, len(words))
                state.coherence.add(words)
                state.energy.text(item, len(words))
            case Prosody():
                state.late += not state.held.prosody(item)
                if item.loudness_dbfs is not None:
                    state.energy.loudness(item.start, item.end, item.loudness_dbfs)
            case Affect():
                state.late += not state.held.affect(item)
                if item.arousal is not None:
                    state.energy.arousal(item.start, item.end, item.arousal)
            case Interruption() | Backchannel():
                state.held.claim(item)
        return due

    def _turn(self, turn: Turn) -> None:
        state = self._state
        if turn.end <= turn.start:
            return
        if turn.start < state.position:
            state.late += 1
            return
        state.position = turn.start
        state.energy.speech(turn.start, turn.end)
        state.held.turn(turn)
        for old in state.held.take_turns(self._hold):
            state.settled.turn(old.start, old.end, old.speaker)
            state.energy.speaks(old.start, old.end, old.speaker)
        before = state.held.turns[0].start if state.held.turns else state.position
        for claim in state.held.take_claims(before):
            state.settled.claim(claim.by, claim.to, claim.successful)
        for segment in state.held.take_segments(before):
            state.settled.told(segment.told, segment.speaker)

    def _relabel(self, event: Relabel) -> None:
        state = self._state
        state.held.relabel(event)
        if event.speaker is not None and event.speaker != event.to:
            state.settled.rename(event.speaker, event.to)
            state.energy.rename(event.speaker, event.to)

    def _until(self, before: int) -> list[Statistics]:
        """The statistics due by then: nothing that begins earlier will follow."""
        given: list[Statistics] = []
        while (at := (self._state.ticks + 1) * self._every) <= before:
            self._state.ticks += 1
            given.append(self._statistics(at))
        return given

    def _statistics(self, at: int, *, final: bool = False) -> Statistics:
        state = self._state
        held = state.settled.ahead()
        for turn in state.held.turns:
            held.turn(turn.start, turn.end, turn.speaker)
        held.talk.advance(at)
        held.taking.finish()
        for claim in state.held.claims:
            held.claim(claim.by, claim.to, claim.successful)
        for segment in state.held.segments:
            held.told(segment.told, segment.speaker)
        both = counted(state.settled, held)
        return Statistics(
            at=at,
            final=final,
            conversation=conversation_figures(state.settled, held, both, state.coherence, at),
            speakers=speaker_figures(state.settled, held, both),
            interruptions=interruption_counts(both),
            windows=self._windows(at, final=final),
        )

    def _windows(self, at: int, *, final: bool) -> tuple[EnergyWindow, ...]:
        energy = self._state.energy
        turns = [(turn.start, turn.end, turn.speaker) for turn in self._state.held.turns]
        return tuple(energy.finish(at, turns) if final else energy.close(at, turns))


def _copied(state: ConversationState) -> ConversationState:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=ConversationState)
