"""Overlap and interruptions by a sweep line over the boundaries of final turns.

    seconds  0    1    2    3    4    5    6    7    8
    A        ├─────────────────────────────┤  ┊            A stops first: B's interruption succeeds
    B                       ├─────────────────┤            B begins while A speaks
    C             ├──┤      ┊              ┊  ┊            short: a back-channel, no interruption
    set      A    AC A      AB             B  ┊
    Overlap       ▓▓▓▓      ▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓▓  ┊            one for each unchanging set of two or more
    swept    ─────────────────────────────────►  ...       up to the diarizer's watermark, no further

Turns of one speaker that touch or overlap are one stretch. A stretch of B that begins while A speaks, more
than `interruption_gap` after A did, is an interruption, unless they share less than `min_overlap` or B's
stretch lasts no longer than `backchannel_max`. It is successful when A stops before B does.

Boundaries are taken in order of time, whatever the order of arrival, so the output does not depend on how
turns and watermarks are interleaved. Each boundary costs O(log turns in view + active speakers).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush

import msgspec

from operators.timeline import floor as on
from stream_engine.clock import samples
from stream_engine.events import Interruption, Overlap, Relabel, Turn, Watermark

Given = Overlap | Interruption | Watermark


class OverlapState(msgspec.Struct):
    """The turns in view, and what is not given out yet. Times are samples."""

    position: int = 0  # the watermark: every boundary before it is swept
    released: int = 0  # the watermark given out
    late: int = 0  # turns that began before the watermark when they came: left out
    overlaps: int = 0  # given out so far
    interruptions: int = 0
    turns: dict[int, tuple[int, int, str]] = {}  # id -> start, end, speaker; to come or going on
    starts: list[tuple[int, int]] = []  # heap of (start, id): to come
    ends: list[tuple[int, int]] = []  # heap of (end, id): going on
    floor: dict[str, on.Stretch] = {}
    since: int = 0  # when the set of speakers last changed
    together: int = 0  # since when two or more speak, where they do
    held: list[tuple[int, int, tuple[str, ...]]] = []  # pieces of an overlap too short so far


class OverlapSweep:
    """Final turns in, overlaps and interruptions out; lengths in samples.

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
                return [*self._sweep(item.at), *self._release(item.at)]
            case _:
                pass
        return ()

    def flush(self) -> Iterable[Given]:
        return list(self._sweep(math.inf))

    def _add(self, turn: Turn) -> None:
        state = self._state
        if not turn.final or turn.end <= turn.start or turn.speaker is None or turn.id in state.turns:
            return
        if turn.start < state.position:
            state.late += 1
            return
        state.turns[turn.id] = (turn.start, turn.end, turn.speaker)
        heappush(state.starts, (turn.start, turn.id))

    def _sweep(self, limit: float) -> Iterator[Given]:
        """Takes all boundaries before `limit`."""
        starts, ends = self._state.starts, self._state.ends
        while starts or ends:
            at = min(heap[0][0] for heap in (starts, ends) if heap)
            if at >= limit:
                break
            yield from self._boundary(at)

    def _boundary(self, at: int) -> Iterator[Given]:
        floor, before = self._state.floor, len(self._state.floor)
        ended, begun = self._end_turns(at), self._begin_turns(at)
        ended = {speaker: turn for speaker, turn in ended.items() if floor[speaker].turns == 0}
        if not ended and not begun:
            return
        yield from self._overlap(at)
        for speaker in sorted(ended):
            yield from self._interruptions(speaker, at)
        on.yield_to_others(floor, ended, at, self._gap)
        for speaker in ended:
            del floor[speaker]
        floor.update(begun)
        self._changed(before, at)

    def _end_turns(self, at: int) -> dict[str, int]:
        """Takes the turns that end `at`: speaker -> last turn."""
        state, ended = self._state, dict[str, int]()
        while state.ends and state.ends[0][0] == at:
            turn = heappop(state.ends)[1]
            speaker = state.turns.pop(turn)[2]
            state.floor[speaker].turns -= 1
            ended[speaker] = turn
        return ended

    def _begin_turns(self, at: int) -> on.Floor:
        """Takes the turns that start `at`; gives the stretches that begin with them."""
        state, begun = self._state, on.Floor()
        while state.starts and state.starts[0][0] == at:
            turn = heappop(state.starts)[1]
            _, end, speaker = state.turns[turn]
            heappush(state.ends, (end, turn))
            stretch = state.floor.get(speaker) or begun.setdefault(speaker, on.Stretch(at, 0))
            stretch.turns += 1
        return begun

    def _overlap(self, at: int) -> Iterator[Overlap]:
        """The piece that ends `at`, and those held before it, once they are long enough together."""
        state = self._state
        if len(state.floor) > 1:
            state.held.append((state.since, at, tuple(sorted(state.floor))))
            if at - state.together >= self._min_overlap:
                for start, end, speakers in state.held:
                    state.overlaps += 1
                    yield Overlap(id=state.overlaps, start=start, end=end, speakers=speakers)
                state.held.clear()

    def _interruptions(self, speaker: str, at: int) -> Iterator[Interruption]:
        """What the stretch of `speaker` that ends `at` interrupted."""
        state = self._state
        start = state.floor[speaker].start
        if at - start <= self._backchannel_max or start < state.released:
            return
        for end, other, successful in on.interrupted_by(speaker, state.floor, at, self._gap):
            if end - start >= self._min_overlap:
                state.interruptions += 1
                yield Interruption(
                    id=state.interruptions,
                    start=start,
                    end=end,
                    interrupter=speaker,
                    interrupted=other,
                    successful=successful,
                )

    def _changed(self, before: int, at: int) -> None:
        """The set of speakers changed `at`; it had `before` members."""
        state = self._state
        state.since = at
        if len(state.floor) < 2:
            state.held.clear()
        elif before < 2:
            state.together = at

    def _release(self, at: int) -> Iterator[Watermark]:
        """Moves the position; gives the start before which nothing more will come."""
        state = self._state
        state.position = at
        held = [start for start, _, _ in state.held]
        current = [state.since] if len(state.floor) > 1 else []
        settled = min([at, on.settled(state.floor, at, self._gap), *held, *current])
        if settled > state.released:
            state.released = settled
            yield Watermark(source="overlap", at=settled)

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
