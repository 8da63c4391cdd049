"""The one traversal of a log behind all tables of segments: a row for each, in the order of the schema."""

from __future__ import annotations

import math
from collections.abc import Iterator
from operator import attrgetter
from typing import Any

import msgspec

from sinks.beside import Beside
from sinks.labelled import LabelledLog, Told
from sinks.log_columns import Rows
from sinks.table_schemas import AFFECT, PROSODY
from stream_engine.clock import seconds
from stream_engine.events import Affect, Interruption, Overlap, Segment, Word

Row = tuple[Any, ...]
_prosody = attrgetter(
    *("wpm", "syllables", "syllables_per_s", "pauses", "long_pauses", "pause_s", "pause_ratio"),
    *("f0_median_hz", "f0_iqr_hz", "voiced_ratio", "loudness_dbfs", "loudness_range_db"),
    *("centroid_hz", "flatness", "fillers", "repetitions", "false_starts"),
    *("jitter_pct", "shimmer_db", "hnr_db", "cpps_db", "voice_reliable", "notes"),
)
_NO_PROSODY, _NO_AFFECT = (None,) * len(PROSODY), (None,) * len(AFFECT)
_LEAST = 1e-10  # a word that the recogniser calls impossible


class WordCell(msgspec.Struct, frozen=True, gc=False):
    """A word in a table; times in seconds."""

    start_s: float
    end_s: float
    text: str
    probability: float | None
    speakers: tuple[str, ...]


def segment_rows(log: LabelledLog, rows: Rows | None = None) -> Iterator[Row]:
    """All segments in order of time, or those in `rows` of the log's index."""
    overlaps, interruptions = log.beside(rows)
    over, cuts = Beside(overlaps), Beside(interruptions)
    languages = [(found.at, found.code) for found in log.languages]
    for told in log.told(rows):
        segment = told.segment
        language = next((code for at, code in reversed(languages) if at <= segment.end), None)
        yield _row(told, language, over.during(segment), cuts.during(segment))


def _row(told: Told, language: str | None, over: list[Overlap], cuts: list[Interruption]) -> Row:
    segment, prosody, affect, sounds = told
    speaker, words = segment.speaker, segment.words
    shared, beside = _shared(segment, over)
    return (
        segment.id,
        *interval(segment.start, segment.end),
        speaker,
        _speakers(segment),
        segment.text,
        language,
        len(segment.text.split()) if prosody is None else prosody.words,
        None if words is None else list(map(_cell, words)),
        _logprob(words),
        shared,
        beside,
        _others(cut.interrupted for cut in cuts if cut.interrupter == speaker and cut.start >= segment.start),
        _others(cut.interrupter for cut in cuts if cut.interrupted == speaker and cut.start >= segment.start),
        *(_NO_PROSODY if prosody is None else _prosody(prosody)),
        *(_NO_AFFECT if affect is None else _mood(affect)),
        sounds and sounds.top,
    )


def interval(start: int, end: int) -> tuple[float, float, float]:
    """Start, end and duration in seconds."""
    return seconds(start), seconds(end), seconds(end - start)


def _cell(word: Word) -> WordCell:
    return WordCell(seconds(word.start), seconds(word.end), word.text, word.probability, word.speakers)


def _speakers(segment: Segment) -> list[str]:
    said = {name: None for word in segment.words or () for name in word.speakers}
    return list({segment.speaker: None} | said) if segment.speaker else list(said)


def _logprob(words: tuple[Word, ...] | None) -> float | None:
    known = [math.log(max(_LEAST, w.probability)) for w in words or () if w.probability is not None]
    return round(math.fsum(known) / len(known), 6) if known else None


def _shared(segment: Segment, overlaps: list[Overlap]) -> tuple[float, list[str]]:
    """Seconds of the segment in which its speaker is not alone, and who else speaks then."""
    mine = [overlap for overlap in overlaps if segment.speaker in overlap.speakers]
    time = sum(min(one.end, segment.end) - max(one.start, segment.start) for one in mine)
    names = {name for one in mine for name in one.speakers if name != segment.speaker}
    return seconds(time), sorted(names)


def _others(names: Iterator[str]) -> list[str]:
    return list(dict.fromkeys(names))


def _mood(affect: Affect) -> Row:
    return (
        affect.valence,
        affect.arousal,
        affect.dominance,
        _likeliest(affect.emotions),
        affect.emotions,
        affect.low_confidence,
        _likeliest(affect.text_emotions),
        affect.text_emotions,
        affect.sentiment,
        _likeliest(affect.intents),
        affect.intents,
        affect.hint,
        affect.available,
    )


def _likeliest(scores: dict[str, float] | None) -> str | None:
    return max(scores, key=scores.__getitem__) if scores else None
