"""turns.parquet, words.parquet and events.parquet, and their rows."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sinks.arrow import batches, write_parquet
from sinks.formats import Unwritten
from sinks.labelled import LabelledLog
from sinks.segment_rows import Row, interval
from sinks.table_schemas import EVENTS, TURNS, WORDS
from sinks.whole_file import replacing_bytes
from stream_engine.events import Backchannel, Gap, Interruption, Overlap, SoundEvent


def write_turns_parquet(log: LabelledLog, out: Path) -> None:
    with replacing_bytes(out) as file:
        write_parquet(file, TURNS, batches(TURNS, turn_rows(log)))


def write_words_parquet(log: LabelledLog, out: Path) -> None:
    """A row for each word with times, in order of segments.

    Raises:
        Unwritten: there is text, and none of it has word times.
    """
    with replacing_bytes(out) as file:
        rows = write_parquet(file, WORDS, batches(WORDS, word_rows(log)))
        untimed = [] if rows else [segment.words is None for segment in log.segments()]
        if untimed and all(untimed):
            raise Unwritten("the recogniser has no word times")


def write_events_parquet(log: LabelledLog, out: Path) -> None:
    """Overlaps, interruptions, back-channels, sound events and gaps, in order of time."""
    with replacing_bytes(out) as file:
        write_parquet(file, EVENTS, batches(EVENTS, event_rows(log)))


def turn_rows(log: LabelledLog) -> Iterator[Row]:
    for turn, sounds in log.turns_told():
        times = interval(turn.start, turn.end)
        yield turn.id, *times, turn.speaker, sounds and sounds.top


def word_rows(log: LabelledLog) -> Iterator[Row]:
    for segment in log.segments():
        for place, word in enumerate(segment.words or ()):
            speaker = word.speakers[0] if word.speakers else segment.speaker
            times = interval(word.start, word.end)
            yield segment.id, place, *times, word.text, word.probability, speaker, word.speakers


_Beside = Overlap | Interruption | Backchannel | SoundEvent | Gap


def event_rows(log: LabelledLog) -> Iterator[Row]:
    gaps = sorted(log.gaps(), key=_start)
    kinds: list[Iterator[_Beside]] = [
        log.overlaps(),
        log.interruptions(),
        log.backchannels(),
        log.sound_events(),
        iter(gaps),
    ]
    for event in heapq.merge(*kinds, key=_start):
        told = _told(event)
        yield (
            told["kind"],
            told.get("id"),
            *interval(event.start, event.end),
            *(told.get(name) for name in ("speaker", "to", "speakers", "successful")),
            *(told.get(name) for name in ("label", "score", "source")),
        )


def _start(event: _Beside) -> int:
    return event.start


def _told(event: _Beside) -> dict[str, Any]:
    match event:
        case Overlap():
            return {"kind": "overlap", "id": event.id, "speakers": event.speakers}
        case Interruption():
            parties = {"speaker": event.interrupter, "to": event.interrupted}
            return {"kind": "interruption", "id": event.id, **parties, "successful": event.successful}
        case Backchannel():
            return {"kind": "backchannel", "id": event.id, "speaker": event.speaker, "to": event.to}
        case SoundEvent():
            heard = {"label": event.label, "score": event.score, "source": event.source}
            return {"kind": "sound", "id": event.id, **heard}
        case Gap():
            return {"kind": "gap", "label": event.reason}
