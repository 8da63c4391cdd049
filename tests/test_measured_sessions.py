"""A whole session on real speech: what is measured beside the words, at any pace, and left out on request."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream_engine
from stream_engine.clock import RATE
from stream_engine.events import (
    Affect,
    Envelope,
    Prosody,
    Segment,
    SessionEnd,
    SoundEvent,
    Statistics,
    Turn,
)
from stream_engine.session_folder import Result
from tests.speech import CALL

MEASURED = (Prosody, Affect, SoundEvent, Statistics, Envelope)


@pytest.fixture(scope="module")
def call(tmp_path_factory: pytest.TempPathFactory) -> Result:
    return stream_engine.transcribe(CALL, out=tmp_path_factory.mktemp("call"), no_cache=True)


def told(result: Result, *kinds: type) -> list[Any]:
    return [msgspec.structs.replace(one, emitted_at=None) for one in result.events if isinstance(one, kinds)]


def test_every_segment_has_its_prosody_and_affect(call: Result) -> None:
    segments = told(call, Segment)
    assert len(segments) > 3
    for kind in (Prosody, Affect):
        of = {one.segment: one for one in told(call, kind)}
        assert of.keys() == {segment.id for segment in segments}
        assert all((of[s.id].start, of[s.id].end) == (s.start, s.end) for s in segments)
    for prosody in told(call, Prosody):
        assert 65 < prosody.f0_median_hz < 400
        assert 60 < prosody.wpm < 400
        assert -60 < prosody.loudness_dbfs < 0
    assert all(-1 <= affect.sentiment <= 1 for affect in told(call, Affect))
    assert {one.valence for one in told(call, Affect)} == {None}  # no model, no neutral value


def test_the_last_statistics_are_those_of_the_final_turns(call: Result) -> None:
    last = told(call, Statistics)[-1]
    assert last.final
    assert last.at == 30 * RATE
    speech: Counter[str] = Counter()
    for turn in call.turns:
        speech[turn.speaker or ""] += turn.end - turn.start
    assert {one.speaker: one.speech_s for one in last.speakers} == {
        name: pytest.approx(length / RATE, abs=0.01) for name, length in speech.items()
    }
    assert sum(one.words for one in last.speakers) == sum(one.words for one in told(call, Prosody))
    assert sum(one.share for one in last.speakers) == pytest.approx(1, abs=1e-3)
    ticks = [one.at / RATE for one in told(call, Statistics) if not one.final]
    assert ticks == [10.0, 20.0, 30.0][: len(ticks)]
    windows = [window for one in told(call, Statistics) for window in one.windows]
    assert [(one.start_s, one.end_s) for one in windows] == [(0.0, 30.0)]


def test_the_silence_before_anybody_speaks_is_a_sound_event_and_health_is_in_the_last_line(
    call: Result,
) -> None:
    silences = [one for one in told(call, SoundEvent) if one.label == "silence"]
    assert silences
    assert silences[0].start == 0
    health = told(call, SessionEnd)[-1].health
    assert -40 < health["loudness_lufs"] < -25
    assert health["clipped_samples"] == 0


def test_what_is_measured_does_not_depend_on_the_pace(call: Result, tmp_path: Path) -> None:
    paced = stream_engine.transcribe(CALL, out=tmp_path, pace=8.0)
    for kind in (*MEASURED, Segment):
        assert told(paced, kind) == told(call, kind), kind
    finals = [[turn for turn in told(one, Turn) if turn.final] for one in (paced, call)]
    assert finals[0] == finals[1]


@pytest.mark.parametrize(
    ("measures", "kinds"),
    [
        ("none", set()),
        ("prosody", {Prosody}),
        ("sounds,conversation", {SoundEvent, Statistics}),
        ("affect", {Affect}),
    ],
)
def test_only_what_is_asked_for_is_measured(tmp_path: Path, measures: str, kinds: set[type]) -> None:
    found = stream_engine.transcribe(
        CALL, out=tmp_path, analytics=measures, diarizer="none", no_cache=True, formats="txt"
    )
    assert {type(one) for one in told(found, Prosody, Affect, SoundEvent, Statistics)} == kinds


def test_redacted_names_are_in_no_output(tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("Diane\nSheila\n")
    result = stream_engine.transcribe(
        CALL, out=tmp_path, redact=True, redact_names=str(names), formats="all", diarizer="none"
    )
    assert "[NAME]" in result.paths["transcript.txt"].read_text()
    for path in result.folder.iterdir():
        if path.is_file() and path.suffix != ".npz":
            held = path.read_bytes().lower()
            assert b"diane" not in held, path
            assert b"sheila" not in held, path
    assert any("not found" in note for note in result.notes)
