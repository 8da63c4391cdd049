"""Sources that run at different speeds, merged into one stream in order of time.

    diarizer   t1 ─── t2 ───── w4 ───────────── t5 ── w6
    overlap    ────────── o1 ─────── w3 ────────────────── w5
    text       ───────────────── s1 ────── w2 ─────────────────── w6
    in order                               t1 o1 s1 w2            t2 ... w5     up to the slowest watermark

What is given out depends on what each source says, not on how they are interleaved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any

import msgspec

from stream_engine.events import (
    Affect,
    Backchannel,
    Gap,
    Interruption,
    Overlap,
    Prosody,
    Rejected,
    Relabel,
    Segment,
    SoundEvent,
    Sounds,
    Turn,
    Watermark,
)

Placed = (
    Turn
    | Relabel
    | Overlap
    | Interruption
    | Backchannel
    | Segment
    | Rejected
    | Prosody
    | Affect
    | SoundEvent
    | Sounds
    | Gap
    | Watermark
)
# Of what begins at one time. Prosody and Affect have the place of their segment, and come right behind it.
RANK: dict[type, int] = {
    kind: rank
    for rank, kind in enumerate(
        (
            Gap,
            Turn,
            Overlap,
            Interruption,
            Backchannel,
            SoundEvent,
            Segment,
            Rejected,
            Sounds,
            Relabel,
            Watermark,
        )
    )
}
BEHIND_SEGMENT: dict[type, int] = {Prosody: 1, Affect: 2}
KINDS = {*RANK, *BEHIND_SEGMENT}

Key = tuple[int, int, int, int]  # start, rank, id, which of those of one id


class Held(msgspec.Struct, order=False):
    """An item that waits; of equal keys, the one that came first goes first."""

    key: Key
    number: int
    item: Placed

    def __lt__(self, other: Held) -> bool:
        return (self.key, self.number) < (other.key, other.number)


class HeldRelabel(msgspec.Struct):
    key: Key
    item: Relabel


class InOrderState(msgspec.Struct):
    passed: dict[str, int]  # the watermark of each source
    given: int = 0  # the watermark given out
    arrived: int = 0
    furthest: int = 0  # the latest place of a turn or relabel
    held: list[Held] = []  # heap
    relabels: list[HeldRelabel] = []  # of these; their places rise
    late: int = 0  # items that came after their time had been given out: passed on at once


class InOrder:
    """Final items sorted by start, kind and id, each as soon as all `sources` are past its start.

    A relabel stands where the diarizer had got to when it changed its mind (`as_of`), behind all turns that
    it means, so labels are those that it had in mind at that time. A turn that it named later with a label
    that the relabel takes away is named again behind it: names of known voices are given, taken back, and
    given to others. Prosody and Affect begin when their segment does.

    Left out: hypotheses and provisional turns. Watermarks of other sources are put in their place. After what
    is given out, a watermark of source `name`. Memory: what lies between the fastest source and the slowest.
    """

    def __init__(
        self,
        *,
        sources: Iterable[str] = ("diarizer", "overlap", "text"),
        name: str = "in order",
        state: InOrderState | None = None,
    ) -> None:
        self._name = name
        self._state = _copied(state) if state else InOrderState(passed=dict.fromkeys(sources, 0))

    @property
    def state(self) -> InOrderState:
        return _copied(self._state)

    def feed(self, item: Any, /) -> Iterator[Placed]:
        state = self._state
        if isinstance(item, Watermark) and item.source in state.passed:
            state.passed[item.source] = max(state.passed[item.source], item.at)
            slowest = min(state.passed.values())
            if slowest > state.given:
                state.given = slowest
                yield from self._release(slowest)
                yield Watermark(source=self._name, at=slowest)
        elif type(item) in KINDS and getattr(item, "final", True):
            if self._hold(item) < state.given:
                state.late += not isinstance(item, Watermark)
                yield from self._release(state.given)

    def flush(self) -> Iterator[Placed]:
        yield from self._release(None)

    def _release(self, before: int | None) -> Iterator[Placed]:
        held = self._state.held
        while held and (before is None or held[0].key[0] < before):
            yield heappop(held).item
        if before is not None and self._state.relabels:
            self._state.relabels = [h for h in self._state.relabels if h.key[0] >= before]

    def _hold(self, item: Placed) -> int:
        """Puts `item` in its place, which is given."""
        state = self._state
        place, id, behind = 0, 0, 0
        match item:
            case Relabel():
                place = max(item.as_of, state.furthest)
                item = msgspec.structs.replace(item, as_of=place)
            case Watermark():
                place = item.at
            case Prosody() | Affect():
                place, id, behind = item.start, item.segment, BEHIND_SEGMENT[type(item)]
            case Gap():
                place = item.start
            case _:
                place, id = item.start, item.id
        rank = RANK[Segment] if behind else RANK[type(item)]
        state.arrived += 1
        key = (place, rank, id, behind)
        heappush(state.held, Held(key, state.arrived, item))
        if isinstance(item, Relabel):
            state.furthest = place
            state.relabels.append(HeldRelabel(key, item))
        elif isinstance(item, Turn):
            state.furthest = max(state.furthest, item.start)
            self._keep_name(item)
        return place

    def _keep_name(self, turn: Turn) -> None:
        """Names `turn` again behind relabels that came before it, stand behind it, and take its name away."""
        if turn.speaker is None:
            return
        for held in self._state.relabels:
            if held.key[0] >= turn.start and held.item.speaker == turn.speaker:
                self._state.arrived += 1
                again = Relabel(to=turn.speaker, as_of=held.key[0], turns=(turn.id,))
                heappush(self._state.held, Held(held.key, self._state.arrived, again))


def _copied(state: InOrderState) -> InOrderState:
    copies = {"passed": dict(state.passed), "held": list(state.held), "relabels": list(state.relabels)}
    return msgspec.structs.replace(state, **copies)
