"""What a session warns of, in words that say what to do."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from operators.audio.health import Health
from sinks.attention import warnings_of
from sinks.event_log import EventLog
from sinks.labelled import LabelledLog
from stream_engine.clock import RATE
from stream_engine.events import SCHEMA, Event, SessionEnd, SessionStart, SourceChunk, Turn
from stream_engine.testing import run
from tests.speech import CALL
from tests.spoken import call

SILENT = "nothing but digital silence: check the microphone or the channel"
SPEECHLESS = "no speech was found: check that it is the right recording, and the right channel"
TURN = Turn(id=0, revision=0, final=True, speaker="A", start=0, end=RATE)


def warned(folder: Path, samples: NDArray[np.float32], *said: Event, listens: str = "scripted") -> list[str]:
    """Of a recording of `samples` ([frames]) in which `said` was found."""
    health = Health()
    run(health, [SourceChunk(start=0, rate=RATE, samples=samples[:, None])])
    log = EventLog(path=folder / "events.jsonl")
    end = SessionEnd(duration=len(samples), health=msgspec.structs.asdict(health.summary))
    for event in (SessionStart(schema=SCHEMA, source="a", recogniser=listens, diarizer=listens), *said, end):
        log.write(event)
    log.commit()
    return warnings_of(LabelledLog(folder / "events.jsonl"), {})


def test_an_hour_of_digital_silence_is_not_passed_over(tmp_path: Path) -> None:
    assert warned(tmp_path, np.zeros(RATE, np.float32)) == [SILENT]


def test_that_no_speech_was_found_is_said_where_somebody_listened_for_it(tmp_path: Path) -> None:
    rain = (0.1 * np.random.default_rng(0).standard_normal(RATE)).astype(np.float32)
    (tmp_path / "none").mkdir()
    (tmp_path / "turn").mkdir()
    assert SPEECHLESS in warned(tmp_path, rain)
    assert SPEECHLESS not in warned(tmp_path / "turn", rain, TURN)
    assert SPEECHLESS not in warned(tmp_path / "none", rain, listens="none")


@pytest.mark.skipif(not CALL.exists(), reason="the sample of pyannote.audio is not installed")
def test_of_a_constant_offset_the_cause_is_told_and_not_noise(tmp_path: Path) -> None:
    assert warned(tmp_path, call(), TURN) == []
    for offset in (0.02, -0.1, 0.3):
        (folder := tmp_path / f"{offset}").mkdir()
        [line] = warned(folder, call() + np.float32(offset), TURN)
        assert line.startswith(f"a constant offset of {abs(offset):.0%} of full scale hides speech: ")
        assert "highpass=f=20" in line
