"""A session with everything that a table can hold, and the golden files that the tables make of it.

    python -m tests.golden_tables        # writes tests/golden/tables again: look at the difference

Parquet's bytes change with its library, so of Parquet the rows and the schema are kept, as JSON.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq

from sinks.event_log import EventLog
from sinks.flat_tables import write_events_parquet, write_turns_parquet, write_words_parquet
from sinks.labelled import LabelledLog
from sinks.legacy_csv import write_legacy_csv
from sinks.segment_table import write_segments_csv, write_segments_jsonl, write_segments_parquet
from sinks.statistics_tables import write_conversation, write_interruptions, write_speakers, write_windows
from stream_engine.clock import samples
from stream_engine.events import (
    Affect,
    Backchannel,
    ConversationFigures,
    EnergyWindow,
    Event,
    Gap,
    Heard,
    Interruption,
    InterruptionCount,
    Language,
    Overlap,
    Prosody,
    Relabel,
    Segment,
    SessionEnd,
    SessionStart,
    SoundEvent,
    Sounds,
    SpeakerFigures,
    Statistics,
    Turn,
    Word,
)

GOLDEN = Path(__file__).parent / "golden" / "tables"
WRITERS: dict[str, Callable[[LabelledLog, Path], None]] = {
    "segments.csv": write_segments_csv,
    "segments.jsonl": write_segments_jsonl,
    "segments.parquet": write_segments_parquet,
    "turns.parquet": write_turns_parquet,
    "words.parquet": write_words_parquet,
    "events.parquet": write_events_parquet,
    "speakers.csv": write_speakers,
    "conversation.csv": write_conversation,
    "interruptions.csv": write_interruptions,
    "windows.csv": write_windows,
    "diarized_transcript_with_emotion.csv": write_legacy_csv,
}
HOSTILE = [
    "<script>alert(1)</script> </td>",
    "=cmd|'/c calc'!A1",
    '+1, or "two"\r\nnew line;\ttab',
    "-2+3 \x1b[31mred\x1b[0m \x00null",
    "@SUM(A1:A9) שלום \u202eback\u202c مرحبا",
    "👩\u200d👩\u200d👧 naïve 日本語",
    "\t=1+1",
    "＝1+1",
]


def _times(start_s: float, end_s: float) -> dict[str, Any]:
    return {"start": samples(start_s), "end": samples(end_s), "emitted_at": round(end_s + 1.5, 3)}


def turn(id: int, start_s: float, end_s: float, speaker: str | None) -> Turn:
    return Turn(id=id, revision=0, final=True, speaker=speaker, **_times(start_s, end_s))


def word(start_s: float, end_s: float, text: str, sure: float | None, *said: tuple[str, int]) -> Word:
    return Word(
        start=samples(start_s),
        end=samples(end_s),
        text=text,
        probability=sure,
        speakers=tuple(name for name, _ in said),
        turns=tuple(turn for _, turn in said),
    )


def segment(
    id: int,
    start_s: float,
    end_s: float,
    speaker: str | None,
    text: str,
    *turns: int,
    words: tuple[Word, ...] | None = None,
) -> Segment:
    times = _times(start_s, end_s)
    return Segment(
        id=id, revision=0, final=True, speaker=speaker, text=text, words=words, turns=turns, **times
    )


def session() -> list[Event]:
    """Ann and Bo, who is called Bob until a relabel; then what a hostile recording might say."""
    ann, bo = ("Ann", 1), ("Bob", 2)
    hello = (word(0, 1, "Hello", 0.9, ann), word(1, 4.5, "there.", 0.5, ann, bo))
    events: list[Event] = [
        SessionStart(schema=1, source="talk.wav", recogniser="whisper", diarizer="community-1"),
        turn(1, 0, 5, "Ann"),
        turn(2, 4, 7, "Bob"),
        Language(at=samples(3), code="en", probability=0.98),
        segment(1, 0, 5, "Ann", "Hello there.", 1, words=hello),
        segment(2, 4, 7.25, "Bob", "No, wait!", 2, words=()),
        Overlap(id=1, speakers=("Ann", "Bob"), **_times(4, 5)),
        Interruption(id=1, interrupter="Bob", interrupted="Ann", successful=True, **_times(4, 5)),
        Backchannel(id=1, speaker="Ann", to="Bob", **_times(6, 6.2)),
        SoundEvent(id=1, label="Typing", score=0.75, **_times(1, 3)),
        Sounds(of="segment", id=1, top=(Heard(label="Typing", seconds=2.0, score=0.7),), **_times(0, 5)),
        Sounds(of="turn", id=1, top=(Heard(label="Typing", seconds=2.0, score=0.7),), **_times(0, 5)),
        _prosody(),
        Prosody(
            segment=2, speaker="Bob", words=2, fillers=1, notes=("too short", "no voice"), **_times(4, 7.25)
        ),
        _affect(),
        Gap(reason="connection lost", **_times(8, 9)),
    ]
    for place, text in enumerate(HOSTILE):
        at = 10 + place
        events += [
            turn(10 + place, at, at + 1, text),
            segment(10 + place, at, at + 1, text, text, 10 + place),
        ]
    events += [
        segment(30, 20, 21, None, "nobody was asked"),
        segment(31, 22, 23, None, "  "),
        Relabel(to="Bo", as_of=samples(23), turns=(2,)),
        _statistics(),
        SessionEnd(duration=samples(24), health={"snr_db": 21.5, "clipped_samples": 0}),
    ]
    return events


def _prosody() -> Prosody:
    rates = {"wpm": 24.0, "syllables": 3, "syllables_per_s": 0.6, "pauses": 1, "long_pauses": 0}
    levels = {"loudness_dbfs": -23.5, "loudness_range_db": 30.25, "centroid_hz": 1500.0, "flatness": 0.01}
    voice = {"f0_median_hz": 210.5, "f0_iqr_hz": 20.25, "voiced_ratio": 0.5, "jitter_pct": 1.1}
    more = {"shimmer_db": 0.4, "hnr_db": 14.0, "cpps_db": 9.5, "voice_reliable": True}
    slips = {"fillers": 1, "repetitions": 0, "false_starts": 2, "pause_s": 0.5, "pause_ratio": 0.1}
    told: dict[str, Any] = {**rates, **levels, **voice, **more, **slips}
    return Prosody(segment=1, speaker="Ann", words=2, **told, **_times(0, 5))


def _affect() -> Affect:
    return Affect(
        segment=1,
        speaker="Ann",
        valence=0.5,
        arousal=0.25,
        emotions={"calm": 0.25, "happy": 0.75},
        low_confidence=False,
        text_emotions={f"felt {place}": place / 10 for place in range(7)},
        sentiment=-0.125,
        intents={"greeting": 0.75, "question": 0.125, "=cmd()": 0.0625, "opinion": 0.0625},
        hint="neutral-greeting",
        available={"dimensions": True, "intent": True},
        **_times(0, 5),
    )


def _statistics() -> Statistics:
    talk: dict[str, Any] = dict.fromkeys(ConversationFigures.__struct_fields__, None)
    counts = ("turns", "interruptions", "successful_interruptions", "backchannels", "response_latencies")
    talk |= dict.fromkeys(counts, 1) | {"speech_s": 7.0, "overlap_s": 1.0, "balance": 0.954}
    empty: dict[str, Any] = dict.fromkeys(SpeakerFigures.__struct_fields__, None)
    whole = "turns segments words interruptions_made interruptions_won interruptions_received"
    sums = f"{whole} backchannels pauses fillers repetitions false_starts".split()
    empty |= dict.fromkeys(sums, 0) | dict.fromkeys(("speech_s", "overlap_s", "pause_s"), 0.0)
    bo = SpeakerFigures(**empty | {"speaker": "Bo", "speech_s": 3.0, "interruptions_made": 1})
    felt = {"joy": 0.25, "=evil": 0.75}
    ann = SpeakerFigures(**empty | {"speaker": "Ann", "speech_s": 5.0, "words": 2, "text_emotions": felt})
    window = EnergyWindow(
        start_s=0.0,
        end_s=24.0,
        speech_density=0.5,
        speakers=("Ann", "Bo"),
        words=2,
        loudness_dbfs=-23.5,
        arousal=None,
        energy=None,
    )
    return Statistics(
        at=samples(24),
        final=True,
        conversation=ConversationFigures(**talk),
        speakers=(bo, ann),
        interruptions=(InterruptionCount(interrupter="Bo", interrupted="Ann", attempted=0, successful=1),),
        windows=(window,),
    )


def written(folder: Path, events: list[Event]) -> Path:
    """A session's folder with the log of `events`."""
    folder.mkdir(parents=True, exist_ok=True)
    log = EventLog(path=folder / "events.jsonl")
    for event in events:
        log.write(event)
    log.commit()
    return folder


def told(path: Path) -> bytes:
    """A table as its golden file has it: of Parquet the schema and the rows."""
    if path.suffix != ".parquet":
        return path.read_bytes()
    table = pq.read_table(path)
    fields = [
        {
            "name": field.name,
            "type": str(field.type),
            "null": field.nullable,
            "unit": (field.metadata or {}).get(b"unit", b"").decode(),
        }
        for field in table.schema
    ]
    rows = table.to_pylist(maps_as_pydicts="strict")
    return b"\n".join(map(msgspec.json.encode, [*fields, *rows])) + b"\n"


def golden(name: str) -> Path:
    return GOLDEN / (f"{name}.json" if name.endswith(".parquet") else name)


def main() -> None:
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as folder:
        place = written(Path(folder, "a talk"), session())
        log = LabelledLog(place / "events.jsonl")
        for name, write in WRITERS.items():
            write(log, place / name)
            golden(name).write_bytes(told(place / name))


if __name__ == "__main__":
    main()
