"""Sessions from Python: events as they come, callbacks, leaving early, stopping, and what is kept."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import anyio
import pytest

import stream_engine
from stream_engine.errors import BackendError, InputError
from stream_engine.events import Event, Segment, SessionEnd, SessionStart, Turn
from tests.speech import CALL

NOT_DIARIZED: dict[str, Any] = {"diarizer": "none", "no_cache": True}


def test_a_transcribed_file_is_a_result_with_segments_turns_figures_and_paths(tmp_path: Path) -> None:
    result = stream_engine.transcribe(CALL, out=tmp_path, **NOT_DIARIZED)
    assert result.exit_code == 0
    assert any("New Jersey" in segment.text for segment in result.segments)
    assert [turn.start for turn in result.turns] == sorted(turn.start for turn in result.turns)
    assert result.performance_metrics["total_duration"] > 0
    assert result.performance_metrics["stages"]["recognition"]["feed"]["p95_ms"] > 0
    assert result.paths["transcript.srt"].read_text().startswith("1\n00:00:")
    events = list(result.events)
    assert isinstance(events[0], SessionStart)
    assert isinstance(events[-1], SessionEnd)
    assert result.notes


async def test_events_come_while_the_session_runs_and_callbacks_see_them_too(tmp_path: Path) -> None:
    called: list[tuple[Event, float]] = []
    async with stream_engine.open_session(CALL, out=tmp_path, **NOT_DIARIZED) as session:
        session.on(Segment, lambda segment: called.append((segment, perf_counter())))
        came = [(event, perf_counter()) async for event in session.events()]
    seen = [event for event, _ in came]
    assert seen == list(session.result.events)
    assert [event for event, _ in called] == [event for event in seen if isinstance(event, Segment)]
    for told in (called, came):  # as far apart as they were emitted, not all at the end
        (first, at), (last, end) = told[0], told[-1]
        assert end - at > 0.5 * ((last.emitted_at or 0) - (first.emitted_at or 0)) > 0
    emitted = [event.emitted_at or 0 for event in seen]
    assert emitted == sorted(emitted)
    first_text = next(event for event in seen if isinstance(event, Segment))
    assert (first_text.emitted_at or 0) < 0.9 * (seen[-1].emitted_at or 0)


async def test_who_leaves_the_loop_early_holds_up_nobody(tmp_path: Path) -> None:
    async with stream_engine.open_session(CALL, out=tmp_path, asr="none", **NOT_DIARIZED) as session:
        events = session.events()
        async for event in events:
            if isinstance(event, Turn):
                break
        await events.aclose()
    assert isinstance(list(session.result.events)[-1], SessionEnd)


async def test_an_error_in_a_callback_ends_the_session_and_nothing_looks_complete(tmp_path: Path) -> None:
    def refuse(turn: Turn) -> None:
        raise RuntimeError("not this one")

    with pytest.raises(RuntimeError, match="not this one"):
        async with stream_engine.open_session(CALL, out=tmp_path, asr="none", **NOT_DIARIZED) as session:
            session.on(Turn, refuse)
    folder = tmp_path / "sample"
    assert not (folder / "transcript.txt").exists()
    assert b"session_end" not in (folder / "events.jsonl").read_bytes()
    assert '"exit_status": 70' in (folder / "manifest.json").read_text()


async def test_a_session_can_be_stopped_and_keeps_what_it_heard(tmp_path: Path) -> None:
    options = {"pace": 4.0, "asr": "none", **NOT_DIARIZED}
    async with stream_engine.open_session(CALL, out=tmp_path, **options) as session:
        await anyio.sleep(1.5)
        session.stop()
    assert session.result.exit_code == 130
    end = list(session.result.events)[-1]
    assert isinstance(end, SessionEnd)
    assert end.stopped
    assert 2 * 16000 < end.duration < 15 * 16000


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"aser": "none"}, ValueError, "aser"),
        ({"latency": "long"}, ValueError, "latency"),
        ({"language": "fr"}, BackendError, "English"),
    ],
)
def test_wrong_options_raise_what_they_are(
    tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        stream_engine.transcribe(CALL, out=tmp_path, **options)


def test_an_input_that_is_not_there_raises_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        stream_engine.transcribe(tmp_path / "nothing.wav", out=tmp_path)
