"""A synthetic event log of a long session, with everything in it that a log can tell; the same every time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypedDict

import msgspec

from sinks.event_log import EventLog
from stream_engine.clock import RATE, samples, snap
from stream_engine.events import (
    Affect,
    Backchannel,
    ConversationFigures,
    EnergyWindow,
    Event,
    Heard,
    Hypothesis,
    Interruption,
    InterruptionCount,
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

PEOPLE = tuple(f"SPEAKER_{number:02d}" for number in range(6))
VOCABULARY = (
    "so the other thing we wanted to say about it is that nobody has yet looked at these numbers in a way "
    "which would tell us whether they are any good and therefore I think we ought to"
).split()
FELT = "neutral calm happy sad angry fearful disgust surprised".split()
MEANT = "question request instruction command complaint apology opinion agreement disagreement".split()
WRITTEN = tuple(f"emotion_{number:02d}" for number in range(28))
SPACING = snap(RATE * 36_000 // 50_000)  # 0.72 s: 50 000 segments in 10 h


class At(TypedDict):
    start: int
    end: int
    emitted_at: float


def write_log(path: Path, segments: int) -> None:
    """A log with `segments` segments, 0.72 s from one to the next."""
    log = EventLog(path=path)
    for event in events(segments):
        log.write(event)
    log.commit()


def events(segments: int) -> Iterator[Event]:
    chance = random.Random(6)
    yield SessionStart(schema=1, source="long.wav", recogniser="synthetic", diarizer="synthetic")
    for id in range(segments):
        yield from _said(id, chance)
        if id % 100 == 99:
            yield _statistics(id, final=False)
        if id % 1000 == 999:
            yield Relabel(to=chance.choice(PEOPLE), as_of=id * SPACING, turns=(id - 20,), emitted_at=1.0)
    yield _statistics(segments, final=True)
    yield SessionEnd(duration=segments * SPACING, health={"snr_db": 21.5})


def _said(id: int, chance: random.Random) -> Iterator[Event]:
    start, speaker = id * SPACING, PEOPLE[id // 3 % 6]
    end = start + SPACING + samples(0.2) * (id % 10 == 0)
    said = [chance.choice(VOCABULARY) for _ in range(6)]
    step = snap((end - start) // 6)
    words = tuple(
        Word(
            start=start + place * step,
            end=start + place * step + step,
            text=word,
            probability=round(chance.uniform(0.4, 1), 3),
            speakers=(speaker,),
            turns=(id,),
        )
        for place, word in enumerate(said)
    )
    at = At(start=start, end=end, emitted_at=round(end / RATE + 1.2, 3))
    text = " ".join(said)
    yield Turn(id=id, revision=0, final=True, speaker=speaker, **at)
    yield Hypothesis(id=id, revision=1, speaker=speaker, text=text[:20], **at)
    yield Segment(id=id, revision=0, final=True, speaker=speaker, text=text, words=words, turns=(id,), **at)
    yield msgspec.convert({"segment": id, "speaker": speaker, **at, **_prosody(chance)}, Prosody)
    yield msgspec.convert({"segment": id, "speaker": speaker, **at, **_affect(chance)}, Affect)
    if id % 3 == 0:
        heard = Heard(label="Typing", seconds=0.4, score=0.61), Heard(label="Music", seconds=0.2, score=0.3)
        yield Sounds(of="segment", id=id, top=heard, **at)
        yield Sounds(of="turn", id=id, top=heard, **at)
        yield SoundEvent(id=id, label="Typing", score=0.7, **at)
    if id % 10 == 0:
        shared = At(start=end - samples(0.2), end=end, emitted_at=at["emitted_at"])
        other = PEOPLE[(id // 3 + 1) % 6]
        yield Overlap(id=id, speakers=(speaker, other), **shared)
        yield Interruption(id=id, interrupter=other, interrupted=speaker, successful=id % 20 == 0, **shared)
        yield Backchannel(id=id, speaker=other, to=speaker, **shared)


def _prosody(chance: random.Random) -> dict[str, object]:
    real = (
        "wpm syllables_per_s pause_s pause_ratio f0_median_hz f0_iqr_hz voiced_ratio loudness_dbfs "
        "loudness_range_db centroid_hz flatness jitter_pct shimmer_db hnr_db cpps_db"
    ).split()
    figures = {name: round(chance.uniform(0, 200), 3) for name in real}
    whole = {"words": 6, "syllables": 9, "pauses": 1, "long_pauses": 0}
    return {**figures, **whole, "voice_reliable": True}


def _affect(chance: random.Random) -> dict[str, object]:
    def scores(names: Iterable[str]) -> dict[str, float]:
        return {name: round(chance.random(), 4) for name in names}

    axes = {name: round(chance.random(), 4) for name in ("valence", "arousal", "dominance", "sentiment")}
    told = {"emotions": scores(FELT), "text_emotions": scores(WRITTEN), "intents": scores(MEANT)}
    rest = {"low_confidence": False, "hint": "calm-opinion", "available": {"voice": True, "text": True}}
    return {**axes, **told, **rest}


def _statistics(id: int, *, final: bool) -> Statistics:
    talk = dict.fromkeys(ConversationFigures.__struct_fields__, 1.5)
    counts = "turns interruptions successful_interruptions backchannels response_latencies".split()
    one = dict.fromkeys(SpeakerFigures.__struct_fields__, 1.5)
    whole = (
        "turns segments words interruptions_made interruptions_won interruptions_received backchannels "
        "pauses fillers repetitions false_starts"
    ).split()
    rest = {"emotion": "calm", "text_emotions": dict.fromkeys(WRITTEN, 0.1)}
    figures = {**one, **dict.fromkeys(whole, 3), **rest}
    return Statistics(
        at=id * SPACING,
        final=final,
        conversation=msgspec.convert({**talk, **dict.fromkeys(counts, 2)}, ConversationFigures),
        speakers=tuple(msgspec.convert({**figures, "speaker": person}, SpeakerFigures) for person in PEOPLE),
        interruptions=tuple(
            InterruptionCount(interrupter=by, interrupted=of, attempted=4, successful=2)
            for by in PEOPLE
            for of in PEOPLE
            if by != of
        ),
        windows=(
            EnergyWindow(
                start_s=id * 0.72,
                end_s=id * 0.72 + 30,
                speech_density=0.9,
                speakers=PEOPLE[:3],
                words=70,
                loudness_dbfs=-23.5,
                arousal=0.4,
                energy=0.36,
            ),
        ),
    )
