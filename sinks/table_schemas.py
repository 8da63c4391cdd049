"""The columns of every table: names, kinds, units, whether they can be null, and what they mean.

Times are seconds on the session's clock, exact to the millisecond. Null: not known, or not measured. When a
record was emitted is in the log only: tables of the same audio are the same whenever and however it is heard.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["int", "float", "text", "bool", "texts", "scores", "flags", "words", "sounds"]
NESTED = ("texts", "scores", "flags", "words", "sounds")


class Column(NamedTuple):
    """One column; `texts` is a list of text, `scores` and `flags` maps of text to float and bool."""

    name: str
    kind: Kind
    meaning: str
    unit: str | None = None
    nullable: bool = True


def _interval(of: str) -> tuple[Column, ...]:
    return (
        Column("start_s", "float", f"where the {of} begins", "s", nullable=False),
        Column("end_s", "float", "where it ends", "s", nullable=False),
        Column("duration_s", "float", "end less start", "s", nullable=False),
    )


PROSODY = (
    Column("wpm", "float", "speaking rate", "words/min"),
    Column("syllables", "int", "syllables of the words"),
    Column("syllables_per_sec", "float", "syllable rate", "1/s"),
    Column("pauses", "int", "pauses within the segment"),
    Column("long_pauses", "int", "long ones among them"),
    Column("pause_s", "float", "time in pauses", "s"),
    Column("pause_ratio", "float", "time in pauses, of the segment", "0..1"),
    Column("f0_median_hz", "float", "pitch: median over voiced frames", "Hz"),
    Column("f0_iqr_hz", "float", "pitch: interquartile range", "Hz"),
    Column("voiced_ratio", "float", "voiced frames, of all", "0..1"),
    Column("loudness_dbfs_med", "float", "level: median over frames", "dBFS"),
    Column("loudness_range_db", "float", "level: 95th less 5th percentile", "dB"),
    Column("centroid_hz", "float", "spectral centroid", "Hz"),
    Column("flatness", "float", "spectral flatness", "0..1"),
    Column("fillers", "int", "filled pauses such as um"),
    Column("repetitions", "int", "words said twice"),
    Column("false_starts", "int", "begun anew"),
    Column("jitter_pct", "float", "voice: local jitter", "%"),
    Column("shimmer_db", "float", "voice: local shimmer", "dB"),
    Column("hnr_db", "float", "voice: harmonics to noise", "dB"),
    Column("cpps_db", "float", "voice: smoothed cepstral peak prominence", "dB"),
    Column("voice_reliable", "bool", "whether the recording allows the four figures of the voice"),
    Column("prosody_notes", "texts", "why a figure is missing"),
)

AFFECT = (
    Column("valence", "float", "of the voice, in the model's range"),
    Column("arousal", "float", "of the voice, in the model's range"),
    Column("dominance", "float", "of the voice, in the model's range"),
    Column("emotion", "text", "the likeliest emotion of the voice"),
    Column("emotions", "scores", "all of them", "0..1"),
    Column("emotion_unsure", "bool", "whether the model is not sure of the emotion"),
    Column("text_emotion", "text", "the likeliest emotion of the words"),
    Column("text_emotions", "scores", "all of them", "0..1"),
    Column("sentiment", "float", "of the words, by VADER", "-1..1"),
    Column("intent", "text", "the likeliest intent of the words"),
    Column("intents", "scores", "all of them", "0..1"),
    Column("affect_hint", "text", "mood and intent in two words"),
    Column("affect_available", "flags", "which models there were"),
)

SEGMENTS = (
    Column("segment", "int", "id, as in the event log", nullable=False),
    *_interval("segment"),
    Column("speaker", "text", "who says most of it"),
    Column("speakers", "texts", "all who say a word of it, the speaker first", nullable=False),
    Column("text", "text", "what is said", nullable=False),
    Column("language", "text", "code of the language that was in force"),
    Column("word_count", "int", "words of the text", nullable=False),
    Column("words", "words", "word by word; null: the recogniser has no word times"),
    Column("asr_logprob_mean", "float", "mean natural logarithm of the words' probabilities"),
    Column("overlap_s", "float", "time in which somebody else speaks too", "s", nullable=False),
    Column("overlap_with", "texts", "who does", nullable=False),
    Column("interrupts", "texts", "whom the speaker cuts off by beginning", nullable=False),
    Column("interrupted_by", "texts", "who cuts the speaker off", nullable=False),
    *PROSODY,
    *AFFECT,
    Column("sounds", "sounds", "what else is heard during it, the heaviest first"),
)

TURNS = (
    Column("turn", "int", "id, as in the event log", nullable=False),
    *_interval("turn"),
    Column("speaker", "text", "who speaks; null: nobody was asked"),
    Column("sounds", "sounds", "what else is heard during it, the heaviest first"),
)

WORDS = (
    Column("segment", "int", "id of its segment", nullable=False),
    Column("word", "int", "place in the segment, from 0", nullable=False),
    *_interval("word"),
    Column("text", "text", "the word with its punctuation", nullable=False),
    Column("probability", "float", "how sure the recogniser is", "0..1"),
    Column("speaker", "text", "who says it"),
    Column("speakers", "texts", "all who may, in overlapped speech", nullable=False),
)

EVENTS = (
    Column("kind", "text", "overlap, interruption, backchannel, sound or gap", nullable=False),
    Column("id", "int", "within its kind, as in the event log; a gap has none"),
    *_interval("event"),
    Column("speaker", "text", "who interrupts, or says something short"),
    Column("to", "text", "who is interrupted, or keeps the floor"),
    Column("speakers", "texts", "all who speak in an overlap"),
    Column("successful", "bool", "whether the interrupted yields"),
    Column("label", "text", "what is heard, or why audio is missing"),
    Column("score", "float", "how surely, at most", "0..1"),
    Column("source", "text", "which tagger heard it"),
)
TABLES = {"segments": SEGMENTS, "turns": TURNS, "words": WORDS, "events": EVENTS}


def markdown(columns: tuple[Column, ...]) -> str:
    """The table as a README shows it."""
    lines = ["| column | type | unit | null | meaning |", "| --- | --- | --- | --- | --- |"]
    for column in columns:
        null = "can be" if column.nullable else ""
        lines.append(f"| {column.name} | {column.kind} | {column.unit or ''} | {null} | {column.meaning} |")
    return "\n".join(lines) + "\n"
