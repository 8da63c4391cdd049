"""Whose a record is under the last labels of a log."""

from __future__ import annotations

from array import array

import msgspec

from sinks.log_index import LogIndex
from stream_engine.events import Segment, Word


class Labels:
    """The last labels of what `index` knows."""

    def __init__(self, index: LogIndex) -> None:
        self._index = index

    def of_turn(self, row: int) -> str | None:
        return self._index.names[self._index.turns.label[row]]

    def of_pair(
        self, parties: array[int], row: int, first: str | None, second: str | None
    ) -> tuple[str, str] | None:
        """Both parties of an event, where they are two still; those logged where no turn is known."""
        by, to = parties[2 * row : 2 * row + 2]
        first = self.of_turn(by) if by >= 0 else first
        second = self.of_turn(to) if to >= 0 else second
        return (first, second) if first and second and first != second else None

    def labelled(self, segment: Segment, row: int) -> Segment:
        """The segment, and its words, under the labels of its turns."""
        speaker = self._index.names[self._majority(segment, self._index.segments.label[row])]
        if speaker != segment.speaker:
            segment = _respoken(segment, speaker)
        words = self._told(segment.words) if segment.words else segment.words
        return segment if words == segment.words else msgspec.structs.replace(segment, words=words)

    def _majority(self, segment: Segment, logged: int) -> int:
        """The label of most of the segment's time; the logged one where its turns do not say."""
        turns = self._index.turns
        held: dict[int, int] = {}
        for row in map(turns.row, segment.turns):
            if row is not None:
                covered = min(segment.end, turns.end[row]) - max(segment.start, turns.start[row])
                label = turns.label[row]
                held[label] = held.get(label, 0) + max(0, covered)
        best = max(held, key=held.__getitem__, default=logged)
        return best if held.get(best) else logged

    def _told(self, words: tuple[Word, ...]) -> tuple[Word, ...]:
        """The words under the last labels of their turns; as they are where these are not all known."""
        known: dict[tuple[int, ...], tuple[int, tuple[str, ...]]] = {}
        told: list[Word] = []
        for word in words:
            if word.turns not in known:
                rows = [row for row in map(self._index.turns.row, word.turns) if row is not None]
                names = (self.of_turn(row) for row in rows)
                known[word.turns] = (
                    len(rows),
                    tuple(dict.fromkeys(name for name in names if name is not None)),
                )
            found, speakers = known[word.turns]
            if found and found >= len(word.speakers) and speakers != word.speakers:
                word = msgspec.structs.replace(word, speakers=speakers)
            told.append(word)
        return tuple(told)


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
