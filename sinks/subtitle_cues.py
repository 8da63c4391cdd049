"""Segments to subtitle cues, timed as broadcasters want them.

    said       ┊ so I thought that we would ask them, ┊ and they said no ┊           ┊ yes ┊
    cues       ├─────────────────────────────────┤ gap ├────────────────────┤         ├────────┤
                 cut after the comma                     on until it is read            5/6 s

| limit | value | source |
| --- | --- | --- |
| a cue | two lines of 42 columns | Netflix, Timed Text Style Guide, General Requirements |
| reading speed | 17 characters a second | Netflix, English templates (BBC: 160 to 180 words a minute) |
| duration | 5/6 s to 7 s | Netflix, General Requirements |
| gap between cues | 80 ms | Netflix: two frames (at 25 a second) |
| shown after the last word | 1.5 s at most | BBC, Subtitle Guidelines, 5.2 |

Speech does not keep to them, and text is not shortened here. What gives way, first to last: reading speed,
then the least duration (to 0.2 s, before the next cue of the same speaker), then the start (a cue waits until
the one before of its speaker is over). Never: the words and their order, one cue of a speaker at a time, the
gap between them. The name that stands before a text is not counted as text that is read. A line of a
name longer than 22 characters is longer than 42.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from sinks.subtitle_lines import LEAST, LINE, LONGEST, broken, cut, shown
from sinks.timed_words import TimedWord, timed_words
from stream_engine.clock import RATE, samples, snap
from stream_engine.events import Segment

SPEED = 17  # characters a second
SHORTEST = samples(0.834)
GAP = samples(0.08)
HANG = samples(1.5)
FLASH = samples(0.2)


class Cue(NamedTuple):
    """What stands on the screen from `start` to `end`."""

    start: int
    order: int  # among cues of one start
    end: int
    id: str  # of its segment; `7.2` is the second of segment 7
    speaker: str | None
    lines: tuple[tuple[TimedWord, ...], ...]
    timed: bool  # the words have the recogniser's times
    text: str


def cues(segments: Iterable[Segment], *, reserved: Callable[[Segment], int] = lambda _: 0) -> Iterator[Cue]:
    """Segments in order of start to cues in order of start; those of several speakers may overlap.

    Memory: the cues of the segments that are open at a time. `reserved`: the columns of the first line that
    are taken by a name.
    """
    waiting: list[Cue] = []
    free: dict[str | None, int] = {}  # when each speaker may have the next
    order = 0
    for segment in segments:
        yield from _ready(waiting, free, segment.start)
        for cue in _spoken(segment, max(LEAST, LINE - reserved(segment))):
            order += 1
            insort(waiting, cue._replace(order=order))
    yield from _ready(waiting, free, None)


def _spoken(segment: Segment, first: int) -> Iterator[Cue]:
    """The cues of one segment, from its first word to its last."""
    words, timed = timed_words(segment, first)
    begin, number, start = 0, 0, segment.start
    while begin < len(words):
        end = cut(words, begin, first=first)
        number += 1
        start = max(start, words[begin].start)
        id = str(segment.id) if end == len(words) and number == 1 else f"{segment.id}.{number}"
        lines = broken(words[begin:end], first=first)
        text = "\n".join(map(shown, lines))
        yield Cue(start, 0, max(start, words[end - 1].end), id, segment.speaker, lines, timed, text)
        begin = end


def _ready(waiting: list[Cue], free: dict[str | None, int], now: int | None) -> Iterator[Cue]:
    """Those whose end nothing that starts at `now` or later can change."""
    while waiting:
        cue = waiting[0]
        if now is not None and now < max(cue.end, cue.start + SHORTEST) + HANG + GAP:
            return
        waiting.pop(0)
        start = max(cue.start, free.get(cue.speaker, 0))
        if start > cue.start:
            insort(waiting, cue._replace(start=start, end=max(start, cue.end)))
            continue
        end = _end(cue, waiting)
        free[cue.speaker] = end + GAP
        yield cue._replace(end=end)


def _end(cue: Cue, following: list[Cue]) -> int:
    """How long a cue is shown, knowing those that follow, in order."""
    last = cue.start + LONGEST
    own = others = last + GAP
    for next in following:
        if next.start >= last + GAP:
            break
        if next.speaker == cue.speaker:
            own = min(own, next.start)
        elif next.start >= cue.end:
            others = min(others, next.start)
        if own <= next.start and others <= next.start:
            break
    reading = cue.start + snap(len(cue.text) * RATE // SPEED)
    end = min(max(cue.end, min(reading, cue.end + HANG)), last, others - GAP)
    return max(min(max(end, cue.start + SHORTEST), own - GAP), cue.start + FLASH)
