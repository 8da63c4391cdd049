"""A session as its log tells it in the end: final turns, segments and overlaps under their last labels.

    events.jsonl ──one pass──► index (start, end, label, file offset) ──► records in order of time

Texts stay on disk and are read again one by one: memory holds some tens of bytes for each record.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from sinks.log_columns import Columns
from stream_engine.events import (
    Event,
    Interruption,
    Overlap,
    Relabel,
    Segment,
    SessionEnd,
    SessionStart,
    Turn,
    Word,
)
from stream_engine.log import decode, positions

R = TypeVar("R", Turn, Segment, Overlap, Interruption)


class LabelledLog:
    """The final records of the log at `path`, each kind in order of start, under the last labels.

    A relabel reaches the turns that it names, or all turns of a speaker so far. A segment has the label
    that holds most of the time of its turns; an overlap has the labels of the turns that cover it. Left out
    are turns without length (withdrawn), and what turned out to be one speaker's.

    Raises:
        ValueError: a damaged line before the last one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.session_start: SessionStart | None = None
        self.session_end: SessionEnd | None = None
        self._names: list[str | None] = [None]
        self._codes: dict[str | None, int] = {None: 0}
        self._turns, self._segments, self._overlaps, self._interruptions = (Columns() for _ in range(4))
        self._parties = array("q")  # two for each interruption: the rows of both turns, or -1
        for offset, event in positions(path):
            self._index(offset, event)

    def turns(self) -> Iterator[Turn]:
        for row, turn in self._read(self._turns, Turn):
            if turn.end > turn.start:
                yield msgspec.structs.replace(turn, speaker=self._names[self._turns.label[row]])

    def segments(self) -> Iterator[Segment]:
        for row, segment in self._read(self._segments, Segment):
            speaker = self._names[self._majority(segment, self._segments.label[row])]
            segment = segment if speaker == segment.speaker else _respoken(segment, speaker)
            yield msgspec.structs.replace(
                segment, words=segment.words and tuple(map(self._told, segment.words))
            )

    def _told(self, word: Word) -> Word:
        """The word under the last labels of its turns; as it is where they are not all known."""
        rows = [row for row in map(self._turns.row, word.turns) if row is not None]
        if not rows or len(rows) < len(word.speakers):
            return word
        names = [self._names[self._turns.label[row]] for row in rows]
        speakers = tuple(dict.fromkeys(name for name in names if name is not None))
        return msgspec.structs.replace(word, speakers=speakers)

    def overlaps(self) -> Iterator[Overlap]:
        turns = self._turns
        coming = iter(turns.by_time())
        following = next(coming, None)
        active: list[tuple[int, int]] = []  # heap of (end, row)
        for _, overlap in self._read(self._overlaps, Overlap):
            while following is not None and turns.start[following] <= overlap.start:
                heapq.heappush(active, (turns.end[following], following))
                following = next(coming, None)
            while active and active[0][0] <= overlap.start:
                heapq.heappop(active)
            names = {self._names[turns.label[row]] for end, row in active if end >= overlap.end}
            speakers = tuple(sorted(name for name in names if name is not None))
            if len(speakers) > 1:
                yield msgspec.structs.replace(overlap, speakers=speakers)

    def interruptions(self) -> Iterator[Interruption]:
        for row, event in self._read(self._interruptions, Interruption):
            by, of = self._parties[2 * row : 2 * row + 2]
            interrupter = self._names[self._turns.label[by]] if by >= 0 else event.interrupter
            interrupted = self._names[self._turns.label[of]] if of >= 0 else event.interrupted
            if interrupter and interrupted and interrupter != interrupted:
                yield msgspec.structs.replace(event, interrupter=interrupter, interrupted=interrupted)

    def _index(self, offset: int, event: Event) -> None:
        match event:
            case SessionStart():
                self.session_start = event
            case SessionEnd():
                self.session_end = event
            case Turn(final=True):
                self._put(self._turns, event, offset, event.speaker)
            case Segment(final=True):
                self._put(self._segments, event, offset, event.speaker)
            case Overlap():
                self._put(self._overlaps, event, offset)
            case Interruption():
                self._put(self._interruptions, event, offset)
                for name in (event.interrupter, event.interrupted):
                    row = self._turns.newest_at(event.start, self._code(name))
                    self._parties.append(-1 if row is None else row)
            case Relabel():
                self._relabel(event)
            case _:
                pass

    def _put(
        self,
        columns: Columns,
        event: Turn | Segment | Overlap | Interruption,
        offset: int,
        speaker: str | None = None,
    ) -> None:
        columns.put(event.id, start=event.start, end=event.end, label=self._code(speaker), offset=offset)

    def _relabel(self, event: Relabel) -> None:
        to = self._code(event.to)
        for row in map(self._turns.row, event.turns):
            if row is not None:
                self._turns.label[row] = to
        if event.speaker is not None:
            self._turns.rename(self._code(event.speaker), to)
            self._segments.rename(self._code(event.speaker), to)

    def _majority(self, segment: Segment, logged: int) -> int:
        """The label of most of the segment's time; the logged one where its turns do not say."""
        held: dict[int, int] = {}
        for row in map(self._turns.row, segment.turns):
            if row is not None:
                covered = min(segment.end, self._turns.end[row]) - max(segment.start, self._turns.start[row])
                label = self._turns.label[row]
                held[label] = held.get(label, 0) + max(0, covered)
        best = max(held, key=held.__getitem__, default=logged)
        return best if held.get(best) else logged

    def _code(self, name: str | None) -> int:
        if name not in self._codes:
            self._codes[name] = len(self._names)
            self._names.append(name)
        return self._codes[name]

    def _read(self, columns: Columns, kind: type[R]) -> Iterator[tuple[int, R]]:
        with self.path.open("rb") as log:
            for row in columns.by_time():
                log.seek(columns.offset[row])
                yield row, cast("R", decode(log.readline()))


def _respoken(segment: Segment, speaker: str | None) -> Segment:
    """The segment under another label, its words with it."""
    if segment.words is None or segment.speaker is None or speaker is None:
        return msgspec.structs.replace(segment, speaker=speaker)
    words = tuple(
        msgspec.structs.replace(
            word, speakers=tuple(dict.fromkeys(speaker if s == segment.speaker else s for s in word.speakers))
        )
        for word in segment.words
    )
    return msgspec.structs.replace(segment, speaker=speaker, words=words)
