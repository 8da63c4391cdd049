"""The identity of turns that are still open: which run of the newest look is which turn of the last one."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from operators.speech.diarization.aggregation import Run
from operators.speech.diarization.hearing import Stretch


class OpenTurn(msgspec.Struct):
    """A turn that may still change; `start` and `end` as they were last shown, in samples."""

    id: int
    first: int  # frames, as last seen
    last: int
    revision: int = 0
    start: int = 0
    end: int = 0
    speaker: int | None = None
    shown: int | None = None  # the speaker that was shown, None before anything was
    part: bool = False  # of a longer one that was cut
    stretches: list[Stretch] = []


class TurnsState(msgspec.Struct):
    open: list[OpenTurn]
    next_id: int


class OpenTurns:
    """Follows runs from look to look by their overlap; ids are never reused."""

    def __init__(self, *, state: TurnsState | None = None) -> None:
        self._open = list(state.open) if state else []
        self._next = state.next_id if state else 0
        self.lost: list[OpenTurn] = []  # turns of the look before that the last one found to be nothing

    @property
    def state(self) -> TurnsState:
        return TurnsState(
            [msgspec.structs.replace(turn, stretches=list(turn.stretches)) for turn in self._open], self._next
        )

    def follow(self, runs: Sequence[Run], ended: int) -> list[OpenTurn]:
        """The turn of each run, the first `ended` of which are over now."""
        pairs = sorted(
            (-shared, turn.id, index)
            for index, run in enumerate(runs)
            for turn in self._open
            if (shared := min(run.end, turn.last) - max(run.start, turn.first)) > 0
        )
        known = {turn.id: turn for turn in self._open}
        found: dict[int, OpenTurn] = {}
        for _, identity, index in pairs:
            if identity in known and index not in found:
                found[index] = known.pop(identity)
        self.lost = list(known.values())
        turns = [found.get(index) or self._new(run) for index, run in enumerate(runs)]
        for run, turn in zip(runs, turns, strict=True):
            turn.first, turn.last = run.start, run.end
        self._open = turns[ended:]
        return turns

    def split(self, turn: OpenTurn, at: int, stretches: list[Stretch]) -> OpenTurn:
        """A turn of its own for what follows frame `at` of an open turn, which is over there."""
        rest = OpenTurn(self.new_id(), at, turn.last, part=True, stretches=stretches)
        self._open[self._open.index(turn)] = rest
        return rest

    def new_id(self) -> int:
        self._next += 1
        return self._next - 1

    def _new(self, run: Run) -> OpenTurn:
        return OpenTurn(self.new_id(), run.start, run.end)
