"""The exclusive view of turns: at most one speaker at a time.

Whoever began first keeps the floor to the end of the turn; then it goes to the one who talks on:

    turns       A |-----------------|            exclusive   A |-----------------|
                B         |-----|                            B   (gone)
                C               |-------|                    C                   |---|

What words are aligned to where each may have one speaker, and what scores without overlap are made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from stream_engine.events import Relabel, Turn, Watermark
from stream_engine.operator import Operator


class ExclusiveState(msgspec.Struct):
    taken: int = 0  # samples: the floor is taken until then
    waiting: list[Turn] = []  # final turns, some of which may begin after others still to come


class ExclusiveTurns(Operator[Turn | Relabel | Watermark, Turn | Relabel | Watermark]):
    """Final turns, each cut to where its speaker alone has the floor, in order of start.

    A turn keeps its id, so relabels hold for it too; one that is wholly within others' is left out, and so
    are provisional turns. Lookahead: the diarizer's watermark. O(turns within it) memory.
    """

    def __init__(self, *, state: ExclusiveState | None = None) -> None:
        self._taken = state.taken if state else 0
        self._waiting = list(state.waiting) if state else []

    @property
    def state(self) -> ExclusiveState:
        return ExclusiveState(self._taken, list(self._waiting))

    def feed(self, item: Turn | Relabel | Watermark, /) -> Iterator[Turn | Relabel | Watermark]:
        match item:
            case Turn():
                if item.final and item.end > item.start:
                    self._waiting.append(item)
            case Relabel():
                self._waiting = [_relabelled(turn, item) for turn in self._waiting]
                yield item
            case Watermark():
                yield from self._release(item.at)
                yield item

    def flush(self) -> Iterator[Turn]:
        if self._waiting:
            yield from self._release(max(turn.start for turn in self._waiting) + 1)

    def _release(self, before: int) -> Iterator[Turn]:
        """Turns that begin before a watermark: none that begins earlier can still come."""
        known = sorted((turn for turn in self._waiting if turn.start < before), key=_order)
        self._waiting = [turn for turn in self._waiting if turn.start >= before]
        for turn in known:
            if turn.end > self._taken:
                yield msgspec.structs.replace(turn, start=max(turn.start, self._taken))
                self._taken = turn.end


def exclusive(turns: Iterable[Turn]) -> list[Turn]:
    """The exclusive view of turns that are all there, in order of start; O(N log N)."""
    view = ExclusiveTurns()
    for turn in turns:
        for _ in view.feed(turn):
            pass
    return list(view.flush())


def _order(turn: Turn) -> tuple[int, int]:
    return turn.start, turn.id


def _relabelled(turn: Turn, relabel: Relabel) -> Turn:
    if turn.id in relabel.turns or (relabel.speaker is not None and turn.speaker == relabel.speaker):
        return msgspec.structs.replace(turn, speaker=relabel.to)
    return turn
