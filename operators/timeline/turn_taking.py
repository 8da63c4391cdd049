"""Turns as people take them, and how long each waits for the other.

A taken turn is a stretch of one speaker: turns of the diarizer joined over pauses of up to `pause`. A
response is a taken turn that begins in silence, within `longest_wait` of the end of what another said last.

    A   ├──────┤  ├────────┤                        ├────┤        one turn (short pause), then another
    B                         ├───────┤                           a response after the first gap
    C             ├─┤                                             no response: A speaks
                           ╰─╯         ╰───────────╯              response latencies of B, and of A

Who turns out to be whom is not known until the end, so what is kept must do for any names. A stretch of X
begins where a turn of X does and none of X is within `pause` before; for a *group* of names that becomes X,
none of the group. So starts and latencies are kept by X and the set of those whose being X would undo them,
and disappear when one does. The length of stretches is that of turns prolonged by `pause`, in union, less the
`pause` at the end of each: the same sweep as talk time.
"""

from __future__ import annotations

import msgspec

from operators.timeline.quantiles import Distribution, distribution
from operators.timeline.talk_time import Names, TalkTime, renamed
from stream_engine.clock import RATE


class Run(msgspec.Struct):
    """The latest stretch of a speaker."""

    start: int
    end: int


class TurnTaking(msgspec.Struct):
    """Turns in order of start. Lengths are samples; latencies seconds.

    Exact under any renaming, but for `longest`: of two names that turn out to be one it is the longer of
    both, though some of their stretches might have been one.
    """

    pause: int
    longest_wait: int
    exact: bool = False
    prolonged: TalkTime = msgspec.field(default_factory=TalkTime)
    recent: dict[str, Run] = {}  # of those who spoke a short while ago
    starts: dict[Names, int] = {}  # of stretches: by speaker, then those who spoke shortly before, sorted
    latencies: dict[Names, Distribution] = {}  # likewise, and with those who spoke last
    longest: dict[str, int] = {}

    def begin(self, start: int, end: int, speaker: str) -> None:
        self.prolonged.begin(start, end + self.pause, speaker)
        known = self.recent
        for name in [n for n, r in known.items() if r.end < start - max(self.pause, self.longest_wait)]:
            del known[name]
        near = {name for name, run in known.items() if run.end >= start - self.pause}
        run = known.get(speaker)
        if speaker in near and run is not None:
            run.end = max(run.end, end)
        else:
            key = (speaker, *sorted(near))
            self.starts[key] = self.starts.get(key, 0) + 1
            self._respond(start, speaker, near)
            run = known[speaker] = Run(start, end)
        self.longest[speaker] = max(self.longest.get(speaker, 0), run.end - run.start)

    def _respond(self, start: int, speaker: str, near: set[str]) -> None:
        last = max((run.end for run in self.recent.values()), default=start + 1)
        if last <= start <= last + self.longest_wait:
            before = near | {name for name, run in self.recent.items() if run.end == last}
            if speaker not in before:
                key = (speaker, *sorted(before))
                if key not in self.latencies:
                    self.latencies[key] = distribution(exact=self.exact)
                self.latencies[key].add((start - last) / RATE)

    def finish(self) -> None:
        self.prolonged.finish()

    def rename(self, old: str, new: str) -> None:
        """All of `old` was `new` from the beginning."""
        self.prolonged.rename(old, new)
        if (run := self.recent.pop(old, None)) is not None:
            also = self.recent.get(new)
            if also is None:
                self.recent[new] = run
            else:
                apart = max(run.start, also.start) > min(run.end, also.end) + self.pause
                first = max(run.start, also.start) if apart else min(run.start, also.start)
                self.recent[new] = Run(first, max(run.end, also.end))
                whole = self.recent[new].end - first
                self.longest[new] = max(self.longest.get(new, 0), whole)
        if old in self.longest:
            self.longest[new] = max(self.longest.get(new, 0), self.longest.pop(old))
        starts: dict[Names, int] = {}
        for names, count in self.starts.items():
            if (key := _still(names, old, new)) is not None:
                starts[key] = starts.get(key, 0) + count
        latencies: dict[Names, Distribution] = {}
        for names, values in self.latencies.items():
            if (key := _still(names, old, new)) is not None:
                if key in latencies:
                    latencies[key].merge(values)
                else:
                    latencies[key] = values
        self.starts, self.latencies = starts, latencies

    def ahead(self) -> TurnTaking:
        """One that goes on from here, and counts only what is new."""
        return msgspec.structs.replace(
            self,
            prolonged=self.prolonged.ahead(),
            recent={name: Run(run.start, run.end) for name, run in self.recent.items()},
            starts={},
            latencies={},
            longest={},
        )


def _still(names: Names, old: str, new: str) -> Names | None:
    """The key under the new name; None where the one who begins is now among the others."""
    if old not in names:
        return names
    first = new if names[0] == old else names[0]
    others = renamed(names[1:], old, new)
    return None if first in others else (first, *sorted(others))
