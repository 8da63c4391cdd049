"""Drafts: the words of turns that are open, and which of the turns that are over they belong to."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from stream_engine.clock import samples
from stream_engine.events import Hypothesis, Turn

ENOUGH = samples(0.3)  # of an open turn that a draft has heard, to be what the draft goes on in


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the words of an open turn."""

    turn: Turn  # as it was when it was decoded
    heard: int  # up to here
    revision: int = 0
    committed: tuple[str, ...] = ()
    words: tuple[str, ...] = ()  # of the last decoding; begins with `committed`

    def shown(self) -> Hypothesis:
        return self._partial(self.turn, self.words, self.committed)

    def closed(self, turns: Sequence[Turn], kept: int, *, goes_on: bool = False) -> Hypothesis:
        """The last hypothesis, of `turns` that are over; all but the first `kept` committed words go on.

        It has the draft's id, save where that turn goes on, and only what came before it is over.
        """
        end = max((turn.end for turn in turns), default=self.turn.end)
        words = self.words if kept == len(self.committed) else self.committed[:kept]
        last = self._partial(self.turn, words, self.committed[:kept])
        ids = tuple(turn.id for turn in turns)
        if goes_on:
            return msgspec.structs.replace(last, id=ids[0], final=True, end=end, turns=ids, revision=0)
        revision = self.revision + bool(self.words)
        return msgspec.structs.replace(last, final=True, end=end, turns=ids, revision=revision)

    def _partial(self, turn: Turn, words: Sequence[str], committed: Sequence[str]) -> Hypothesis:
        return Hypothesis(
            id=turn.id,
            revision=self.revision,
            start=turn.start,
            end=turn.end,
            speaker=turn.speaker,
            text=" ".join(words),
            committed=" ".join(committed),
        )


def owners(
    ended: Sequence[Turn], drafts: Collection[Draft], opened: Mapping[int, Turn]
) -> list[tuple[Draft, list[Turn]]]:
    """Drafts that are over, each with the turns, by start, that have come of it.

    A turn belongs to the draft of its own id; else to the one that heard most of it, if that is more than
    half, and the draft's own turn is not there any more: else somebody has spoken at the same time. A draft
    whose turn was withdrawn is over too, without turns.
    """
    by_id = {draft.turn.id: draft for draft in drafts}
    now = {**opened, **{turn.id: turn for turn in ended}}
    found = {turn.id: list[Turn]() for turn in ended if turn.id in by_id}
    for turn in sorted(ended, key=lambda turn: (turn.start, turn.id)):
        heard = [
            (_shared(turn, draft.turn.start, draft.heard), -id)
            for id, draft in by_id.items()
            if id == turn.id or not _most(turn, now[id].start, now[id].end)
        ]
        length, number = max(heard, default=(0, 0))
        if turn.end == turn.start:
            continue
        if turn.id in by_id:
            found[turn.id].append(turn)
        elif 2 * length > turn.end - turn.start:
            found.setdefault(-number, []).append(turn)
    return [(by_id[number], turns) for number, turns in found.items()]


def heir_of(draft: Draft, turns: Sequence[Turn], opened: Iterable[Turn]) -> Turn | None:
    """The open turn in which a draft goes on; None if all that it heard is over."""
    end = max((turn.end for turn in turns), default=draft.turn.start)
    for turn in sorted(opened, key=lambda turn: (turn.id != draft.turn.id, turn.start, turn.id)):
        if turn.start >= end - ENOUGH and draft.heard - turn.start >= ENOUGH:
            return turn
    return None


def _shared(turn: Turn, start: int, end: int) -> int:
    """Samples of a turn that lie in an interval."""
    return max(0, min(turn.end, end) - max(turn.start, start))


def _most(turn: Turn, start: int, end: int) -> bool:
    """Whether more than half of a turn lies in an interval."""
    return 2 * _shared(turn, start, end) > turn.end - turn.start
