"""A console that fails costs the user nothing but its lines; and what reports tell of odd uses."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from stream_engine.performance import PerformanceLogger, PerformanceTimer
from tests.golden_performance import Machine

WORK = """
import sys
from stream_engine.performance import PerformanceLogger
logger = PerformanceLogger("Übung", {folder!r}, enable_gpu_monitoring=False)
logger.start_pipeline()
logger.start_stage("日本")
with logger.subprocess("a"):
    pass
logger.end_stage()
logger.end_pipeline()
print("the work is done", file=sys.stderr)
"""


def worked(folder: Path, **given: object) -> str:
    """What a program says on its other output, with the console that is `given`; its reports are there."""
    command = [sys.executable, "-c", WORK.format(folder=str(folder))]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **given)  # type: ignore[call-overload]
    (report,) = folder.glob("performance_*.json")
    assert list(json.loads(report.read_text())["metrics"]["stages"]) == ["日本"]
    assert report.with_suffix(".txt").exists()
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_console_without_the_letters_has_question_marks(tmp_path: Path) -> None:
    said = tmp_path / "said"
    with said.open("w") as console:
        given = {"stdout": console, "env": os.environ | {"PYTHONIOENCODING": "ascii"}}
        assert worked(tmp_path / "logs", **given) == "the work is done\n"
    assert "[INFO] [??] Stage completed in 0." in said.read_text()
    assert "PERFORMANCE SUMMARY - ?bung" in said.read_text()


def test_a_console_that_is_gone_full_or_closed_stops_no_run(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    assert worked(tmp_path / "gone", stdout=write) == "the work is done\n"
    os.close(write)
    if os.path.exists("/dev/full"):
        with open("/dev/full", "w") as full:
            assert worked(tmp_path / "full", stdout=full) == "the work is done\n"
    closed = worked(tmp_path / "closed", preexec_fn=lambda: os.close(1))
    assert closed == "the work is done\n"


def test_after_its_first_failure_the_console_is_told_no_more_and_the_report_says_why(tmp_path: Path) -> None:
    class Failing(io.StringIO):
        tried = 0

        def write(self, text: str) -> int:
            self.tried += 1
            raise OSError("no space left")

    stream = Failing()
    with PerformanceLogger("P", tmp_path, enable_gpu_monitoring=False, stream=stream) as logger:
        for _ in range(3):
            with logger.stage("S"):
                pass
    assert stream.tried == 1
    assert "[WARNING] no more on the console: OSError: no space left" in logger.generate_text_report()
    assert logger.get_summary()["stages"]["S"]["busy"] > 0


# --- odd uses ------------------------------------------------------------------------------------


def test_a_timer_within_itself_has_both_times() -> None:
    machine = Machine()
    logger, _ = machine.logger(Path("nowhere"), verbose=False)
    timer = PerformanceTimer("t", logger)
    with timer:
        machine.spend(0.5)
        with timer:
            machine.spend(0.25)
        assert timer.elapsed == 0.25
    assert timer.elapsed == 0.75
    assert logger.generate_json_report()["timings"] == {"t": [0.25, 0.75]}
    logger.abandon()


def test_a_timer_before_the_start_is_part_of_the_pipeline_that_then_starts(tmp_path: Path) -> None:
    machine = Machine()
    logger, said = machine.logger(tmp_path)
    with logger.timer("reading options"):
        machine.spend(1.0)
    logger.start_pipeline()
    with pytest.raises(ValueError, match="runs already"):
        logger.start_pipeline()
    logger.end_pipeline()
    assert logger.generate_json_report()["timings"] == {"reading options": [1.0]}
    assert said.getvalue().count("Pipeline started") == 1


def test_of_more_timings_than_are_kept_number_and_sum_are_told(tmp_path: Path) -> None:
    logger, _ = Machine().logger(tmp_path, verbose=False)
    with logger:
        for _ in range(1500):
            logger.record_timing("often", 0.5)
        logger.record_timing("once", 0.5)
    report = logger.generate_json_report()
    assert len(report["timings"]["often"]) == 1000
    assert report["timings_in_all"] == {"often": {"count": 1500, "total": 750.0}}


def test_stages_within_stages_are_in_the_summary_and_indented_on_the_console(tmp_path: Path) -> None:
    machine = Machine()
    logger, said = machine.logger(tmp_path)
    logger.start_pipeline()
    for name in "AB":
        with logger.stage(name), logger.stage("Load"):
            machine.spend(1.0)
    summary = logger.end_pipeline()
    load = {"duration": 1.0, "busy": 1.0, "percentage": 50.0}
    assert summary["stages"] == {name: {**load, "stages": {"Load": load}} for name in "AB"}
    timings = said.getvalue().split("Stage Timings:\n")[1].splitlines()
    assert [line[:8] for line in timings[:4]] == ["  A     ", "    Load", "  B     ", "    Load"]


def test_a_generator_that_is_left_early_has_not_failed(tmp_path: Path) -> None:
    logger, said = Machine().logger(tmp_path)
    logger.start_pipeline()

    def numbers() -> Generator[int]:
        with logger.stage("S"), logger.subprocess("numbers"):
            yield 1
            yield 2

    left = numbers()
    next(left)
    left.close()
    stage = logger.generate_json_report()["metrics"]["stages"]["S"]
    assert (stage["failed"], stage["subprocesses"]["numbers"]["failed"]) == (0, 0)
    assert "ERROR" not in said.getvalue()
    logger.end_pipeline()


def test_deep_recursion_is_reported_and_its_time_counted_once(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path, verbose=False)

    def deeper(levels: int) -> None:
        with logger.subprocess("call"):
            machine.spend(1.0)
            if levels > 1:
                deeper(levels - 1)

    with logger, logger.stage("S"):
        deeper(330)
    found = logger.generate_json_report()["metrics"]["stages"]["S"]
    counts: list[int] = []
    while "call" in found.get("subprocesses", {}):
        found = found["subprocesses"]["call"]
        counts.append(found["count"])
    assert (sum(counts), counts[:2]) == (330, [1, 1])
    assert len(counts) < 100
    assert found["duration"] == 330 - (len(counts) - 1)
    assert "  call                           Total:  330.000s Count:    1" in logger.generate_text_report()
