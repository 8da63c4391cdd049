"""What tracing costs a session: the same real talk with the tracer on and off, turn by turn.

On: every span, counter and word recorded, and performance.json, performance.txt and trace.json written, as by
default. Off: a tracer that does nothing, and none of these files. Control: off once more, under another name,
so its ratio to off is what this machine makes of no difference. Two and a half minutes of real talk through
the embedded models and all measures, as fast as it goes, in one process with models and decoded audio at
hand; who comes first changes with each round. The figures are medians of ratios to off; their intervals those
of the sign test (the true median lies in it in at least 95 of 100 cases, whatever the noise). Bar: not
measurable, that is: the interval of the CPU time holds 1.00, or lies within that of the control. Its width
tells what cost could hide in it; so what the tracer does in a session is timed directly, too: its calls and
those of the lineage, its spans by the piece, its files.

    python -m benches.tracing
"""

from __future__ import annotations

import json
import statistics
import tempfile
import time
from collections.abc import Callable
from math import comb
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import msgspec

import stream_engine
from benches.session import joined
from sinks.chrome_trace import write_trace
from sinks.performance import write_json
from stream_engine import assembly
from stream_engine.events import Chunk
from stream_engine.lineage import Lineage, WordLatency
from stream_engine.session_folder import Result
from stream_engine.tracer import NullTracer, Tracer, packed

T = TypeVar("T")

SECONDS = 150
ROUNDS = 9
CONFIDENCE = 0.95
TRACERS: dict[str, tuple[type[Tracer], str]] = {
    "on": (Tracer, "txt,performance,trace"),
    "off": (NullTracer, "txt"),
    "control": (NullTracer, "txt"),
}


class Spent:
    """CPU seconds of the calls that went through it."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, call: Callable[..., T], *given: Any, **named: Any) -> T:
        began = time.thread_time()
        try:
            return call(*given, **named)
        finally:
            self.seconds += time.thread_time() - began


class TimedLineage(Lineage):
    def __init__(self, spent: Spent) -> None:
        super().__init__()
        self._spent = spent

    def arrived(self, chunk: Chunk, at: int) -> None:
        self._spent.timed(super().arrived, chunk, at)

    def made(self, result: Any, cause: Any, began: int, ended: int, *, share: int = 1) -> None:
        self._spent.timed(super().made, result, cause, began, ended, share=share)

    def word(self, end: int, said_until: int, event: Any, now: int, due: int | None) -> WordLatency | None:
        return self._spent.timed(super().word, end, said_until, event, now, due)


class Timed(Tracer):
    """A tracer that knows how long its own calls took, save those for a span."""

    def __init__(self) -> None:
        super().__init__()
        self.spent = Spent()
        self.lineage = TimedLineage(self.spent)

    def fold(self) -> None:
        self.spent.timed(super().fold)

    def counter(self, name: str, value: float) -> None:
        self.spent.timed(super().counter, name, value)

    def observe(self, name: str, duration_ns: int) -> None:
        self.spent.timed(super().observe, name, duration_ns)

    def word(self, end: int, told: int, parts: WordLatency) -> None:
        self.spent.timed(super().word, end, told, parts)


def directly(audio: Path, folder: Path, cpu_s: float) -> dict[str, float]:
    """CPU seconds of one session that went into tracing, and their share of its CPU time."""
    tracer = Timed()
    with patch.object(assembly, "Tracer", lambda: tracer):
        result = stream_engine.transcribe(
            audio, out=folder / "timed", fresh=True, formats="txt", cache=str(folder / "cache")
        )
    spans = sum(stage["items"] for stage in result.performance_metrics["stages"].values())
    calls_s, other = tracer.spent.seconds, Tracer()
    record, clock = other.stage("a").record, other.clock
    began = time.thread_time()
    for position in range(spans):
        record(packed(position, clock(), clock(), clock(), clock()))
    spans_s = time.thread_time() - began
    began = time.thread_time()
    write_trace(tracer, folder / "trace.json")
    write_json(result.performance_metrics, folder / "performance.json")
    files_s = time.thread_time() - began
    return {
        "calls_s": round(calls_s, 4),
        "spans_s": round(spans_s, 4),
        "files_s": round(files_s, 4),
        "share_of_cpu": round((calls_s + spans_s + files_s) / cpu_s, 4),
    }


class Run:
    """One session: what it took, and what came of it."""

    def __init__(self, audio: Path, folder: Path, tracing: str) -> None:
        tracer, formats = TRACERS[tracing]
        with patch.object(assembly, "Tracer", tracer):
            cpu, wall = time.process_time(), time.perf_counter()
            result = stream_engine.transcribe(
                audio, out=folder / tracing, fresh=True, formats=formats, cache=str(folder / "cache")
            )
            self.cpu_s, self.wall_s = time.process_time() - cpu, time.perf_counter() - wall
        self.said = said(result)
        self.spans = sum(stage["items"] for stage in result.performance_metrics["stages"].values())


def said(result: Result) -> list[bytes]:
    """All events but the last figures, in an order of their own: when each came is another matter."""
    events = (msgspec.structs.replace(event, emitted_at=None) for event in result.events)
    return sorted(msgspec.json.encode(event) for event in events)


def interval(values: list[float]) -> tuple[float, float]:
    """Two of the values between which their true median lies, by the sign test."""
    ordered, tail, place = sorted(values), 0.0, -1
    while tail + comb(len(ordered), place + 1) / 2 ** len(ordered) <= (1 - CONFIDENCE) / 2:
        place += 1
        tail += comb(len(ordered), place) / 2 ** len(ordered)
    if place < 0:
        raise ValueError(f"{len(ordered)} values are too few for an interval of {CONFIDENCE:.0%}")
    return ordered[place], ordered[-1 - place]


def compared(on: list[float], off: list[float]) -> dict[str, Any]:
    ratios = [one / other for one, other in zip(on, off, strict=True)]
    low, high = interval(ratios)
    return {
        "median": round(statistics.median(ratios), 4),
        "low": round(low, 4),
        "high": round(high, 4),
        "width": round(high - low, 4),
        "holds_one": low <= 1 <= high,
    }


def measure() -> dict[str, Any]:
    names = list(TRACERS)
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audio = joined(folder, SECONDS)
        Run(audio, folder, "on")  # decodes, and loads the models
        for number in range(ROUNDS):
            for tracing in names[number % len(names) :] + names[: number % len(names)]:
                runs[tracing].append(Run(audio, folder, tracing))
        on, off, control = runs.values()
        alone = directly(audio, folder, statistics.median(run.cpu_s for run in off))
    return {
        "audio_s": SECONDS,
        "rounds": ROUNDS,
        "spans_of_a_session": on[0].spans,
        "same_events": all(run.said == on[0].said for run in (*on, *off, *control)),
        "cpu_s_off": round(statistics.median(run.cpu_s for run in off), 2),
        "wall_s_off": round(statistics.median(run.wall_s for run in off), 2),
        "timed_directly": alone,
        "cpu_on_over_off": compared([run.cpu_s for run in on], [run.cpu_s for run in off]),
        "wall_on_over_off": compared([run.wall_s for run in on], [run.wall_s for run in off]),
        "cpu_control_over_off": compared([run.cpu_s for run in control], [run.cpu_s for run in off]),
        "wall_control_over_off": compared([run.wall_s for run in control], [run.wall_s for run in off]),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
