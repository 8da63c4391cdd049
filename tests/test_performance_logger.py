"""The performance logger: its formats, and right figures for what overlaps, nests, repeats and fails."""

from __future__ import annotations

import asyncio
import json
import mmap
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from sinks.chrome_trace import trace_events
from stream_engine.performance import (
    PerformanceLogger,
    PerformanceTimer,
    get_logger,
    metrics,
    reset_logger,
)
from stream_engine.tracer import Tracer
from tests.golden_performance import GOLDEN, Machine, formats

EXAMPLE = Path(__file__).parents[1] / "examples" / "performance_logger.py"


def quiet(folder: Path, **options: Any) -> PerformanceLogger:
    return PerformanceLogger("test", folder, enable_gpu_monitoring=False, verbose=False, **options)


def stages_of(logger: PerformanceLogger) -> dict[str, Any]:
    return logger.generate_json_report()["metrics"]["stages"]


# --- the three formats ---------------------------------------------------------------------------


def test_json_text_and_console_are_as_their_golden_files(tmp_path: Path) -> None:
    for name, text in formats(tmp_path).items():
        assert text == (GOLDEN / name).read_text(), name


def test_the_example_runs_as_it_stands_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        f"import runpy, sys; sys.argv = ['example', {str(tmp_path)!r}]; runpy.run_path({str(EXAMPLE)!r});"
        "heavy = {'torch', 'onnxruntime', 'scipy', 'pyannote', 'rich'} & sys.modules.keys();"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert "[INFO] [Preprocessing] Stage completed in" in done.stdout
    (report,) = tmp_path.glob("performance_*.json")
    found = json.loads(report.read_text())
    assert found["metrics"]["stages"]["Diarization"]["subprocesses"]["inference"]["count"] == 3
    assert report.with_suffix(".txt").exists()
    assert {"torch_version", "mps_available", "cuda_available", "cpu_count"} <= found["system_info"].keys()


def test_nothing_is_said_where_it_is_not_wanted(tmp_path: Path) -> None:
    logger, said = Machine().logger(tmp_path, verbose=False)
    with logger, logger.stage("A"), logger.subprocess("x"):
        pass
    assert said.getvalue() == ""
    logger.print_summary()
    assert "PERFORMANCE SUMMARY" in said.getvalue()


# --- what is counted -----------------------------------------------------------------------------


def test_a_subprocess_that_runs_again_is_counted_and_overwrites_nothing(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    logger.start_stage("ASR")
    for part in range(3):
        with logger.subprocess("call", {"part": part}):
            machine.spend(1.0 + part)
    logger.end_stage("ASR")
    report = logger.generate_json_report()
    call = report["metrics"]["stages"]["ASR"]["subprocesses"]["call"]
    assert (call["count"], call["duration"], call["busy"]) == (3, 6.0, 6.0)
    runs = report["metrics"]["subprocesses"]["call"]
    assert [(run["duration"], run["metadata"]["part"]) for run in runs] == [(1.0, 0), (2.0, 1), (3.0, 2)]
    logger.end_pipeline()


def test_stages_nest_and_a_stage_runs_again(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    for _ in range(2):
        logger.start_stage("Outer")
        machine.spend(1.0)
        logger.start_stage("Inner")
        with logger.subprocess("deep"), logger.subprocess("deeper"):
            machine.spend(2.0)
        logger.end_stage()
        logger.end_stage()
    stages = stages_of(logger)
    assert list(stages) == ["Outer"]
    assert (stages["Outer"]["duration"], stages["Outer"]["count"]) == (6.0, 2)
    inner = stages["Outer"]["stages"]["Inner"]
    assert (inner["duration"], inner["percentage"]) == (4.0, 66.7)
    assert inner["subprocesses"]["deep"]["subprocesses"]["deeper"]["percentage"] == 100.0
    assert "    Inner " in logger.generate_text_report()
    logger.end_pipeline()


def test_a_stage_that_runs_inside_itself_is_two_nodes_and_its_time_is_counted_once(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    logger.start_stage("A")
    machine.spend(1.0)
    logger.start_stage("A")
    machine.spend(1.0)
    logger.end_stage("A")
    logger.end_stage("A")
    outer = stages_of(logger)["A"]
    assert (outer["duration"], outer["busy"], outer["stages"]["A"]["duration"]) == (2.0, 2.0, 1.0)
    logger.end_pipeline()


def test_what_outlives_the_stage_in_which_it_began_runs_beside_it(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    logger.start_stage("decode")
    machine.spend(1.0)
    logger.start_stage("recognise")
    with logger.subprocess("call"):
        machine.spend(2.0)
    logger.end_stage("decode")
    machine.spend(3.0)
    logger.end_stage("recognise")
    stages = stages_of(logger)
    assert {name: stage["duration"] for name, stage in stages.items()} == {"decode": 3.0, "recognise": 5.0}
    assert stages["recognise"]["subprocesses"]["call"]["duration"] == 2.0
    assert "stages" not in stages["decode"]
    summary = logger.get_summary()
    assert [stage["percentage"] for stage in summary["stages"].values()] == [50.0, 83.3]
    assert "stages run side by side: together they are 133 % of the total" in summary["bottlenecks"]
    logger.end_pipeline()


def test_an_exception_marks_the_run_and_goes_on(tmp_path: Path) -> None:
    logger, said = Machine().logger(tmp_path)
    logger.start_pipeline()
    with pytest.raises(ValueError, match="no such"), logger.stage("Load"), logger.subprocess("open"):
        raise ValueError("no such\n file")
    load = stages_of(logger)["Load"]
    assert (load["failed"], load["subprocesses"]["open"]["failed"]) == (1, 1)
    (run,) = logger.generate_json_report()["metrics"]["subprocesses"]["open"]
    assert run["error"] == "ValueError: no such file"
    assert "[ERROR]   [open] failed after 0.000s: ValueError: no such file" in said.getvalue()
    assert "[ERROR] [Load] Stage failed after" in said.getvalue()
    with logger.stage("Load"):  # the next run is not marked
        pass
    assert stages_of(logger)["Load"]["failed"] == 1
    assert any("failed: Load" in line for line in logger.get_summary()["bottlenecks"])
    logger.end_pipeline()


def test_a_stage_that_is_ended_while_an_exception_passes_has_failed(tmp_path: Path) -> None:
    logger, _ = Machine().logger(tmp_path)
    logger.start_pipeline()

    def load() -> None:
        logger.start_stage("Load")
        try:
            raise OSError("gone")
        finally:
            logger.end_stage("Load")

    with pytest.raises(OSError, match="gone"):
        load()
    try:
        raise KeyError("earlier")
    except KeyError:  # a second try: what failed before it is not its failure
        logger.start_stage("Load")
        logger.end_stage("Load")
    assert stages_of(logger)["Load"]["failed"] == 1
    logger.end_pipeline()


def test_what_is_open_at_the_end_is_marked_and_what_ends_later_changes_nothing(tmp_path: Path) -> None:
    machine = Machine()
    logger, said = machine.logger(tmp_path)
    logger.start_pipeline()
    logger.start_stage("Left open")
    block = logger.subprocess("too")
    block.__enter__()
    machine.spend(1.0)
    summary = logger.end_pipeline()
    block.__exit__(None, None, None)
    stage = stages_of(logger)["Left open"]
    assert (stage["unfinished"], stage["subprocesses"]["too"]["unfinished"], stage["duration"]) == (1, 1, 1.0)
    assert summary == logger.get_summary()
    assert said.getvalue().count("was not ended") == 2


def test_metadata_is_a_copy_to_which_the_block_may_add(tmp_path: Path) -> None:
    logger, _ = Machine().logger(tmp_path)
    logger.start_pipeline()
    given = {"file": "a.wav"}
    with logger.stage("S"), logger.subprocess("x", given) as notes:
        notes["words"] = 3
    logger.record_subprocess("y", 0.5, given)
    given["file"] = "changed"
    report = logger.generate_json_report()["metrics"]["subprocesses"]
    assert report["x"][0]["metadata"] == {"file": "a.wav", "words": 3}
    assert report["y"][0]["metadata"] == {"file": "a.wav"}
    assert given == {"file": "changed"}
    logger.end_pipeline()


def test_a_summary_changes_nothing_and_is_there_while_the_pipeline_runs(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    assert logger.get_summary()["total_duration"] == 0
    logger.start_pipeline()
    logger.start_stage("Long")
    machine.spend(2.0)
    first = logger.get_summary()
    first["stages"]["Long"]["duration"] = 99
    assert logger.get_summary()["stages"]["Long"] == {"duration": 2.0, "busy": 2.0, "percentage": 100.0}
    machine.spend(2.0)
    logger.end_stage()
    assert logger.get_summary() == logger.get_summary()
    assert logger.get_summary()["stages"]["Long"]["duration"] == 4.0
    assert list(tmp_path.iterdir()) == []
    logger.end_pipeline()


@pytest.mark.parametrize("name", ["نمی‌شود", "👩‍💻 desk", "soft\u00adhyphen", "no\u00a0break"])
def test_words_and_emoji_with_joiners_are_names(tmp_path: Path, name: str) -> None:
    logger, _ = Machine().logger(tmp_path)
    with logger, logger.stage(name), logger.subprocess(name):
        pass
    assert list(stages_of(logger)[name]["subprocesses"]) == [name]


@pytest.mark.parametrize(
    "name", ["", "  ", "two\nlines", "two\u2028lines", "\x1b[31mred", "\x85", "\ud800", None, 3]
)
def test_names_are_checked(tmp_path: Path, name: Any) -> None:
    logger, _ = Machine().logger(tmp_path)
    logger.start_pipeline()
    for use in (logger.start_stage, logger.subprocess, lambda name: logger.record_timing(name, 1.0)):
        with pytest.raises(ValueError, match="a name is one line of text"):
            use(name)
    logger.end_pipeline()


def test_a_stage_that_is_not_open_cannot_be_ended(tmp_path: Path) -> None:
    logger, _ = Machine().logger(tmp_path)
    logger.start_pipeline()
    with pytest.raises(ValueError, match="no stage is open"):
        logger.end_stage()
    logger.start_stage("ASR")
    with pytest.raises(ValueError, match="stage 'asr' is not open; open: 'ASR'"):
        logger.end_stage("asr")
    with pytest.raises(ValueError, match="not open"), logger.subprocess("x", stage="Other"):
        pass
    with pytest.raises(ValueError, match="from 0 up, not -1"):
        logger.record_subprocess("x", -1)
    with pytest.raises(ValueError, match="runs already"):
        logger.start_pipeline()
    logger.end_pipeline()
    with pytest.raises(ValueError, match="does not run"):
        logger.end_pipeline()
    with pytest.raises(ValueError, match="has ended"):
        logger.start_stage("late")


def test_a_run_within_a_run_of_its_name_is_counted_once_among_the_top_timings(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    with logger, logger.stage("Parse"), logger.subprocess("node"), logger.subprocess("leaf"):
        machine.spend(1.0)
        with logger.subprocess("node"):
            machine.spend(2.0)
    text = logger.generate_text_report()
    assert "  node                           Total:    3.000s Count:    1 Avg:    3.000s" in text
    assert "  leaf                           Total:    3.000s Count:    1 Avg:    3.000s" in text


def test_a_block_that_runs_cannot_be_entered_again_and_afterwards_it_can(tmp_path: Path) -> None:
    logger, _ = Machine().logger(tmp_path)
    with logger, logger.stage("S"):
        block = logger.subprocess("x")
        with block, pytest.raises(ValueError, match="'x' runs already"), block:
            pass
        with block:
            pass
    found = stages_of(logger)["S"]["subprocesses"]["x"]
    assert (found["count"], found["unfinished"]) == (2, 0)


def test_what_is_in_no_stage_is_named_with_its_share(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    with logger:
        with logger.stage("S"):
            machine.spend(6.0)
        with logger.subprocess("upload"), logger.subprocess("retry"):
            machine.spend(3.0)
        machine.spend(1.0)
    report = logger.generate_json_report()
    assert "40 % of the total is in no stage: upload 30 %" in report["bottlenecks"]
    upload = report["metrics"]["in_no_stage"]["upload"]
    assert (upload["duration"], upload["subprocesses"]["retry"]["duration"]) == (3.0, 3.0)


# --- concurrency ---------------------------------------------------------------------------------


async def test_tasks_that_run_at_the_same_time_have_stages_of_their_own(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()

    async def session(number: int) -> None:
        logger.start_stage(f"session {number}")
        for _ in range(3):
            with logger.subprocess("step"):
                await asyncio.sleep(random.uniform(0.001, 0.01))
        logger.end_stage()

    await asyncio.gather(*(session(number) for number in range(8)))
    stages = stages_of(logger)
    assert set(stages) == {f"session {number}" for number in range(8)}
    for stage in stages.values():
        assert stage["subprocesses"]["step"]["count"] == 3
        assert 0 < stage["subprocesses"]["step"]["percentage"] <= 100
    logger.end_pipeline()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_stage_run_by_tasks_at_once_has_wall_and_busy_time(tmp_path: Path, backend: str) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()

    async def call() -> None:
        with logger.stage("ASR"), logger.subprocess("call"):
            await anyio.sleep(0.1)

    async def calls() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(call)

    anyio.run(calls, backend=backend)
    asr = stages_of(logger)["ASR"]
    assert asr["count"] == 5
    assert asr["duration"] >= 0.1
    assert asr["busy"] >= max(0.5, 1.5 * asr["duration"])
    assert asr["subprocesses"]["call"]["percentage"] <= 100
    assert logger.get_summary()["stages"]["ASR"]["percentage"] <= 100
    assert f"busy {asr['busy']:.3f}s  5 runs" in logger.generate_text_report()
    logger.end_pipeline()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_worker_threads_of_anyio_measure_within_the_stage_that_called_them(
    tmp_path: Path, backend: str
) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()

    def work() -> None:
        with logger.subprocess("work"):
            time.sleep(0.01)

    async def stage(name: str) -> None:
        with logger.stage(name):
            await to_thread.run_sync(work)
            await to_thread.run_sync(work)

    async def both() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(stage, "A")
            group.start_soon(stage, "B")

    anyio.run(both, backend=backend)
    stages = stages_of(logger)
    assert [stages[name]["subprocesses"]["work"]["count"] for name in "AB"] == [2, 2]
    logger.end_pipeline()


def test_many_bare_threads_lose_nothing(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()
    logger.start_stage("Pool")

    def work(number: int) -> None:
        for _ in range(100):
            with logger.subprocess("call"), logger.subprocess(f"inner {number % 2}"):
                pass
            logger.record_timing("t", 0.001)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))
        logger.tracer.fold()
    logger.end_stage("Pool")
    call = stages_of(logger)["Pool"]["subprocesses"]["call"]
    assert call["count"] == 1600
    assert [call["subprocesses"][f"inner {number}"]["count"] for number in (0, 1)] == [800, 800]
    logger.tracer.fold()
    assert logger.tracer.stages["Pool/call"].feed.count == 1600
    assert logger.tracer.metrics["t"].count == 1600
    logger.end_pipeline()


def test_a_bare_thread_guesses_no_stage_where_there_are_several(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()
    open_, done = threading.Barrier(3), threading.Event()

    def stage(name: str) -> None:
        with logger.stage(name):
            open_.wait(5)
            done.wait(5)

    threads = [threading.Thread(target=stage, args=(name,)) for name in ("A", "A")]
    for thread in threads:
        thread.start()
    open_.wait(5)
    with logger.subprocess("whose"):
        pass
    with pytest.raises(ValueError, match="which of 2 open stages"):
        logger.end_stage("A")
    done.set()
    for thread in threads:
        thread.join()
    report = logger.generate_json_report()["metrics"]
    assert report["stages"]["A"]["subprocesses"] == {}
    assert report["subprocesses"]["whose"][0]["stage"] is None
    assert "- whose" in logger.generate_text_report()
    logger.end_pipeline()


def test_a_stage_can_be_ended_by_name_from_another_thread(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()
    thread = threading.Thread(target=logger.start_stage, args=("there",))
    thread.start()
    thread.join()
    with logger.subprocess("here", stage="there"):
        pass
    logger.end_stage("there")
    assert stages_of(logger)["there"]["subprocesses"]["here"]["count"] == 1
    logger.end_pipeline()


def test_two_loggers_at_once_do_not_mix(tmp_path: Path) -> None:
    one, two = quiet(tmp_path), quiet(tmp_path)
    with one, two, one.stage("A"), two.stage("B"), one.subprocess("x"), two.subprocess("y"):
        pass
    assert stages_of(one)["A"]["subprocesses"].keys() == {"x"}
    assert stages_of(two)["B"]["subprocesses"].keys() == {"y"}


# --- its files, and the rest ---------------------------------------------------------------------


def test_sessions_of_the_same_second_have_ids_and_files_of_their_own(tmp_path: Path) -> None:
    machine = Machine(datetime(2026, 11, 22, 12, tzinfo=UTC))
    loggers = [machine.logger(tmp_path)[0] for _ in range(3)]
    first = loggers[0].session_id
    taken = tmp_path / f"performance_{first}_3.json"
    taken.write_text("of another process")
    for logger in loggers:
        with logger:
            pass
    ids = [logger.session_id for logger in loggers]
    assert ids == [first, f"{first}_2", f"{first}_4"]
    assert taken.read_text() == "of another process"
    for name in ids:
        assert json.loads((tmp_path / f"performance_{name}.json").read_text())["session_id"] == name
    assert not list(tmp_path.glob("*.part"))
    paths = loggers[0].generate_reports()  # again: its own files
    assert paths["json"].name == f"performance_{first}.json"
    loggers[0].start_pipeline()  # a new session
    assert loggers[0].session_id not in ids
    loggers[0].end_pipeline()


def test_a_file_in_the_place_of_the_folder_is_an_error_and_the_summary_was_told_before(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("mine")
    for folder in (tmp_path / "file", tmp_path / "file" / "inner"):
        logger, said = Machine().logger(folder)
        logger.start_pipeline()
        with pytest.raises(NotADirectoryError, match="file"):
            logger.end_pipeline()
        assert "PERFORMANCE SUMMARY" in said.getvalue()
    assert (tmp_path / "file").read_text() == "mine"


def test_no_failure_of_the_logger_takes_the_place_of_an_exception_that_passes(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    logger = PerformanceLogger("P", tmp_path / "file", enable_gpu_monitoring=False, verbose=False)
    with pytest.raises(RuntimeError, match="of the block") as raised, logger:
        raise RuntimeError("of the block")
    (note,) = raised.value.__notes__
    assert note.startswith("the performance logger failed, too: NotADirectoryError: ")
    with pytest.raises(RuntimeError, match="of the block") as raised, logger.timer("late"):
        raise RuntimeError("of the block")
    assert "pipeline 'P' has ended" in raised.value.__notes__[0]
    with pytest.raises(ValueError, match="has ended"), logger.timer("late"):
        pass


def test_the_logger_is_a_face_of_the_tracer(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    with logger, logger.stage("ASR"):
        for _ in range(4):
            with logger.subprocess("call"):
                machine.spend(0.5)
    figures = metrics(logger.tracer, audio_s=10.0, first={})
    assert figures["stages"]["ASR/call"]["items"] == 4
    assert figures["stages"]["ASR/call"]["feed"]["p50_ms"] == pytest.approx(500, rel=0.05)
    names = [event["args"]["name"] for event in trace_events(logger.tracer) if event["name"] == "thread_name"]
    assert {"ASR", "ASR/call"} <= set(names)
    assert "memory MB" in logger.tracer.counters


def test_memory_that_grows_with_every_run_is_named_first(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    with logger, logger.stage("ASR"):
        for _ in range(10):
            with logger.subprocess("decode"):
                machine.spend(1.0)
            with logger.subprocess("keep"):
                machine.spend(0.01, memory=8.0)
    first, *others = logger.get_summary()["bottlenecks"]
    assert first == "keep of ASR may leak: memory grew in 10 of its 10 runs, by 80 MB in all"
    assert "memory grew by 80 MB, by 80 MB in keep" in others


def test_real_memory_is_measured(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    block = b"\1" * 16_000_000
    kept: list[mmap.mmap] = []  # pages of their own: what malloc gives may have been there before
    with logger, logger.stage("Leak"):
        for _ in range(6):
            with logger.subprocess("kept"):
                kept.append(mmap.mmap(-1, len(block)))
                kept[-1].write(block)
    leak = stages_of(logger)["Leak"]["subprocesses"]["kept"]
    assert leak["memory_delta_mb"] == pytest.approx(96, rel=0.2)
    assert logger.get_summary()["bottlenecks"][0].startswith("kept of Leak may leak")


def test_a_slow_subprocess_and_busy_processors_are_named(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    with logger, logger.stage("ASR"):
        with logger.subprocess("waiting"):
            time.sleep(0.8)
        with logger.subprocess("computing"):
            until = time.thread_time() + 0.05
            while time.thread_time() < until:
                pass
    report = stages_of(logger)["ASR"]["subprocesses"]
    assert report["waiting"]["cpu"] < 0.05 <= report["computing"]["cpu"] + 0.005
    named = logger.get_summary()["bottlenecks"]
    assert named[1].startswith("waiting is ")
    assert any(line.startswith("used 0.") and line.endswith(" cores on average") for line in named)


def test_timers_tell_what_elapsed_and_count_with_the_logger(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    logger.start_pipeline()
    with logger.timer("load") as timer:
        time.sleep(0.01)
        assert timer.elapsed > 0
    with PerformanceTimer("alone") as alone:
        time.sleep(0.01)
    assert timer.elapsed >= 0.01
    assert alone.elapsed >= 0.01
    with pytest.raises(KeyError), PerformanceTimer("load", logger):
        raise KeyError
    timings = logger.generate_json_report()["timings"]
    assert len(timings["load"]) == 2
    assert timings["load"][0] == pytest.approx(timer.elapsed, abs=1e-6)
    logger.end_pipeline()


def test_what_json_does_not_know_is_written_as_text(tmp_path: Path) -> None:
    logger = quiet(tmp_path)
    with logger, logger.stage("S"), logger.subprocess("x", {"path": Path("/a"), "nan": float("nan")}):
        pass
    found = json.loads((tmp_path / f"performance_{logger.session_id}.json").read_text())
    assert found["metrics"]["subprocesses"]["x"][0]["metadata"] == {"path": "/a", "nan": None}


def test_a_long_run_keeps_the_last_runs_and_counts_them_all(tmp_path: Path) -> None:
    logger = quiet(tmp_path, tracer=Tracer())
    logger.start_pipeline()
    with logger.stage("S"):
        for _ in range(3000):
            with logger.subprocess("x"):
                pass
    report = logger.generate_json_report()["metrics"]
    assert len(report["subprocesses"]["x"]) == 1000
    assert report["stages"]["S"]["subprocesses"]["x"]["count"] == 3000
    logger.end_pipeline()


def test_there_is_one_logger_of_a_process_until_it_is_reset(tmp_path: Path) -> None:
    reset_logger()
    one = get_logger("first", output_dir=tmp_path, verbose=False)
    assert get_logger() is one
    one.start_stage("open")
    reset_logger()
    other = get_logger(output_dir=tmp_path)
    assert other is not one
    assert (one.name, other.name) == ("first", "Pipeline")
    reset_logger()
    assert list(tmp_path.iterdir()) == []
