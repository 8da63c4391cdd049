"""Stretches: the turns of one speaker that are near enough to be recognised as one."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from stream_engine.events import Turn

Stretch = list[Turn]  # by start, of one speaker


@dataclass(frozen=True, kw_only=True)
class Joining:
    """When a speaker's next turn belongs to the stretch before it; all in samples."""

    gap: int  # the longest silence within
    enough: int  # a stretch of that length takes in no more
    longest: int  # taking in a turn makes no stretch longer than that

    def takes_in(self, start: int, end: int, next_start: int, next_end: int) -> bool:
        """Whether a stretch from `start` to `end` takes in a turn of its speaker."""
        near = next_start - end <= self.gap
        return near and end - start < self.enough and next_end - start <= self.longest

    def stretches(self, turns: list[Turn]) -> list[tuple[Stretch, bool]]:
        """All turns in stretches, by their end; and whether each is the newest of its speaker."""
        found: list[Stretch] = []
        newest: dict[str | None, Stretch] = {}
        for turn in sorted(turns, key=lambda turn: (turn.start, turn.id)):
            stretch = newest.get(turn.speaker)
            if stretch is None or not self.takes_in(*span(stretch), turn.start, turn.end):
                stretch = newest[turn.speaker] = []
                found.append(stretch)
            stretch.append(turn)
        found.sort(key=lambda stretch: span(stretch)[1])
        return [(stretch, newest[stretch[0].speaker] is stretch) for stretch in found]


def span(stretch: Stretch) -> tuple[int, int]:
    """From the start of the first turn to the end of the last."""
    return stretch[0].start, max(turn.end for turn in stretch)


def split(stretch: Stretch, at: int) -> tuple[Stretch, Stretch]:
    """What lies before and after a position; a turn across it is in both, shortened."""
    before = [msgspec.structs.replace(turn, end=min(turn.end, at)) for turn in stretch if turn.start < at]
    after = [msgspec.structs.replace(turn, start=max(turn.start, at)) for turn in stretch if turn.end > at]
    return before, after
