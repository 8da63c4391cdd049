"""What logging costs: a subprocess of the performance logger, a record of the batched log, a span sent out.

    python -m benches.performance_logger

Side by side in one process, medians of several runs, microseconds each: the logger quiet and telling (to a
file), against the same figures read by hand with psutil (time and resident memory before and after, as the
old timing logger did), and against `logging` to a file, which writes each record by itself. Bars: a quiet
subprocess costs no more than the old way; a record of the batched log less than one of `logging`, and well
below one call of the system (S50).
"""

from __future__ import annotations

import json
import logging
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from sinks.batched_lines import BatchedLines
from sinks.open_telemetry import readable_spans
from stream_engine.performance import PerformanceLogger
from stream_engine.tracer import Tracer, packed

RUNS, CALLS = 7, 3000


def by_hand(calls: int) -> None:
    process, kept = psutil.Process(), []
    for _ in range(calls):
        before, began = process.memory_info().rss, time.perf_counter()
        kept.append((time.perf_counter() - began, process.memory_info().rss - before))


def subprocesses(logger: PerformanceLogger, calls: int) -> None:
    for _ in range(calls):
        with logger.subprocess("call"):
            pass
    logger.tracer.fold()


def microseconds(work: Callable[[int], object], calls: int = CALLS) -> float:
    taken: list[float] = []
    for _ in range(RUNS):
        began = time.perf_counter()
        work(calls)
        taken.append((time.perf_counter() - began) / calls * 1e6)
    return round(median(taken), 2)


def write_calls() -> int:
    return int(dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())["syscw"])


def one_by_one(place: Path) -> tuple[float, float]:
    """Microseconds and calls of the system for a record of `logging`."""
    handler = logging.FileHandler(place / "logging.txt")
    log = logging.Logger("bench")
    log.addHandler(handler)
    before = write_calls()
    took = microseconds(lambda calls: [log.info("stage %s took %s", "a", n) for n in range(calls)])
    made = (write_calls() - before) / (RUNS * CALLS)
    handler.close()
    return took, made


def batched(place: Path) -> tuple[float, float]:
    """The same for `BatchedLines`, until all is on its way to the disk."""
    before = write_calls()

    def write(calls: int) -> None:
        with BatchedLines(place / "lines.jsonl") as lines:
            for number in range(calls):
                lines.put({"stage": "a", "took": number})

    took = microseconds(write)
    return took, (write_calls() - before) / (RUNS * CALLS)


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, open(os.devnull, "w") as nowhere:
        place = Path(folder)
        costs: dict[str, float] = {"by_hand_us": microseconds(by_hand)}
        for name, verbose in (("quiet_us", False), ("telling_us", True)):
            logger = PerformanceLogger("bench", place, False, verbose, stream=nowhere)
            with logger, logger.stage("stage"):
                costs[name] = microseconds(lambda calls, logger=logger: subprocesses(logger, calls))
        logged, logged_calls = one_by_one(place)
        lines, lines_calls = batched(place)
    tracer = Tracer()
    for number in range(CALLS):
        tracer.stage("a").record(packed(number, 0, 1000, 2000, 3000))
    spans = microseconds(lambda calls: [*readable_spans(tracer, "s", newest=calls)])
    return {
        "subprocess": costs,
        "quiet_against_by_hand": round(costs["quiet_us"] / costs["by_hand_us"], 2),
        "record": {"logging_us": logged, "batched_us": lines},
        "system_calls_a_record": {"logging": round(logged_calls, 4), "batched": round(lines_calls, 4)},
        "batched_against_logging": round(lines / logged, 2),
        "otlp_span_us": spans,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
