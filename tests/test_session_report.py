"""A session's figures in the formats of the performance logger: every logging point has its line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stream_engine
from stream_engine.performance import PerformanceLogger
from stream_engine.performance.sessions import (
    ALIGNMENT,
    ANALYSIS,
    ASR,
    DIARIZATION,
    LOADING,
    OUTPUT,
    POINTS,
    PREPROCESSING,
    session_report,
)
from tests.speech import CALL

MEASURES = {"overlap", "sound events", "frames", "prosody", "affect", "sounds of", "conversation", "new"}


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Of a real call, decoded and heard anew."""
    out = tmp_path_factory.mktemp("session")
    cache = str(out / "cache")
    return stream_engine.transcribe(
        CALL, out=out, fresh=True, cache=cache, analytics="none"
    ).performance_metrics


def subs(found: dict[str, Any], stage: str) -> dict[str, Any]:
    return found["metrics"]["stages"][stage]["subprocesses"]


def test_every_logging_point_of_a_real_session_has_its_line(figures: dict[str, Any], tmp_path: Path) -> None:
    logger = PerformanceLogger.from_metrics(figures, output_dir=tmp_path)
    found = logger.generate_json_report()
    assert {"decoding", "validation", "reading", "store"} <= subs(found, LOADING).keys()
    assert {"down-mix", "resampling", "silence"} <= subs(found, PREPROCESSING).keys()
    assert {"submit", "processing"} <= subs(found, ASR).keys()
    assert {"inference"} <= subs(found, DIARIZATION).keys()
    assert subs(found, ALIGNMENT)
    assert subs(found, OUTPUT)
    assert found["metrics"]["total_duration"] == figures["total_duration"]
    told = figures["stages"]["diarization"]["feed"]
    inference = subs(found, DIARIZATION)["inference"]
    assert (inference["duration"], inference["count"]) == (told["total_s"], told["count"])
    assert inference["metadata"]["p95_ms"] == told["p95_ms"]


def test_each_stage_of_the_engine_is_told_once_and_where_it_belongs(figures: dict[str, Any]) -> None:
    report = session_report(figures, session_id="s")
    told = [
        sub.metadata["stage"]
        for stage in report.stages
        for sub in stage.subprocesses
        if "stage" in sub.metadata
    ]
    ran = [name for name, stage in figures["stages"].items() if stage["items"]]
    expected = [name for name in ran for _ in POINTS.get(name, (None,))]
    assert sorted(told) == sorted(expected)
    others = {name for name in ran if name not in POINTS}
    assert others <= MEASURES | {"audio's end", "no recognition"}, "a new stage wants its place"


def test_model_loading_is_told_apart_from_inference(figures: dict[str, Any]) -> None:
    loaded = {
        "load_s": {"community-1": 1.5, "moonshine": 0.5, "affect": 0.2},
        "warm_s": {"community-1": 0.25},
    }
    report = session_report({**figures, "models": loaded}, session_id="s")
    stages = {stage.name: {sub.name: sub for sub in stage.subprocesses} for stage in report.stages}
    assert stages[DIARIZATION]["model loading"].wall_s == 1.5
    assert stages[DIARIZATION]["warm-up"].wall_s == 0.25
    assert stages[ASR]["model loading"].metadata == {"moonshine": 0.5}
    assert stages[ANALYSIS]["model loading"].wall_s == 0.2


def test_the_three_formats_of_a_session_are_written_and_name_the_bottleneck(
    figures: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resources = {
        "cpu_s": figures["total_duration"] / 2,
        "memory": {"start_mb": 100.0, "end_mb": 400.0, "peak_mb": 450.0, "delta_mb": 300.0},
        "gpu_stats": {
            "device": "cuda", "samples": 9, "avg_utilization": 20.0, "max_utilization": 90.0,
            "avg_memory_mb": 1000.0, "max_memory_mb": 1200.0, "energy_j": 600.0,
        },
    }  # fmt: skip
    logger = PerformanceLogger.from_metrics({**figures, **resources}, name="sample", output_dir=tmp_path)
    paths = logger.generate_reports()
    found = json.loads(paths["json"].read_text())
    assert paths["json"].name == f"performance_{found['session_id']}.json"
    text = paths["text"].read_text()
    assert text.startswith("=" * 80 + "\nPerformance Report - sample\n")
    for line in ("Stage Breakdown:", "    - inference  ", "Top Subprocess Timings:", "  Peak: 450.0MB"):
        assert line in text
    main = max((ASR, DIARIZATION), key=lambda name: found["metrics"]["stages"][name]["duration"])
    named = found["bottlenecks"]
    assert named[0].startswith(f"{main} is ")
    assert "GPU idle 80 % of the time (cuda)" in named
    assert f"energy of the GPU: 600 J, {600 * 3600 / 30:.0f} J an hour of audio" in named
    assert "used 0.50 cores on average" in named
    assert "memory grew by 300 MB" in named
    logger.print_summary()
    assert "PERFORMANCE SUMMARY - sample" in capsys.readouterr().out
    with pytest.raises(ValueError, match="a session that is over"):
        logger.start_stage("more")
