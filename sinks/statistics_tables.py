"""speakers.csv, conversation.csv, interruptions.csv and windows.csv: what the last Statistics say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter
from pathlib import Path

from sinks.csv_cells import write_csv
from sinks.formats import Unwritten
from sinks.labelled import LabelledLog
from sinks.statistics_schemas import CONVERSATION, INTERRUPTIONS, SPEAKERS, WINDOWS
from sinks.table_schemas import Column
from stream_engine.clock import seconds
from stream_engine.events import Statistics


def write_speakers(log: LabelledLog, out: Path) -> None:
    """A row for each speaker, who speaks most first.

    Raises:
        Unwritten: the session took no statistics; and so for the tables below.
    """
    speakers = sorted(_statistics(log).speakers, key=lambda one: (-one.speech_s, one.speaker))
    _write(out, SPEAKERS, speakers)


def write_conversation(log: LabelledLog, out: Path) -> None:
    """One row."""
    found, end = _statistics(log), log.session_end
    figures = attrgetter(*(column.name for column in CONVERSATION[4:]))(found.conversation)
    duration = None if end is None else seconds(end.duration)
    name = log.path.resolve().parent.name
    write_csv(out, CONVERSATION, [(name, duration, seconds(found.at), found.final, *figures)])


def write_interruptions(log: LabelledLog, out: Path) -> None:
    """Who interrupts whom, a row for each pair that does."""
    _write(out, INTERRUPTIONS, _statistics(log).interruptions)


def write_windows(log: LabelledLog, out: Path) -> None:
    """How lively the session was, window by window."""
    _write(out, WINDOWS, _statistics(log).windows)


def _write(out: Path, columns: Sequence[Column], records: Iterable[object]) -> None:
    fields = attrgetter(*(column.name for column in columns))
    write_csv(out, columns, map(fields, records))


def _statistics(log: LabelledLog) -> Statistics:
    found = log.statistics()
    if found is None:
        raise Unwritten("the session took no statistics")
    return found
