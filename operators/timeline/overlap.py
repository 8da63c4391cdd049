"""Overlap, interruptions and back-channels by a sweep line over the boundaries of final turns.

    seconds  0    1    2    3    4    5    6    7    8
    A        ├─────────────────────────────┤  ┊            A stops first: B's interruption succeeds
    B                       ├─────────────────┤            B begins while A speaks
    C             ├──┤      ┊              ┊  ┊            short, and A keeps the floor: a back-channel
    set      A    AC A      AB             B  ┊
    Overlap       ▓▓▓▓      ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓  ┊            one for each unchanging set of two or more
    swept    ─────────────────────────────────►  ...       up to the diarizer's watermark, no further

Turns of one speaker that touch or overlap are one stretch. A stretch of B that begins while A speaks, more
than `interruption_gap` after A did, is an interruption, unless they share less than `min_overlap` or B's
stretch lasts no longer than `backchannel_max`. It is successful when A stops before B does. A stretch of B
that short, begun so and over while A goes on, is a back-channel, to whoever of such A began first; one that
outlasts them all is a quick answer, and neither.

Boundaries are taken in order of time, whatever the order of arrival, so the output does not depend on how
turns and watermarks are interleaved. Each boundary costs O(log turns in view + active speakers).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable
from heapq import heappop, heappush

from operators.timeline import floor as on
from operators.timeline.floor import OverlapState
from stream_engine.clock import samples
from stream_engine.events import Backchannel, Interruption, Overlap, Relabel, Turn, Watermark

Given = Overlap | Interruption | Backchannel | Watermark


class OverlapSweep:
    """Final turns in, overlaps, interruptions and back-channels out; lengths in samples.

    Left out: turns that are not final, have no length or nobody to attribute them to, and late ones, which
    `state.late` counts. A relabel reaches all that is not given out yet.
    """

    def __init__(
        self,
        *,
        min_overlap: int = samples(0.05),
        interruption_gap: int = samples(0.15),
        backchannel_max: int = samples(1.0),
        state: OverlapState | None = None,
    ) -> None:
        self._min_overlap = min_overlap
        self._gap = interruption_gap
        self._backchannel_max = backchannel_max
        self._state = copy.deepcopy(state) if state else OverlapState()

    @property
    def state(self) -> OverlapState:
        return copy.deepcopy(self._state)

    def feed(self, item: Turn | Relabel | Watermark, /) -> Iterable[Given]:
        match item:
            case Turn():
                self._add(item)
            case Relabel():
                self._relabel(item)
            case Watermark(source="diarizer") if item.at > self._state.position:
                return self._sweep(item.at) + self._release(item.at)
            case _:
                pass
        return ()

    def flush(self) -> Iterable[Given]:
        return self._sweep(math.inf)

    def _add(self, turn: Turn) -> None:
        state = self._state
        if not turn.final or turn.end <= turn.start or turn.speaker is None or turn.id in state.turns:
            return
        if turn.start < state.position:
            state.late += 1
            return
        state.turns[turn.id] = (turn.start, turn.end, turn.speaker)
        heappush(state.boundaries, (turn.start, True, turn.id))
        heappush(state.boundaries, (turn.end, False, turn.id))

    def _sweep(self, limit: float) -> list[Given]:
        """Takes all boundaries before `limit`, those of one instant together, ends first."""
        turns, floor, boundaries = self._state.turns, self._state.floor, self._state.boundaries
        out: list[Given] = []
        while boundaries and boundaries[0][0] < limit:
            at = boundaries[0][0]
            ended: dict[str, int] = {}  # the last turn of each speaker
            begun: on.Floor = {}
            while boundaries and boundaries[0][0] == at:
                _, begins, turn = heappop(boundaries)
                if begins:
                    speaker = turns[turn][2]
                    if stretch := floor.get(speaker) or begun.get(speaker):
                        stretch.turns += 1
                    else:
                        begun[speaker] = on.Stretch(at, 1)
                else:
                    speaker = turns.pop(turn)[2]
                    floor[speaker].turns -= 1
                    ended[speaker] = turn
            if ended:
                ended = {speaker: turn for speaker, turn in ended.items() if floor[speaker].turns == 0}
            if ended or begun:
                out += self._change(at, ended, begun)
        return out

    def _change(self, at: int, ended: dict[str, int], begun: on.Floor) -> list[Given]:
        """Stretches end and begin `at`; `ended` holds the last turn of each."""
        floor, before = self._state.floor, len(self._state.floor)
        out: list[Given] = self._overlaps(at) if before > 1 else []
        if ended:
            for speaker in sorted(ended):
                out += self._claims(speaker, at)
            on.yield_to_others(floor, ended, at, self._gap)
            for speaker in ended:
                del floor[speaker]
        floor.update(begun)
        self._recount(before, at)
        return out

    def _overlaps(self, at: int) -> list[Given]:
        """The piece that ends `at` and those held before it, once they are long enough together."""
        state = self._state
        state.held.append((state.since, at, tuple(sorted(state.floor))))
        if at - state.together < self._min_overlap:
            return []
        first, state.overlaps = state.overlaps + 1, state.overlaps + len(state.held)
        pieces, state.held = state.held, []
        return [Overlap(id=i, start=s, end=e, speakers=who) for i, (s, e, who) in enumerate(pieces, first)]

    def _claims(self, speaker: str, at: int) -> list[Given]:
        """What the stretch of `speaker` that ends `at` interrupted, or whom it encouraged."""
        state = self._state
        out: list[Given] = []
        start = state.floor[speaker].start
        if start < state.released:
            return out
        if at - start <= self._backchannel_max:
            to = on.floor_kept_by(speaker, state.floor, self._gap)
            if to is not None and at - start >= self._min_overlap:
                state.backchannels += 1
                out.append(Backchannel(id=state.backchannels, start=start, end=at, speaker=speaker, to=to))
            return out
        for end, other, successful in on.interrupted_by(speaker, state.floor, at, self._gap):
            if end - start >= self._min_overlap:
                state.interruptions += 1
                out.append(
                    Interruption(
                        id=state.interruptions,
                        start=start,
                        end=end,
                        interrupter=speaker,
                        interrupted=other,
                        successful=successful,
                    )
                )
        return out

    def _recount(self, before: int, at: int) -> None:
        """The speakers on the floor changed `at`; they were `before`."""
        state = self._state
        state.since = at
        if len(state.floor) < 2:
            state.held.clear()
        elif before < 2:
            state.together = at

    def _release(self, at: int) -> list[Given]:
        """Moves the position; gives the start before which nothing more will come."""
        state = self._state
        state.position = at
        settled = on.settled(state.floor, at, self._gap)
        if len(state.floor) > 1:
            settled = min(settled, state.held[0][0] if state.held else state.since)
        if settled <= state.released:
            return []
        state.released = settled
        return [Watermark(source="overlap", at=settled)]

    def _relabel(self, event: Relabel) -> None:
        state, named, before = self._state, set(event.turns), set(self._state.floor)
        for id, (start, end, speaker) in state.turns.items():
            if speaker != event.to and (id in named or speaker == event.speaker):
                state.turns[id] = (start, end, event.to)
                if start < state.position:
                    on.relabel_turn(state.floor, start, speaker, event.to)
        on.relabel_yielded(state.floor, event, named, self._gap)
        gone = (before - set(state.floor)) | {event.speaker}
        pieces = [(s, e, {event.to if name in gone else name for name in who}) for s, e, who in state.held]
        state.held = [(s, e, tuple(sorted(who))) for s, e, who in pieces if len(who) > 1]
        if len(state.floor) < 2:
            state.held.clear()
        elif len(before) < 2:
            state.since = state.together = state.position
