"""A session for reports: three people, everything that a log can tell, and texts that want to do harm."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import msgspec

from sinks.event_log import EventLog
from stream_engine.clock import RATE, samples
from stream_engine.events import (
    Affect,
    Backchannel,
    ConversationFigures,
    EnergyWindow,
    Envelope,
    Event,
    Gap,
    Heard,
    Interruption,
    InterruptionCount,
    Language,
    Overlap,
    Prosody,
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

HOSTILE = (
    "<script>window.harmed = 1</script>",
    "</script><img src=x onerror='window.harmed = 1'><svg onload=\"window.harmed = 1\">",
    "</bdi></p></main></style><!-- ]]> --> &lt;b&gt; &amp;",
    "{{ 7 * 7 }} {% raw %} ${7 * 7} javascript:window.harmed=1",
    "שלום \u202eright to left\u202c مرحبا",
    "👩\u200d👩\u200d👧 two\r\nlines\x00 and\u2028 one",
    "' onmouseover='window.harmed = 1' \" =cmd()",
    "url(https://example.invalid/a.png) http://example.invalid/ @import 'x'",
)
PEOPLE = ("Anna", "</script><script>window.harmed = 1</script>", "=בני")
SAID = ("the harbour was closed", "no wait, that was later", "we will meet on Friday morning then")
STEP_S = 3.0


def write_session(folder: Path, *, lines: int = 30, source: str = "talk.wav", ended: bool = True) -> Path:
    """The log in `folder`, which is made; a line every three seconds."""
    folder.mkdir(parents=True, exist_ok=True)
    log = EventLog(path=folder / "events.jsonl")
    for event in events(lines, source, ended):
        log.write(event)
    log.commit()
    return folder


def text(id: int) -> str:
    return HOSTILE[id % len(HOSTILE)] if id % 3 == 1 else f"{SAID[id % 3]} {id}"


def events(lines: int, source: str, ended: bool) -> list[Event]:
    found: list[Event] = [SessionStart(schema=2, source=source, recogniser="scripted", diarizer="scripted")]
    found.append(Language(at=RATE, code="en", probability=0.9))
    for id in range(lines):
        found += _said(id)
    whole = samples(lines * STEP_S + 1)
    tenths = whole // (RATE // 10)
    peaks = bytes(place * 7 % 256 for place in range(tenths))
    found.append(Envelope(start=0, end=whole, peaks=b64encode(peaks).decode()))
    found.append(Gap(start=samples(0), end=samples(0.4), reason="<i>lost</i>"))
    found.append(_statistics(lines, whole))
    if ended:
        health = {"snr_db": 6.0, "rms_db": -30.0, "clipped_runs": 3, "rate": 16_000, "channels": 1}
        found.append(SessionEnd(duration=whole, health=health))
    return found


def _said(id: int) -> list[Event]:
    # every fifth line is long, and the next one begins in it
    start, end = samples(id * STEP_S + 0.5), samples(id * STEP_S + (4.2 if id % 5 == 0 else 2.5))
    who, at = PEOPLE[id % 3], {"start": start, "end": end}
    words = tuple(
        Word(
            start=start + place * 1600,
            end=start + place * 1600 + 800,
            text=word,
            probability=0.9 - id % 7 / 10,
        )
        for place, word in enumerate(text(id).split())
    )
    found: list[Event] = [
        Turn(id=id, revision=0, final=True, speaker=who, **at),
        Segment(id=id, revision=0, final=True, speaker=who, text=text(id), words=words, turns=(id,), **at),
        Prosody(segment=id, speaker=who, words=6, wpm=120.0 + id, loudness_dbfs=-30.0 + id % 9, **at),
        Affect(segment=id, speaker=who, arousal=id % 10 / 10, sentiment=-0.1 * (id % 9), **at),
    ]
    if id % 4 == 0:
        found.append(Sounds(of="segment", id=id, top=(Heard(label="<b>door", seconds=1, score=0.5),), **at))
        found.append(SoundEvent(id=id, label="<b>door", score=0.5, **at))
    if id % 5 == 0:
        shared = {"id": id, "start": samples(id * STEP_S + 3.5), "end": end}
        other = PEOPLE[(id + 1) % 3]
        found.append(Overlap(speakers=(who, other), **shared))
        found.append(Interruption(interrupter=other, interrupted=who, successful=id % 2 == 0, **shared))
        found.append(Backchannel(speaker=PEOPLE[(id + 2) % 3], to=who, **shared))
    return found


def _statistics(lines: int, whole: int) -> Statistics:
    count = {"turns": lines, "interruptions": 6, "successful_interruptions": 3, "backchannels": 6}
    talk = dict.fromkeys(ConversationFigures.__struct_fields__, 0.5) | count | {"response_latencies": 9}
    one = {field.name: _figure(field.type) for field in msgspec.structs.fields(SpeakerFigures)}
    length = lines * STEP_S / 6
    return Statistics(
        at=whole,
        final=True,
        conversation=ConversationFigures(**talk),
        speakers=tuple(SpeakerFigures(**one | {"speaker": name}) for name in PEOPLE),
        interruptions=(
            InterruptionCount(interrupter="Anna", interrupted=PEOPLE[1], attempted=1, successful=1),
        ),
        windows=tuple(
            EnergyWindow(
                start_s=place * length,
                end_s=(place + 1) * length,
                speech_density=0.8,
                speakers=PEOPLE,
                words=20 + place,
                loudness_dbfs=-25.0 + place,
                arousal=0.1 * place,
                energy=0.08 * place,
            )
            for place in range(6)
        ),
    )


def _figure(kind: object) -> object:
    for name, value in (("dict", {}), ("float", 0.5), ("int", 3)):
        if name in str(kind):
            return value
    return "calm"
