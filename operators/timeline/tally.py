"""All that is counted of a stretch of a session, by names that may yet turn out to be others."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec

from operators.timeline.speaker_totals import SpeakerTotals, Told
from operators.timeline.talk_time import Names, TalkTime
from operators.timeline.turn_taking import TurnTaking

Pairs = dict[tuple[str, str], int]  # who, to whom
K = TypeVar("K")
DIGITS = 4  # of ratios, rates and measures; seconds of speech have 3


class Tally(msgspec.Struct):
    """Turns in order of start, and what belongs to them. State: O(pairs of speakers, and sets that spoke)."""

    taking: TurnTaking
    exact: bool = False
    talk: TalkTime = msgspec.field(default_factory=TalkTime)
    attempted: Pairs = {}
    successful: Pairs = {}
    backchannels: Pairs = {}
    speakers: dict[str, SpeakerTotals] = {}

    def turn(self, start: int, end: int, speaker: str) -> None:
        self.talk.begin(start, end, speaker)
        if speaker:
            self.taking.begin(start, end, speaker)

    def claim(self, by: str, to: str, successful: bool | None) -> None:
        """An interruption; or a back-channel, which succeeds in nothing. Nobody interrupts himself."""
        if by != to:
            pairs = {True: self.successful, False: self.attempted, None: self.backchannels}[successful]
            pairs[by, to] = pairs.get((by, to), 0) + 1

    def told(self, segment: Told, speaker: str | None) -> None:
        if speaker:
            if speaker not in self.speakers:
                self.speakers[speaker] = SpeakerTotals(exact=self.exact)
            self.speakers[speaker].add(segment)

    def rename(self, old: str, new: str) -> None:
        """All of `old` was `new` from the beginning."""
        self.talk.rename(old, new)
        self.taking.rename(old, new)
        self.attempted = _renamed(self.attempted, old, new)
        self.successful = _renamed(self.successful, old, new)
        self.backchannels = _renamed(self.backchannels, old, new)
        if old in self.speakers:
            was = self.speakers.pop(old)
            if new in self.speakers:
                self.speakers[new].merge(was)
            else:
                self.speakers[new] = was

    def ahead(self) -> Tally:
        """One that goes on from here, and counts only what is new."""
        return Tally(self.taking.ahead(), self.exact, self.talk.ahead())


def _renamed(pairs: Pairs, old: str, new: str) -> Pairs:
    result: Pairs = {}
    for (by, to), count in pairs.items():
        key = (new if by == old else by, new if to == old else to)
        if key[0] != key[1]:
            result[key] = result.get(key, 0) + count
    return result


class Counted(NamedTuple):
    """Two tallies as one."""

    talk: dict[Names, int]
    prolonged: dict[Names, int]
    starts: dict[Names, int]
    attempted: Pairs
    successful: Pairs
    backchannels: Pairs


def counted(one: Tally, other: Tally) -> Counted:
    return Counted(
        _sum(one.talk.time, other.talk.time),
        _sum(one.taking.prolonged.time, other.taking.prolonged.time),
        _sum(one.taking.starts, other.taking.starts),
        _sum(one.attempted, other.attempted),
        _sum(one.successful, other.successful),
        _sum(one.backchannels, other.backchannels),
    )


def rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def _sum(one: dict[K, int], other: dict[K, int]) -> dict[K, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in {**one, **other}}
