"""The figures of a run in Prometheus' text format, for a scrape or node_exporter's textfile collector.

Format: "Exposition formats", Prometheus documentation, text format 0.0.4. Quantiles are of the whole run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sinks.whole_file import replacing
from stream_engine.tracer import Tracer

PREFIX = "stream_engine"
QUANTILES = {"p50_ms": "0.5", "p95_ms": "0.95", "p99_ms": "0.99"}
Figures = dict[str, Any]
Labels = dict[str, str]

GAUGES = {
    "total_duration": ("session_seconds", "Wall time of the session."),
    "audio_duration": ("audio_seconds", "Length of the audio."),
    "load_s": ("load_seconds", "Until models were loaded and the audio opened."),
    "cpu_s": ("cpu_seconds", "Processor time of the process during the session."),
}
SUMMARIES = {
    "wait": ("stage_wait_seconds", "Time that a stage waited for an item."),
    "feed": ("stage_feed_seconds", "Time that a stage computed on an item."),
    "send": ("stage_send_seconds", "Time that a stage was held by what follows."),
}


def exposition(figures: Figures, *, tracer: Tracer | None = None, labels: Labels | None = None) -> str:
    """All figures of `performance.json`; with a `tracer`, the last value of each of its counters."""
    return "\n".join([*_families(figures, tracer, labels or {}), ""])


def write_prometheus(figures: Figures, path: Path, *, labels: Labels | None = None) -> None:
    with replacing(path) as file:
        file.write(exposition(figures, labels=labels))


def _families(figures: Figures, tracer: Tracer | None, labels: Labels) -> Iterator[str]:
    for key, (name, told) in GAUGES.items():
        if figures.get(key) is not None:
            yield from _head(name, "gauge", told)
            yield _sample(name, labels, figures[key])
    if memory := figures.get("memory"):
        yield from _head("memory_bytes", "gauge", "Resident memory of the process.")
        for key in ("start_mb", "end_mb", "peak_mb"):
            yield _sample("memory_bytes", {**labels, "at": key[:-3]}, memory[key] * 1024 * 1024)
    stages = figures["stages"]
    for key, (name, told) in SUMMARIES.items():
        rows = [({"stage": stage}, found[key]) for stage, found in stages.items()]
        yield from _summary(name, told, rows, labels)
    lags = [({"of": of}, lag) for of, lag in figures["lag"].items()]
    yield from _summary("lag_seconds", "Emission minus the end of what was said.", lags, labels)
    words = [({"part": part}, found) for part, found in figures.get("word_latency", {}).items()]
    yield from _summary(
        "word_latency_seconds",
        "From the end of a word (of a text, where words have no times) to its text.",
        words,
        labels,
    )
    if tracer is not None and tracer.counters:
        yield from _head("counter", "gauge", "The last value of what the tracer samples.")
        for counter, samples in list(tracer.counters.items()):
            yield _sample("counter", {**labels, "name": counter}, samples.last)


def _summary(
    name: str, told: str, rows: list[tuple[Labels, dict[str, Any]]], labels: Labels
) -> Iterator[str]:
    if not rows:
        return
    yield from _head(name, "summary", told)
    for own, found in rows:
        both = {**labels, **own}
        if found["count"]:
            for key, quantile in QUANTILES.items():
                yield _sample(name, {**both, "quantile": quantile}, found[key] / 1000)
        yield _sample(f"{name}_sum", both, found["total_s"])
        yield _sample(f"{name}_count", both, found["count"])


def _head(name: str, kind: str, told: str) -> Iterator[str]:
    yield f"# HELP {PREFIX}_{name} {told}"
    yield f"# TYPE {PREFIX}_{name} {kind}"


def _sample(name: str, labels: Labels, value: float) -> str:
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{PREFIX}_{name}{{{shown}}} {value!r}" if shown else f"{PREFIX}_{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
