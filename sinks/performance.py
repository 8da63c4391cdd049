"""performance.json and performance.txt, and what is told at the end of a run: where the time went."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sinks.inert_text import plain
from sinks.whole_file import replacing
from sinks.word_latency import word_table

Metrics = dict[str, Any]
ANSWERED = "answered from an earlier result; --fresh does it again"


def write_json(metrics: Metrics, path: Path) -> None:
    with replacing(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(metrics), indent=2).decode() + "\n")


def write_text(metrics: Metrics, path: Path) -> None:
    with replacing(path) as file:
        console = Console(file=file, width=110, color_system=None)
        for part in told(metrics):
            console.print(part)


def told(metrics: Metrics) -> Iterator[Table | str]:
    """For a person: the tables of the operators and of the words' latency, then sentences.

    Of what was answered from an earlier result there is that line only: its figures are of no computing.
    """
    if metrics.get("known"):
        yield ANSWERED
        return
    yield table(metrics)
    yield ""
    if (words := word_table(metrics)) is not None:
        yield words
        yield ""
    yield from sentences(metrics)


def table(metrics: Metrics) -> Table:
    """A row a stage: how often, how busy, how long each item took, and what it waited for."""
    title = "Latency of every operator: milliseconds of compute per item"
    view = Table(title=title, title_justify="left", box=None, pad_edge=False)
    view.add_column("stage", no_wrap=True)
    for name in ("items", "busy", "× live", "p50", "p95", "p99", "starved", "held"):
        view.add_column(name, justify="right", no_wrap=True)
    for name, stage in metrics["stages"].items():
        if not stage["items"]:
            continue
        feed = stage["feed"]
        speed = stage["times_real_time"]
        view.add_row(
            Text(plain(name)),
            str(stage["items"]),
            f"{stage['busy']:.0%}",
            f"{speed:,.0f}" if speed else "",
            *(f"{feed[percentile]:.2f}" for percentile in ("p50_ms", "p95_ms", "p99_ms")),
            f"{stage['starved']:.0%}",
            f"{stage['held']:.0%}",
        )
    return view


def sentences(metrics: Metrics) -> list[str]:
    """What the table does not say: the whole, the first results, and the lag of a live session."""
    if metrics.get("known"):
        return [ANSWERED]
    speed, resumed = metrics["audio_seconds_per_second"] or 0, metrics.get("resumed_at_s") or 0.0
    whole = f"{metrics['total_duration']:.1f} s in all"
    if metrics["audio_duration"] is not None:
        part = f"{metrics['audio_duration'] - resumed:.1f} of " if resumed else ""
        took = f"{part}{metrics['audio_duration']:.1f} s of audio in {metrics['total_duration']:.1f} s"
        whole = f"{took}: {speed:.1f} × real time"
    if resumed:
        whole += f"; resumed at {resumed:.1f} s, all figures are of this run, the first results of the first"
    lines = [f"{whole}; most of the compute is in {metrics['bottleneck'] or 'no stage'}"]
    if first := metrics["first_s"]:
        came = ", ".join(f"first {name} {at:.2f} s" for name, at in first.items())
        loading = f"loading {metrics['load_s']:.2f} s; " if metrics.get("load_s") else ""
        lines.append(f"{loading}after the first audio: {came}")
    if metrics.get("paced"):
        lines.extend(
            f"lag of {name}s behind the end of what was said: "
            f"p50 {lag['p50_ms'] / 1000:.2f} s, p95 {lag['p95_ms'] / 1000:.2f} s, "
            f"p99 {lag['p99_ms'] / 1000:.2f} s"
            for name, lag in metrics["lag"].items()
        )
    return lines
