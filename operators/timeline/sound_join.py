"""Which sounds are heard during a segment or a turn: the join of their intervals with the sound events.

    Music       ├───────────────────────────────────────────┤      0 to 100 s: found, though it began long ago
    Applause         ├──┤     ├──┤
    segment                     ├──────────┤                        50 to 60 s
    Sounds                      Music 10 s, Applause 1 s

Of each label: the seconds of the interval that its events cover, and their mean score, weighted by these
seconds; the heaviest (seconds by score) first.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from typing import Literal

import msgspec

from stream_engine.clock import samples, seconds
from stream_engine.events import Heard, Segment, SoundEvent, Sounds, Turn, Watermark

BEHIND = samples(5)  # by which a segment may begin before the watermark of texts
SOUNDS = "sounds"  # the source of the watermark of events

_Kind = Literal["segment", "turn"]
_Item = tuple[int, int, _Kind, int]  # end, start, what, its id: in the order in which they go out


class SoundJoinState(msgspec.Struct):
    """Events in view, and what waits for more of them. Times are samples."""

    heard: int = -1  # the watermark of events
    passed: dict[str, int] = {}  # the watermarks of what is joined
    events: list[tuple[int, int, str, float]] = []  # start, end, label, score; in order
    reach: list[int] = []  # of each event, the latest end of those up to it
    waiting: list[_Item] = []  # in order


class SoundJoin:
    """Final segments and turns, sound events and watermarks in; `Sounds` out. Other items are not looked at.

    An item is answered when the watermark `sounds` has passed its end, by all events that began before it;
    so the answer does not depend on how the streams are merged. Events are forgotten when the watermarks of
    all `sources` have passed them: state is the events between the slowest of these and the fastest.

    A query is O(log events) and as much again for each event from the first that reaches the interval to the
    last that begins in it; events longer than the detector's `longest` do not occur, so these are few.

    Args:
        top: labels that an answer has at most.
        sources: whose watermarks say that no earlier turn or segment will come.
    """

    def __init__(
        self,
        *,
        top: int = 3,
        sources: tuple[str, ...] = ("diarizer", "text"),
        state: SoundJoinState | None = None,
    ) -> None:
        if top < 1 or not sources:
            raise ValueError("want one label at least, and one source of watermarks")
        self._top, self._sources = top, sources
        self._state = copy.deepcopy(state) if state else SoundJoinState()

    @property
    def state(self) -> SoundJoinState:
        return copy.deepcopy(self._state)

    def feed(self, item: object, /) -> Iterable[Sounds]:
        match item:
            case SoundEvent():
                self._add(item)
            case Segment(final=True) | Turn(final=True) if item.end > item.start:
                kind: _Kind = "segment" if isinstance(item, Segment) else "turn"
                insort(self._state.waiting, (item.end, item.start, kind, item.id))
                return self._release()
            case Watermark(source=source):
                if source == SOUNDS:
                    self._state.heard = max(self._state.heard, item.at)
                    return self._release()
                if source in self._sources:
                    self._state.passed[source] = item.at
                    self._forget()
            case _:
                pass
        return ()

    def flush(self) -> Iterable[Sounds]:
        out, self._state.waiting = [self._answer(item) for item in self._state.waiting], []
        return [sounds for sounds in out if sounds]

    def _add(self, event: SoundEvent) -> None:
        state, row = self._state, (event.start, event.end, event.label, event.score)
        at = bisect_right(state.events, row)
        state.events.insert(at, row)
        reach = max(event.end, state.reach[at - 1]) if at else event.end
        state.reach.insert(at, reach)
        for later in range(at + 1, len(state.reach)):
            if state.reach[later] >= reach:
                break
            state.reach[later] = reach

    def _release(self) -> list[Sounds]:
        state = self._state
        ready = bisect_right(state.waiting, state.heard, key=lambda item: item[0])
        out = [sounds for item in state.waiting[:ready] if (sounds := self._answer(item))]
        if ready:
            del state.waiting[:ready]
            self._forget()
        return out

    def _answer(self, item: _Item) -> Sounds | None:
        end, start, kind, id = item
        state = self._state
        first = bisect_right(state.reach, start)
        last = bisect_left(state.events, end, lo=first, key=lambda event: event[0])
        covered: dict[str, int] = {}
        weights: dict[str, float] = {}
        for begun, ended, label, score in state.events[first:last]:
            shared = min(end, ended) - max(start, begun)
            if shared > 0:
                covered[label] = covered.get(label, 0) + shared
                weights[label] = weights.get(label, 0.0) + shared * score
        if not covered:
            return None
        heaviest = sorted(covered, key=lambda label: (-weights[label], label))[: self._top]
        heard = tuple(
            Heard(label=one, seconds=seconds(covered[one]), score=round(weights[one] / covered[one], 3))
            for one in heaviest
        )
        return Sounds(of=kind, id=id, start=start, end=end, top=heard)

    def _forget(self) -> None:
        """Drops the events that end before anything that waits or may yet come."""
        state = self._state
        passed = min((state.passed.get(source, 0) for source in self._sources), default=0) - BEHIND
        wanted = min([passed, *(item[1] for item in state.waiting)])
        gone = bisect_right(state.reach, wanted)
        if gone > 16 or gone == len(state.reach):  # a deletion moves the rest
            del state.events[:gone], state.reach[:gone]
