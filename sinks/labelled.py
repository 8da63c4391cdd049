"""A session as its log tells it in the end: its final records under their last labels.

    events.jsonl ──one pass──► index (start, end, label, file offset) ──► records in order of time

Texts stay on disk and are read again one by one: memory holds some tens of bytes for each record.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from sinks.kept_records import KeptRecords
from sinks.log_columns import Columns, Rows, view
from sinks.log_index import LogIndex
from sinks.log_labels import Labels
from sinks.log_overlaps import labelled_overlaps
from sinks.log_records import records_at
from stream_engine.events import (
    Affect,
    Backchannel,
    EnergyWindow,
    Envelope,
    Event,
    Gap,
    Interruption,
    Language,
    Overlap,
    Prosody,
    Segment,
    SessionEnd,
    SessionStart,
    SoundEvent,
    Sounds,
    Statistics,
    Turn,
)

R = TypeVar("R", bound=Event)


class Told(NamedTuple):
    """A segment, and what else was said of it."""

    segment: Segment
    prosody: Prosody | None
    affect: Affect | None
    sounds: Sounds | None


class LabelledLog:
    """The final records of the log at `path`, each kind in order of start, under the last labels.

    A relabel reaches the turns that it names, or all turns of a speaker so far. A segment has the label
    that holds most of the time of its turns, and so have its prosody and affect; an overlap has the labels of
    the turns that cover it. Left out are turns without length (withdrawn), and what turned out to be one
    speaker's.

    `keep_in` is a folder where the segments wait, once somebody asked for all of them, for who asks again;
    without it they come out of the log each time.

    Raises:
        ValueError: a damaged line before the last one.
    """

    def __init__(self, path: Path, index: LogIndex | None = None, *, keep_in: Path | None = None) -> None:
        self.path = path
        self.failures: dict[str, str] = {}  # documents that could not be made of it so far, and why
        self._index = index or LogIndex(path)
        self._labels = Labels(self._index)
        self._keep_in = keep_in
        self._kept: KeptRecords[Segment] | None = None
        if index is None:
            self._index.catch_up()

    @property
    def session_start(self) -> SessionStart | None:
        return self._index.start

    @property
    def session_end(self) -> SessionEnd | None:
        return self._index.end

    @property
    def languages(self) -> tuple[Language, ...]:
        return tuple(self._index.languages)

    # --- who, what, when -------------------------------------------------------------------------

    def turns(self) -> Iterator[Turn]:
        for row, turn in self._read(self._index.turns, Turn):
            if turn.end > turn.start:
                yield msgspec.structs.replace(turn, speaker=self._labels.of_turn(row))

    def turns_told(self) -> Iterator[tuple[Turn, Sounds | None]]:
        """Each turn with the sound events during it."""
        index = self._index
        offsets = index.turn_sounds.of(index.turns.ids[index.turns.by_time()])
        sounds = self._at(offsets.tolist(), Sounds)
        for (row, turn), heard in zip(self._read(index.turns, Turn), sounds, strict=True):
            if turn.end > turn.start:
                yield msgspec.structs.replace(turn, speaker=self._labels.of_turn(row)), heard

    def segments(self, rows: Rows | None = None) -> Iterator[Segment]:
        """All of them, or those in `rows` of the index."""
        if rows is not None or self._keep_in is None:
            return self._labelled(rows)
        if self._kept is None:
            self._kept = KeptRecords(self._keep_in, Segment, self._labelled(None))
        return iter(self._kept)

    def _labelled(self, rows: Rows | None) -> Iterator[Segment]:
        for row, segment in self._read(self._index.segments, Segment, rows):
            yield self._labels.labelled(segment, row)

    def told(self, rows: Rows | None = None) -> Iterator[Told]:
        """Each segment, or those in `rows`, with its prosody, affect and sound events."""
        index = self._index
        ids = index.segments.ids[index.segments.by_time(rows)]
        prosody = self._at(index.prosody.of(ids).tolist(), Prosody)
        affect = self._at(index.affect.of(ids).tolist(), Affect)
        sounds = self._at(index.segment_sounds.of(ids).tolist(), Sounds)
        for segment, how, mood, heard in zip(self.segments(rows), prosody, affect, sounds, strict=True):
            if how is not None:
                how = msgspec.structs.replace(how, speaker=segment.speaker)
            if mood is not None:
                mood = msgspec.structs.replace(mood, speaker=segment.speaker)
            yield Told(segment, how, mood, heard)

    # --- beside what is said ---------------------------------------------------------------------

    def overlaps(self, rows: Rows | None = None) -> Iterator[Overlap]:
        overlaps = self._index.overlaps
        rows = overlaps.by_time(rows)
        first = overlaps.start[int(rows[0])] if len(rows) else 0
        logged = (overlap for _, overlap in self._read(overlaps, Overlap, rows))
        return labelled_overlaps(self._index, logged, first)

    def beside(self, rows: Rows | None = None) -> tuple[Iterator[Overlap], Iterator[Interruption]]:
        """Overlaps and interruptions during all segments, or during those in `rows`."""
        index = self._index
        if rows is None:
            return self.overlaps(), self.interruptions()
        start, end = view(index.segments.start)[rows], view(index.segments.end)[rows]
        time = (int(start.min()), int(end.max())) if len(rows) else (0, 0)
        return (
            self.overlaps(index.overlaps.during(*time)),
            self.interruptions(index.interruptions.during(*time)),
        )

    def interruptions(self, rows: Rows | None = None) -> Iterator[Interruption]:
        for row, event in self._read(self._index.interruptions, Interruption, rows):
            parties = self._index.interrupting, row, event.interrupter, event.interrupted
            if pair := self._labels.of_pair(*parties):
                yield msgspec.structs.replace(event, interrupter=pair[0], interrupted=pair[1])

    def backchannels(self) -> Iterator[Backchannel]:
        for row, event in self._read(self._index.backchannels, Backchannel):
            if pair := self._labels.of_pair(self._index.nodding, row, event.speaker, event.to):
                yield msgspec.structs.replace(event, speaker=pair[0], to=pair[1])

    def sound_events(self) -> Iterator[SoundEvent]:
        for _, event in self._read(self._index.sound_events, SoundEvent):
            yield event

    def gaps(self) -> Iterator[Gap]:
        """In the order in which they were met."""
        return self._all(self._index.gaps, Gap)

    def envelopes(self) -> Iterator[Envelope]:
        """How loud the audio was, for drawing."""
        return self._all(self._index.envelopes, Envelope)

    def statistics(self) -> Statistics | None:
        """The last figures, with the windows of all; None where nobody took any.

        Windows follow relabels of whole speakers; what single turns were is not known to them.
        """
        newest: Statistics | None = None
        windows: list[EnergyWindow] = []
        offsets = self._index.statistics
        for offset, newest in zip(offsets, self._all(offsets, Statistics), strict=True):
            windows += [self._renamed(window, offset) for window in newest.windows]
        return newest and msgspec.structs.replace(newest, windows=tuple(windows))

    def _renamed(self, window: EnergyWindow, offset: int) -> EnergyWindow:
        speakers = window.speakers
        for at, old, new in self._index.renames:
            if at > offset and old in speakers:
                speakers = tuple(sorted({new if name == old else name for name in speakers}))
        return window if speakers is window.speakers else msgspec.structs.replace(window, speakers=speakers)

    # --- lines of the file -----------------------------------------------------------------------

    def _read(self, columns: Columns, kind: type[R], rows: Rows | None = None) -> Iterator[tuple[int, R]]:
        """Records in order of time, each with its row."""
        ordered: list[int] = columns.by_time(rows).tolist()
        offsets = (columns.offset[row] for row in ordered)
        for row, record in zip(ordered, self._at(offsets, kind), strict=True):
            if record is not None:
                yield row, record

    def _all(self, offsets: Iterable[int], kind: type[R]) -> Iterator[R]:
        return (record for record in self._at(offsets, kind) if record is not None)

    def _at(self, offsets: Iterable[int], kind: type[R]) -> Iterator[R | None]:
        return records_at(self.path, offsets, kind)
