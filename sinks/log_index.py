"""One pass over a log: where its records are, and under which labels; goes on as the log grows."""

from __future__ import annotations

from array import array
from pathlib import Path

import msgspec

from sinks.log_columns import Columns, Offsets
from sinks.log_lines import (
    AffectLine,
    AnyLine,
    BackchannelLine,
    EndLine,
    EnvelopeLine,
    EventLine,
    HeardLine,
    InterruptionLine,
    IntervalLine,
    LanguageLine,
    ProsodyLine,
    RelabelLine,
    SegmentLine,
    SoundsLine,
    StartLine,
    StatisticsLine,
    TurnLine,
    decoder,
)
from stream_engine.clock import samples
from stream_engine.events import Language, SessionEnd, SessionStart
from stream_engine.log import decode

Touched = list[tuple[int, int]]  # intervals of which something was said


class LogIndex:
    """The columns of each kind of record in the log at `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.start: SessionStart | None = None
        self.end: SessionEnd | None = None
        self.languages: list[Language] = []
        self.names: list[str | None] = [None]  # by code
        self._codes: dict[str | None, int] = {None: 0}
        self.turns, self.segments, self.overlaps = Columns(), Columns(), Columns()
        self.interruptions, self.backchannels, self.sound_events = Columns(), Columns(), Columns()
        self.gaps, self.statistics, self.envelopes = array("q"), array("q"), array("q")  # offsets
        self.prosody, self.affect, self.segment_sounds, self.turn_sounds = (Offsets() for _ in range(4))
        self.interrupting, self.nodding = array("q"), array("q")  # for each: rows of both turns, or -1
        self.renames: list[tuple[int, str, str]] = []  # offset of a relabel of a whole speaker, from, to
        self._position = self._number = 0

    def catch_up(self, touched: Touched | None = None) -> None:
        """Takes in what the log has more than at the last call.

        With `touched`, the log is still written: a line that is not whole yet is left for the next call, and
        the intervals whose records were added or renamed are put there.

        Raises:
            ValueError: a damaged line before the last one.
        """
        with self.path.open("rb") as log:
            log.seek(self._position)
            for line in log:
                whole = line.endswith(b"\n")
                if touched is not None and not whole:
                    return
                self._number += 1
                try:
                    self._take(line, decoder.decode(line), touched)
                except msgspec.DecodeError as error:
                    if not whole:
                        return
                    raise ValueError(f"{self.path}, line {self._number}: {error}") from error
                self._position += len(line)

    def _take(self, line: bytes, found: AnyLine, touched: Touched | None) -> None:
        offset = self._position
        match found:
            case TurnLine():  # a segment, too
                if found.final:
                    kind = self.segments if isinstance(found, SegmentLine) else self.turns
                    self._put(kind, found, found.speaker)
            case ProsodyLine():  # affect, too
                (self.affect if isinstance(found, AffectLine) else self.prosody).put(found.segment, offset)
            case SoundsLine():
                (self.segment_sounds if found.of == "segment" else self.turn_sounds).put(found.id, offset)
            case InterruptionLine():
                self._put(self.interruptions, found)
                self._meet(self.interrupting, found, found.interrupter, found.interrupted)
            case BackchannelLine():
                self._put(self.backchannels, found)
                self._meet(self.nodding, found, found.speaker, found.to)
            case HeardLine():
                self._put(self.sound_events, found)
            case EventLine():
                self._put(self.overlaps, found)
            case IntervalLine():
                self.gaps.append(offset)
            case EnvelopeLine():
                self.envelopes.append(offset)
            case StatisticsLine():
                self.statistics.append(offset)
            case RelabelLine():
                self._relabel(found, touched)
            case StartLine() | EndLine() | LanguageLine():
                self._keep(decode(line))
            case _:
                pass
        if touched is not None and isinstance(found, IntervalLine):
            touched.append((samples(found.start), samples(found.end)))

    def _keep(self, event: object) -> None:
        match event:
            case SessionStart():
                self.start = event
            case SessionEnd():
                self.end = event
            case Language():
                self.languages.append(event)
            case _:
                pass

    def _put(self, columns: Columns, found: EventLine, speaker: str | None = None) -> None:
        start, end = samples(found.start), samples(found.end)
        columns.put(found.id, start=start, end=end, label=self._code(speaker), offset=self._position)

    def _meet(self, parties: array[int], found: EventLine, *names: str) -> None:
        """Keeps the turns of both, so that a relabel reaches what they did."""
        for name in names:
            row = self.turns.newest_at(samples(found.start), self._code(name))
            parties.append(-1 if row is None else row)

    def _relabel(self, found: RelabelLine, touched: Touched | None) -> None:
        to, turns = self._code(found.to), self.turns
        rows = [row for row in map(turns.row, found.turns) if row is not None]
        if found.speaker is not None and touched is not None:
            rows += turns.with_label(self._code(found.speaker)).tolist()
        for row in rows:
            turns.label[row] = to
        if found.speaker is not None:
            self.renames.append((self._position, found.speaker, found.to))
            turns.rename(self._code(found.speaker), to)
            self.segments.rename(self._code(found.speaker), to)
        if touched is not None:
            touched.extend((turns.start[row], turns.end[row]) for row in rows)

    def _code(self, name: str | None) -> int:
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]
