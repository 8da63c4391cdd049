"""The performance logger where runs overlap: wall and processor time and memory count once, or not."""

from __future__ import annotations

import asyncio
import contextvars
import mmap
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stream_engine.performance import GPUMonitor, PerformanceLogger
from tests.golden_performance import Machine
from tests.test_gpu_monitor import Nvml

Part = dict[str, Any]
SECOND = 1_000_000_000


def logged(folder: Path) -> PerformanceLogger:
    return PerformanceLogger("test", folder, enable_gpu_monitoring=False, verbose=False)


def stages_of(logger: PerformanceLogger) -> Part:
    return logger.generate_json_report()["metrics"]["stages"]


def burn(seconds: float) -> None:
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def at_once(*works: Any) -> None:
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- stages that outlive the one in which they began ---------------------------------------------


def test_stages_that_overlap_again_and_again_are_one_node_each_with_its_calls(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    for _ in range(3):
        logger.start_stage("decode")
        machine.spend(1.0)
        logger.start_stage("recognise")
        with logger.subprocess("call"), logger.subprocess("inner"):
            machine.spend(1.0)
        logger.end_stage("decode")
        with logger.subprocess("call"), logger.subprocess("inner"):
            machine.spend(1.0)
        logger.end_stage("recognise")
    stages = stages_of(logger)
    assert {name: (found["duration"], found["count"]) for name, found in stages.items()} == {
        "decode": (6.0, 3),
        "recognise": (6.0, 3),
    }
    assert stages["decode"]["cpu"] is stages["recognise"]["memory_delta_mb"] is None
    assert stages["decode"]["subprocesses"] == {}
    assert "stages" not in stages["decode"]
    call = stages["recognise"]["subprocesses"]["call"]
    assert (call["duration"], call["count"], call["percentage"]) == (6.0, 6, 100.0)
    assert call["subprocesses"]["inner"]["count"] == 6
    logger.end_pipeline()


def test_runs_that_were_nested_before_move_along_with_one_that_outlives(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    for nested in (True, False, True):
        logger.start_stage("outer")
        logger.start_stage("inner")
        with logger.subprocess("call"):
            machine.spend(1.0)
            if nested:
                logger.end_stage("inner")
            logger.end_stage("outer")
        if not nested:
            machine.spend(1.0)
            logger.end_stage("inner")
    stages = stages_of(logger)
    assert (stages["inner"]["duration"], stages["inner"]["count"]) == (3.0, 2)
    assert stages["inner"]["subprocesses"]["call"]["count"] == 2
    assert stages["outer"]["stages"]["inner"]["count"] == 1  # of the last turn: it began and ended within
    logger.end_pipeline()


def every(parts: Part, kind: str) -> Iterator[tuple[str, Part]]:
    for name, part in parts.items():
        yield name, part
        yield from every(part.get(kind, {}), kind)


def subprocesses(stages: Part) -> Iterator[Part]:
    for _, stage in every(stages, "stages"):
        for _, sub in every(stage["subprocesses"], "subprocesses"):
            yield sub


def union_s(stretches: list[tuple[int, int]]) -> float:
    covered: set[int] = set()
    for start, end in stretches:
        covered.update(range(start // SECOND, end // SECOND))
    return float(len(covered))


@pytest.mark.parametrize("seed", range(60))
def test_in_any_order_nothing_is_lost_made_up_or_above_the_whole(seed: int, tmp_path: Path) -> None:
    """Stages and subprocesses of up to three contexts, ended in any order."""
    chance, machine = random.Random(seed), Machine()
    logger, _ = machine.logger(tmp_path, verbose=False)
    logger.start_pipeline()
    contexts = [contextvars.copy_context() for _ in range(chance.choice([1, 1, 2, 3]))]
    open_stages: list[list[tuple[str, int]]] = [[] for _ in contexts]
    open_blocks: list[list[Any]] = [[] for _ in contexts]
    ran: dict[str, list[tuple[int, int]]] = defaultdict(list)
    called = 0

    def end(place: int, which: int) -> None:
        name, began = open_stages[place].pop(which)
        contexts[place].run(logger.end_stage, name)
        ran[name].append((began, machine.now_ns))

    for _ in range(chance.randint(8, 40)):
        place, action = chance.randrange(len(contexts)), chance.random()
        machine.spend(chance.choice([0, 1, 2]))
        stages, blocks = open_stages[place], open_blocks[place]
        if action < 0.35 and len(stages) < 3:
            name = chance.choice("AB")
            contexts[place].run(logger.start_stage, name)
            stages.append((name, machine.now_ns))
        elif action < 0.65 and stages:
            name = chance.choice(stages)[0]  # the innermost of that name
            end(place, max(at for at, (other, _) in enumerate(stages) if other == name))
        elif action < 0.85:
            blocks.append(logger.subprocess(chance.choice("xy")))
            contexts[place].run(blocks[-1].__enter__)
        elif blocks:
            contexts[place].run(blocks.pop().__exit__, None, None, None)
            called += 1
    for place, blocks in enumerate(open_blocks):
        while blocks:
            contexts[place].run(blocks.pop().__exit__, None, None, None)
            called += 1
        while open_stages[place]:
            end(place, -1)
    report = logger.generate_json_report()["metrics"]
    found: dict[str, list[Part]] = defaultdict(list)
    for name, stage in every(report["stages"], "stages"):
        found[name].append(stage)
    for name, runs in ran.items():
        assert sum(stage["count"] for stage in found[name]) == len(runs)
        busy = sum(until - began for began, until in runs) / SECOND
        assert sum(stage["busy"] for stage in found[name]) == pytest.approx(busy)
        if len(found[name]) == 1:
            assert found[name][0]["duration"] == union_s(runs)
    everywhere = [*subprocesses(report["stages"])]
    outside = [sub for _, sub in every(report.get("in_no_stage", {}), "subprocesses")]
    assert sum(sub["count"] for sub in everywhere + outside) == called
    for part in (*everywhere, *outside, *(stage for each in found.values() for stage in each)):
        assert part["count"] > 0
        assert 0 <= part["percentage"] <= 100
    logger.abandon()


# --- wall time -----------------------------------------------------------------------------------


def test_staggered_runs_count_their_common_time_once(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    logger.start_pipeline()
    first, second = contextvars.copy_context(), contextvars.copy_context()
    first.run(logger.start_stage, "ASR")
    machine.spend(1.0)
    second.run(logger.start_stage, "ASR")
    machine.spend(2.0)
    first.run(logger.end_stage, "ASR")
    machine.spend(1.0)
    second.run(logger.end_stage, "ASR")
    asr = stages_of(logger)["ASR"]
    assert (asr["duration"], asr["busy"], asr["percentage"]) == (4.0, 6.0, 100.0)
    logger.end_pipeline()


def test_runs_of_a_pool_that_were_timed_elsewhere_are_no_more_than_their_stage(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    with logger, logger.stage("pool"):
        machine.spend(2.0)
        for _ in range(4):
            logger.record_subprocess("job", 2.0)
        machine.spend(1.0)
        logger.record_subprocess("job", 0.5)
        logger.record_subprocess("longer", 2.5)
    job = stages_of(logger)["pool"]["subprocesses"]["job"]
    assert (job["duration"], job["busy"], job["percentage"], job["count"]) == (2.5, 8.5, 83.3, 5)
    assert stages_of(logger)["pool"]["subprocesses"]["longer"]["duration"] == 2.5


def test_of_many_short_runs_the_old_ones_are_known_as_a_sum(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path, verbose=False)
    with logger, logger.stage("S"):
        for _ in range(3000):
            with logger.subprocess("x"):
                machine.spend(0.001)
            machine.spend(0.001)
        logger.record_subprocess("x", 100.0)  # reaches back behind all: never more than there was
    found = stages_of(logger)["S"]["subprocesses"]["x"]
    assert found["count"] == 3001
    assert 3.0 < found["duration"] <= 6.0


# --- processor time and memory -------------------------------------------------------------------


def test_processor_time_of_threads_in_one_stage_is_counted_once(tmp_path: Path) -> None:
    logger = logged(tmp_path)
    logger.start_pipeline()

    def work() -> None:
        with logger.stage("work"), logger.subprocess("burning"):
            burn(0.1)

    began = time.process_time()
    at_once(*[work] * 4)
    spent = time.process_time() - began
    found = stages_of(logger)["work"]
    assert found["cpu"] == pytest.approx(spent, abs=0.1)
    assert found["subprocesses"]["burning"]["cpu"] == pytest.approx(0.4, abs=0.1)
    logger.end_pipeline()


def test_of_stages_at_once_processor_time_and_memory_are_not_known(tmp_path: Path) -> None:
    logger = logged(tmp_path)
    logger.start_pipeline()
    both = threading.Barrier(2)

    def stage(name: str) -> None:
        with logger.stage(name):
            both.wait(5)
            burn(0.01 if name == "busy" else 0)
            both.wait(5)

    at_once(partial(stage, "idle"), partial(stage, "busy"))
    with logger.stage("alone"):
        burn(0.01)
    stages = stages_of(logger)
    for name in ("idle", "busy"):
        assert stages[name]["cpu"] is stages[name]["memory_delta_mb"] is None
        assert stages[name]["not_measured"] == {"cpu": "overlapped", "memory_delta_mb": "overlapped"}
    assert stages["alone"]["cpu"] >= 0.01
    assert "not_measured" not in stages["alone"]
    logger.end_pipeline()


async def test_a_task_that_waits_has_not_the_processor_time_of_another(tmp_path: Path) -> None:
    logger = logged(tmp_path)
    logger.start_pipeline()

    async def waiting() -> None:
        with logger.stage("wait"), logger.subprocess("io"):
            await asyncio.sleep(0.1)

    async def computing() -> None:
        with logger.stage("compute"), logger.subprocess("calculation"):
            burn(0.05)

    await asyncio.gather(waiting(), computing())
    with logger.stage("alone"):
        await computing()
    stages = stages_of(logger)
    assert stages["compute"]["subprocesses"]["calculation"]["cpu"] is None  # it may have waited, too
    assert stages["alone"]["stages"]["compute"]["subprocesses"]["calculation"]["cpu"] >= 0.05
    assert stages["wait"]["subprocesses"]["io"]["cpu"] is None
    assert stages["wait"]["subprocesses"]["io"]["not_measured"]["cpu"] == "overlapped"
    logger.end_pipeline()


def test_memory_that_another_thread_takes_is_no_leak_of_those_that_wait(tmp_path: Path) -> None:
    logger = logged(tmp_path)
    logger.start_pipeline()
    began, made = threading.Barrier(7), threading.Event()

    def waiting() -> None:
        with logger.subprocess("wait"):
            began.wait(5)
            made.wait(5)

    with logger.stage("S"), ThreadPoolExecutor(6) as pool:
        waits = [pool.submit(waiting) for _ in range(6)]
        began.wait(5)
        kept = mmap.mmap(-1, 48_000_000)
        kept.write(b"\1" * 48_000_000)
        made.set()
        for each in waits:
            each.result()
    report = logger.generate_json_report()
    assert not any("leak" in line for line in report["bottlenecks"])
    grown = report["metrics"]["stages"]["S"]["subprocesses"]["wait"]["memory_delta_mb"]
    assert grown == pytest.approx(48_000_000 / 2**20, rel=0.2)  # once, not six times
    for run in report["metrics"]["subprocesses"]["wait"]:
        assert run["memory_delta_mb"] is None
        assert run["not_measured"] == {"memory_delta_mb": "overlapped"}
    assert "average_delta_mb" not in report["metrics"]["memory_stats"]
    assert "  Average Delta: not measured: overlapped; of the whole: +" in logger.generate_text_report()
    logger.end_pipeline()


def test_energy_of_stages_at_once_belongs_to_none_of_them(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path, gpu=GPUMonitor(0.01, nvml=Nvml()))
    logger.start_pipeline()
    first, second = contextvars.copy_context(), contextvars.copy_context()
    for context in (first, second):
        context.run(logger.start_stage, "both")
    for context in (first, second):
        context.run(logger.end_stage, "both")
    with logger.stage("alone"):
        pass
    stages = stages_of(logger)
    assert stages["both"]["gpu_stats"]["samples"] >= 2
    assert "energy_j" not in stages["both"]["gpu_stats"]
    assert "energy_j" in stages["alone"]["gpu_stats"]
    logger.end_pipeline()
    assert "energy_j" in logger.get_summary()["gpu_stats"]
