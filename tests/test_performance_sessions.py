"""Figures of a session are those of clock and machine; a source at its own pace is no bottleneck."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import stream_engine
from sinks.trace_files import read_runs
from sinks.trace_verdict import verdict
from stream_engine.performance import PerformanceLogger, metrics
from stream_engine.performance.resources import Resources
from stream_engine.performance.sessions import session_report
from stream_engine.session_folder import Result
from stream_engine.tracer import Tracer, packed
from tests.golden_performance import Machine
from tests.speech import CALL
from tests.test_logged_sessions import CHEAP, cut

PACE, AUDIO_S = 4.0, 11.0


class Paced(NamedTuple):
    """A session that was fed at a multiple of the speed of life."""

    result: Result
    wall_s: float  # by the clock around it
    report: dict[str, Any]
    file: Path


@pytest.fixture(scope="module")
def paced(tmp_path_factory: pytest.TempPathFactory) -> Paced:
    place = tmp_path_factory.mktemp("paced")
    clip = cut(place / "clip.wav", CALL, "-ss", 6, "-t", AUDIO_S)
    began = time.perf_counter()
    result = stream_engine.transcribe(
        clip, out=place, pace=PACE, no_cache=True, enable_performance_logging=True, **CHEAP
    )
    wall_s = time.perf_counter() - began
    logger = PerformanceLogger.from_metrics(result.performance_metrics, output_dir=place / "again")
    return Paced(result, wall_s, logger.generate_json_report(), result.reports["json"])


def session(stages: dict[str, tuple[float, float, float]], total_s: float, **others: Any) -> dict[str, Any]:
    """Figures of stages that waited, computed, and were held for so many seconds."""
    now = [0]
    tracer = Tracer(clock=lambda: now[0])
    for name, spent in stages.items():
        wait, feed, send = (round(each * 1e9) for each in spent)
        tracer.stage(name).record(packed(-1, 0, wait, wait + feed, wait + feed + send))
    now[0] = round(total_s * 1e9)
    tracer.fold()
    return {**metrics(tracer, audio_s=10.0, first={}), **others}


def subprocesses(figures: dict[str, Any]) -> dict[str, float]:
    report = session_report(figures, session_id="s")
    return {sub.name: sub.wall_s for stage in report.stages for sub in stage.subprocesses}


def test_the_total_duration_is_that_of_a_clock_around_the_run(paced: Paced, tmp_path: Path) -> None:
    total_s = paced.result.performance_metrics["total_duration"]
    assert AUDIO_S / PACE * 0.95 < total_s < paced.wall_s < 2 * total_s
    assert paced.report["metrics"]["total_duration"] == total_s
    began = time.perf_counter()
    with PerformanceLogger("test", tmp_path, enable_gpu_monitoring=False, verbose=False) as logger:
        time.sleep(0.2)
    wall_s = time.perf_counter() - began
    assert 0.2 <= logger.get_summary()["total_duration"] <= wall_s < 0.4


def test_waiting_for_a_source_at_its_own_pace_is_idle_and_no_bottleneck(paced: Paced) -> None:
    loading = paced.report["metrics"]["stages"]["Audio Loading"]
    assert loading["idle"] > 0.5 * AUDIO_S / PACE
    assert loading["idle"] <= paced.report["metrics"]["total_duration"]
    assert loading["percentage"] < 20
    assert loading["subprocesses"]["decoding"]["duration"] == 0
    named = paced.report["bottlenecks"]
    assert named[0].startswith("the source came at its own pace: waits for it are ")
    assert not any("Audio Loading" in line for line in named)
    runs = read_runs([paced.file])
    told = verdict(runs[0][1])
    assert told[0].startswith("the source is the bottleneck: Audio Loading/")
    assert told[0].endswith("% of the time, which came at its own pace")
    assert not runs[0][1]["bottleneck"].startswith("Audio Loading/")
    text = paced.file.with_suffix(".txt").read_text()
    assert f"  idle {loading['idle']:.3f}s" in text


def test_of_waits_for_the_same_source_the_longest_counts() -> None:
    figures = session({"decode": (1.0, 0, 0), "audio": (0.9, 0, 0), "validation": (0, 0.25, 0)}, 1.5)
    (loading,) = session_report(figures, session_id="s").stages
    assert loading.wall_s == 1.25
    assert [(sub.name, sub.wall_s) for sub in loading.subprocesses] == [
        ("decoding", 1.0), ("reading", 0.9), ("validation", 0.25),
    ]  # fmt: skip


def test_decoding_is_waited_for_and_submitting_is_being_held() -> None:
    figures = session({"decode": (1.0, 0.5, 0.25), "utterances": (0.5, 0.125, 0.75)}, 2.0)
    assert subprocesses(figures) == {"decoding": 1.0, "submit": 0.75, "turns to utterances": 0.125}


def test_the_import_of_torch_has_a_line_of_its_own() -> None:
    loaded = {"load_s": {"torch": 1.5, "affect": 0.25}, "warm_s": {}}
    figures = session({"affect": (0, 0.5, 0)}, 3.0, models=loaded)
    found = subprocesses(figures)
    assert (found["importing torch"], found["model loading"]) == (1.5, 0.25)


def test_resources_are_those_that_were_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    machine = Machine()
    resources = Resources(Tracer(), instruments=machine.instruments)
    for grown in (64.0, -16.0):
        machine.spend(2.0, cpu=1.0, memory=grown)
        resources.sample()
    found = resources.figures(4.0)
    assert found["cpu_s"] == 2.0
    assert (found["resources"]["cores_used"], found["resources"]["cpu_bound_share"]) == (0.5, 0.125)
    memory = {"start_mb": 100.0, "end_mb": 148.0, "peak_mb": 164.0, "delta_mb": 48.0}
    assert memory.items() <= found["memory"].items()
    assert (found["resources"]["memory_delta_mb"], found["resources"]["memory_peak_mb"]) == (48.0, 164.0)
