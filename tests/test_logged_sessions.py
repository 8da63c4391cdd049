"""Performance logging switched on for real sessions: its reports, its points, models, and what overlaps."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from anyio import to_thread

import stream_engine
from stream_engine.errors import StorageError
from stream_engine.events import Segment
from stream_engine.ffmpeg_command import binary
from stream_engine.log import read
from stream_engine.logged import NO_FIGURES
from stream_engine.session_folder import Result
from tests.speech import CALL, READING
from tests.test_command_line import ENGINE, engine

Span = tuple[float, float]  # microseconds
CHEAP: dict[str, Any] = {"asr": "none", "diarizer": "none", "analytics": "none"}


def cut(path: Path, source: Path, *options: object) -> Path:
    command = [binary(), "-v", "error", *map(str, options), "-i", source, "-t", "600", path]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two people on the telephone, 11 s."""
    return cut(tmp_path_factory.mktemp("clip") / "clip.wav", CALL, "-ss", 6, "-t", 11)


class Logged(NamedTuple):
    """A run of the command line over the call and then over a piece of it."""

    out: Path
    logs: Path
    said: str
    reports: dict[str, dict[str, Any]]  # by the name of the file

    def points(self, name: str) -> dict[str, set[str]]:
        stages = self.reports[name]["metrics"]["stages"]
        return {stage: set(found["subprocesses"]) for stage, found in stages.items()}


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory, clip: Path) -> Logged:
    out = tmp_path_factory.mktemp("logged")
    logs = out / "logs"
    switches = ("--enable-performance-logging", "--output-dir", logs, "--processed", "both")
    run = engine("transcribe", CALL, clip, "--out", out, "--cache", out / "cache", *switches)
    assert run.returncode == 0, run.stderr
    found = [json.loads(path.read_text()) for path in sorted(logs.glob("performance_*.json"))]
    return Logged(out, logs, run.stdout, {report["pipeline_name"]: report for report in found})


def test_the_switch_writes_json_and_text_of_each_file_where_it_was_told_to(logged: Logged) -> None:
    assert sorted(logged.reports) == ["clip", "sample"]
    assert {path.suffix for path in logged.logs.iterdir()} == {".json", ".txt"}
    assert len(list(logged.logs.iterdir())) == 4
    for name, report in logged.reports.items():
        figures = json.loads((logged.out / name / "performance.json").read_text())
        assert report["metrics"]["total_duration"] == figures["total_duration"] > 0
        text = (logged.logs / f"performance_{report['session_id']}.txt").read_text()
        assert f"Performance Report - {name}\n" in text
        for line in ("Stage Breakdown:", "    - inference  ", "Top Subprocess Timings:", "Memory Usage:"):
            assert line in text
        named = report["bottlenecks"]
        (used,) = [line.split()[1] for line in named if line.startswith("used ")]
        assert float(used) == pytest.approx(figures["resources"]["cores_used"], abs=0.02)
        assert any(" of the total" in line for line in named)
        assert not list((logged.out / name).glob("performance_*"))


def test_the_console_tells_total_stages_and_bottleneck_of_each_file(logged: Logged) -> None:
    for name, report in logged.reports.items():
        speed = report["metrics"]["total_duration"]
        assert f"s of audio in {speed:.1f} s: " in logged.said, name
    assert logged.said.count("Latency of every operator") == 2
    assert logged.said.count("most of the compute is in ") == 2


def test_the_console_has_the_lines_and_the_summary_of_the_logger_and_says_where_the_files_are(
    logged: Logged,
) -> None:
    for name, report in logged.reports.items():
        text = (logged.logs / f"performance_{report['session_id']}.txt").read_text()
        total = report["metrics"]["total_duration"]
        assert f"[INFO] [{name}] Pipeline completed in {total:.3f}s\n" in logged.said
        assert f"PERFORMANCE SUMMARY - {name}\n{'=' * 80}\nTotal Time: {total:.3f}s\n" in logged.said
        assert (
            f"performance report, json: {logged.logs}/performance_{report['session_id']}.json" in logged.said
        )
        (first, *_, last) = text.split("Recent Log Entries:\n")[1].splitlines()[1:]
        assert first.strip() in logged.said
        assert last.strip() in logged.said
    assert (
        len(re.findall(r"^\[[-0-9]{10} [0-9:.]{12}\] \[INFO\] \[ASR\] Stage started$", logged.said, re.M))
        == 2
    )
    assert re.search(r"\[DEBUG\]   \[processing\] completed in \d", logged.said)


def test_what_ran_has_its_time_and_what_a_stream_cannot_tell_its_reason(logged: Logged) -> None:
    for name, report in logged.reports.items():
        began, ended = (
            datetime.fromisoformat(report["metrics"][key]) for key in ("start_timestamp", "end_timestamp")
        )
        for stage in report["metrics"]["stages"].values():
            assert began <= datetime.fromisoformat(stage["timestamp"]) <= ended
            for sub, found in stage["subprocesses"].items():
                if sub not in {"importing torch", "model loading", "warm-up"}:
                    assert began <= datetime.fromisoformat(found["timestamp"]) <= ended, sub
                assert found["memory_delta_mb"] is found["memory_after_mb"] is None
                (run,) = [
                    run
                    for run in report["metrics"]["subprocesses"][sub]
                    if run["duration"] == found["duration"]
                ][:1]
                assert run["timestamp"] == found["timestamp"]
        assert "side by side" in report["not_measured"]["memory_delta_mb"]
        text = (logged.logs / f"performance_{report['session_id']}.txt").read_text()
        assert "  Average Delta: not measured: stages run side by side in one process; of the whole: " in text
        assert re.search(r"- submit .* items\n", text), name
        assert not re.search(r"- submit .* runs\n", text)


def test_a_session_that_is_done_is_reported_from_its_figures_or_the_reason_is_told(
    clip: Path, tmp_path: Path
) -> None:
    given = ("transcribe", clip, "--out", tmp_path, "--no-cache", "--asr", "none", "--diarizer", "none")
    given = (*given, "--analytics", "none")
    assert engine(*given, "--quiet").returncode == 0
    logs, figures = tmp_path / "logs", tmp_path / "clip" / "performance.json"
    switches = ("--enable-performance-logging", "--output-dir", logs)
    again = engine(*given, *switches)
    assert again.returncode == 0, again.stderr
    assert "done by an earlier run" in again.stdout
    assert "PERFORMANCE SUMMARY - clip" in again.stdout
    (report,) = [json.loads(path.read_text()) for path in logs.glob("*.json")]
    measured = json.loads(figures.read_text())
    assert report["metrics"]["total_duration"] == measured["total_duration"]
    assert report["metrics"]["end_time"] == pytest.approx(measured["ended_at"])
    assert report["metrics"]["end_time"] < (logs / f"performance_{report['session_id']}.json").stat().st_mtime
    quiet = engine(*given, *switches, "--quiet")
    assert (quiet.returncode, quiet.stdout, len(list(logs.glob("*.json")))) == (0, "", 2)
    figures.unlink()
    without = engine(*given, *switches)
    assert (
        "no performance report: the earlier run kept no performance.json; --fresh runs it" in without.stdout
    )
    assert len(list(logs.glob("*.json"))) == 2
    result = stream_engine.transcribe(
        clip, out=tmp_path, enable_performance_logging=True, no_cache=True, **CHEAP
    )
    assert (result.reports, result.notes[0]) == ({}, NO_FIGURES)


def test_a_place_that_takes_no_reports_is_refused_before_the_session(clip: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    switches = ("--enable-performance-logging", "--output-dir", tmp_path / "file", "--no-cache")
    run = engine("transcribe", clip, "--out", tmp_path / "out", *switches)
    assert run.returncode == 7
    told = f"stream-engine: {tmp_path / 'file'}: Not a directory; choose another --output-dir\n"
    assert run.stderr == told
    assert not (tmp_path / "out").exists()


async def test_reports_that_cannot_be_written_in_the_end_leave_a_complete_session(
    clip: Path, tmp_path: Path
) -> None:
    logs = tmp_path / "logs"
    options: dict[str, Any] = {"enable_performance_logging": True, "output_dir": str(logs), "no_cache": True}

    async def run() -> None:
        async with stream_engine.open_session(clip, out=tmp_path, **options, **CHEAP):
            logs.rmdir()
            logs.write_text("")

    with pytest.raises(StorageError, match="Not a directory; the session itself is complete in "):
        await run()
    done = await to_thread.run_sync(
        partial(stream_engine.transcribe, clip, out=tmp_path, no_cache=True, **CHEAP)
    )
    assert done.exit_code == 0


def test_every_logging_point_is_there_by_name(logged: Logged) -> None:
    for name in logged.reports:
        points = logged.points(name)
        assert {"decoding", "validation", "reading", "store"} <= points["Audio Loading"]
        assert {"down-mix", "resampling", "silence", "normalisation", "spectra"} <= points["Preprocessing"]
        assert {"submit", "processing"} <= points["ASR"]
        assert "inference" in points["Diarization"]
        assert "turns to utterances" in points["Speaker Alignment"]
        for stage in logged.reports[name]["metrics"]["stages"].values():
            spent = {sub: part["duration"] for sub, part in stage["subprocesses"].items()}
            spent["reading"] = max(0.0, spent.pop("reading", 0.0) - spent.get("decoding", 0.0))
            assert stage["duration"] == pytest.approx(sum(spent.values()), abs=0.01)


def test_each_point_has_the_time_that_it_is_about(logged: Logged) -> None:
    points = (
        ("Audio Loading", "decoding", "decode", "wait"),
        ("Audio Loading", "reading", "audio", "wait"),
        ("Audio Loading", "validation", "validation", "feed"),
        ("ASR", "submit", "utterances", "send"),
        ("ASR", "processing", "recognition", "feed"),
        ("Diarization", "inference", "diarization", "feed"),
        ("Speaker Alignment", "turns to utterances", "utterances", "feed"),
    )
    for name, report in logged.reports.items():
        ran = json.loads((logged.out / name / "performance.json").read_text())["stages"]
        for stage, sub, operator, kind in points:
            found = report["metrics"]["stages"][stage]["subprocesses"][sub]
            assert found["duration"] == ran[operator][kind]["total_s"], sub
            assert found["metadata"]["time"] == kind
        decoding = report["metrics"]["stages"]["Audio Loading"]["subprocesses"]["decoding"]
        assert decoding["duration"] > 0.001


def test_the_first_file_loads_each_model_and_the_second_none(logged: Logged) -> None:
    first, second = (
        {stage: "model loading" in found for stage, found in logged.points(name).items()}
        for name in ("sample", "clip")
    )
    assert first["Diarization"]
    assert first["ASR"]
    assert not any(second.values())
    loading = logged.reports["sample"]["metrics"]["stages"]["Diarization"]["subprocesses"]["model loading"]
    assert loading["duration"] > 0
    assert json.loads((logged.out / "clip" / "performance.json").read_text())["models"]["load_s"] == {}


async def test_from_python_reports_lie_in_the_folder_of_the_session(clip: Path, tmp_path: Path) -> None:
    async with stream_engine.open_session(
        clip, out=tmp_path, enable_performance_logging=True, no_cache=True, **CHEAP
    ) as session:
        pass
    result = session.result
    assert set(result.reports.values()) == set(result.folder.glob("performance_*.*"))
    (report,) = result.folder.glob("performance_*.json")
    found = json.loads(report.read_text())
    assert report.with_suffix(".txt").exists()
    assert found["metrics"]["total_duration"] == result.performance_metrics["total_duration"]
    assert result.performance_metrics["stages"]["voice activity"]["feed"]["total_s"] > 0
    assert {"torch_version", "mps_available"} <= found["system_info"].keys()


def test_without_the_switch_there_is_no_report_and_still_the_result_has_its_figures(
    clip: Path, tmp_path: Path
) -> None:
    result = stream_engine.transcribe(clip, out=tmp_path, no_cache=True, **CHEAP)
    assert not list(tmp_path.rglob("performance_*"))
    assert result.performance_metrics["total_duration"] > 0
    assert {"decode", "voice activity", "event log"} <= result.performance_metrics["stages"].keys()


def spans(result: Result, stage: str, kind: str) -> list[Span]:
    events = json.loads(result.paths["trace.json"].read_text())["traceEvents"]
    tracks = {
        event["tid"] for event in events if event["name"] == "thread_name" and event["args"]["name"] == stage
    }
    return [
        (event["ts"], event["ts"] + event["dur"])
        for event in events
        if event["name"] == kind and event["tid"] in tracks
    ]


def joined(parts: Iterable[Span]) -> Iterator[Span]:
    """The same time, in stretches that do not overlap."""
    start, end = 0.0, 0.0
    for one, other in sorted(parts):
        if one > end:
            yield start, end
            start = one
        end = max(end, other)
    yield start, end


def in_both(some: Iterable[Span], others: Iterable[Span]) -> float:
    others = list(joined(others))
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in joined(some) for c, d in others)


def test_audio_is_decoded_while_operators_compute(tmp_path: Path) -> None:
    """Ten minutes through the detector of speech: the time of both, of the trace."""
    long = cut(tmp_path / "long.flac", READING, "-stream_loop", -1)
    result = stream_engine.transcribe(long, out=tmp_path, no_cache=True, **CHEAP)
    decoding = spans(result, "decode", "wait")
    computing = spans(result, "voice activity", "feed")
    assert in_both(decoding, computing) > 0
    began = min(computing)[0]
    assert sum(start > began for start, _ in decoding) > len(decoding) / 2


def test_text_comes_while_the_input_is_still_open_and_speed_and_lag_are_told(tmp_path: Path) -> None:
    raw = [binary(), "-v", "error", "-i", CALL, "-f", "s16le", "-ar", "16000", "-ac", "1", "-"]
    samples = subprocess.run(raw, check=True, capture_output=True).stdout
    switches = ("--diarizer", "none", "--analytics", "none", "--no-cache", "--quiet")
    command = [*ENGINE, "transcribe", "-", "--pcm", "s16le:16000:1", "--out", tmp_path, *switches]
    log = tmp_path / "stdin" / "events.jsonl"
    with subprocess.Popen(list(map(str, command)), stdin=subprocess.PIPE) as run:
        assert run.stdin is not None
        run.stdin.write(samples)
        run.stdin.flush()
        while not (log.exists() and b'"type":"segment"' in log.read_bytes()):
            assert run.poll() is None
            time.sleep(0.05)
        run.stdin.close()
        assert run.wait() == 0
    figures = json.loads((log.parent / "performance.json").read_text())
    speed = figures["audio_duration"] / figures["total_duration"]
    assert figures["audio_seconds_per_second"] == pytest.approx(speed, rel=0.01)
    texts = [event for event in read(log) if isinstance(event, Segment) and event.final]
    lag = figures["lag"]["final segment"]
    assert lag["count"] == figures["word_latency"]["total"]["count"] == len(texts)
    assert lag["p50_ms"] <= lag["p95_ms"] <= lag["p99_ms"]
