"""What the latency of a word is made of: the parts in words, and their table at the end of a run."""

from __future__ import annotations

from typing import Any, NamedTuple

from rich.table import Table

PARTS = ("capture", "policy", "lookahead", "queueing", "batch", "compute", "emission")  # in order of time
WHAT = {
    "capture": "the audio arrives late",
    "policy": "the cut waits for the end of the turn",
    "lookahead": "operators want what comes after",
    "queueing": "in the queues of the stages",
    "batch": "waiting for company in a batch",
    "compute": "computing",
    "emission": "written to the log",
    "total": "from the end of a word to its final text",
}


class Part(NamedTuple):
    """A part of the latency of a word, in seconds."""

    name: str
    what: str
    words: int
    mean_s: float
    p50_s: float
    p95_s: float
    p99_s: float


def word_latency(performance: dict[str, Any]) -> list[Part]:
    """The parts in order of time, then the total; empty where no word was timed."""
    told: dict[str, dict[str, float]] = performance.get("word_latency", {})
    return [
        Part(
            name=name,
            what=WHAT[name],
            words=int(told[name]["count"]),
            mean_s=told[name]["total_s"] / told[name]["count"],
            p50_s=told[name]["p50_ms"] / 1000,
            p95_s=told[name]["p95_ms"] / 1000,
            p99_s=told[name]["p99_ms"] / 1000,
        )
        for name in (*PARTS, "total")
        if name in told and told[name]["count"]
    ]


def word_table(performance: dict[str, Any]) -> Table | None:
    """A row a part, in seconds; None where no word was timed.

    Of a recogniser without times of words, it is the end of each text that is timed. Only means add up: the
    percentiles of the parts are those of different words.
    """
    parts = word_latency(performance)
    if not parts:
        return None
    feed = "at the speed of life" if performance.get("paced") else "as fast as possible"
    if performance.get("resumed_at_s"):
        feed = f"in this run only, {feed}"
    title = f"Latency of {parts[-1].words} words, {feed}: seconds from a word's end to its text"
    if performance.get("word_times") is False:
        title = (
            f"Latency of {parts[-1].words} texts (words have no times here), {feed}: seconds from their end"
        )
    view = Table(title=title, title_justify="left", box=None, pad_edge=False)
    view.add_column("part", no_wrap=True)
    for name in ("mean", "p50", "p95", "p99"):
        view.add_column(name, justify="right", no_wrap=True)
    view.add_column("what")
    for part in parts:
        figures = (part.mean_s, part.p50_s, part.p95_s, part.p99_s)
        view.add_row(part.name, *(f"{figure:.3f}" for figure in figures), part.what)
    return view
