"""How long who speaks together with whom: one sweep over turns, from which all talk time follows.

    A       ├────────────────┤              only A      ├────┤
    B            ├─────────────────┤        A and B          ├───────────┤
    set      A     A, B         B           only B                       ├─────┤

Times by *set* of speakers answer for every way in which speakers may turn out to be one: nothing is counted
twice, neither two turns of one speaker that overlap nor three speakers over the same second.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

import msgspec

Names = tuple[str, ...]
NOBODY = ""  # speech, and nobody was asked who speaks


class TalkTime(msgspec.Struct):
    """Turns in order of start; O(log active) each. Times are samples.

    State: who is speaking, and one number for each set of speakers that ever spoke together.
    """

    position: int = 0
    active: list[tuple[int, str]] = []  # heap of (end, speaker)
    time: dict[Names, int] = {}  # of each sorted set; () where only somebody unknown speaks

    def begin(self, start: int, end: int, speaker: str) -> None:
        self.advance(start)
        heappush(self.active, (end, speaker))

    def advance(self, to: int) -> None:
        """Everything before `to` is known."""
        active = self.active
        while active and active[0][0] <= to:
            self._pass(active[0][0])
            heappop(active)
        self._pass(to)

    def finish(self) -> None:
        """To the end of all turns."""
        self.advance(max((end for end, _ in self.active), default=self.position))

    def _pass(self, to: int) -> None:
        if to > self.position:
            if self.active:
                who = tuple(sorted({speaker for _, speaker in self.active if speaker}))
                self.time[who] = self.time.get(who, 0) + to - self.position
            self.position = to

    def rename(self, old: str, new: str) -> None:
        """All of `old` was `new` from the beginning."""
        self.active = [(end, new if name == old else name) for end, name in self.active]
        heapify(self.active)
        self.time = added(self.time, old, new)

    def ahead(self) -> TalkTime:
        """One that goes on from here, and counts only what is new."""
        return TalkTime(self.position, list(self.active))


def renamed(names: Iterable[str], old: str, new: str) -> set[str]:
    return {new if name == old else name for name in names}


def added(times: dict[Names, int], old: str, new: str) -> dict[Names, int]:
    """`times` under the new name, those of sets that become one added up."""
    result: dict[Names, int] = {}
    for who, time in times.items():
        key = tuple(sorted(renamed(who, old, new))) if old in who else who
        result[key] = result.get(key, 0) + time
    return result


def by_name(times: dict[Names, int]) -> dict[str, int]:
    """The time of each speaker, alone or with others."""
    result: dict[str, int] = {}
    for who, time in times.items():
        for name in who:
            result[name] = result.get(name, 0) + time
    return result
