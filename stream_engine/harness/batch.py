"""Many files in one process, over models that are loaded once: a table, and what is peculiar to each file.

For `transcribe A B C`: what their sessions measured is compared, nothing is scored.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from sinks.inert_text import plain
from sinks.trace_files import heard_s
from stream_engine.harness.peculiar import noisiest, sentences, slowest
from stream_engine.session_folder import Result


def batch_table(results: Sequence[Result]) -> Table:
    """A row a file: audio, speed, first text, the costliest stage, how much the signal is above the noise."""
    view = Table(box=None, pad_edge=False)
    view.add_column("folder", overflow="fold")
    for name in ("audio, s", "took, s", "× life", "loading, s", "first text, s", "SNR, dB"):
        view.add_column(name, justify="right")
    view.add_column("most of the compute", no_wrap=True)
    for result in results:
        told, name = result.performance_metrics, Text(plain(result.folder.name))
        known = bool(told.get("known"))
        first = told.get("first_s", {}).get("final segment")
        figures = (
            told.get("audio_duration"),
            *((None,) * 4 if known else (told.get("total_duration"), told.get("audio_seconds_per_second"))),
            *(() if known else (told.get("load_s"), first)),
            told.get("health", {}).get("snr_db"),
        )
        cells = ["–" if one is None else f"{one:.1f}" for one in figures]
        most = "answered from an earlier result" if known else told.get("bottleneck") or "–"
        view.add_row(name, *cells, most)
    return view


def batch_sentences(results: Sequence[Result]) -> tuple[str, ...]:
    """Which file was the slowest in which stages, and which is the noisiest; nothing for fewer than two.

    A file that was answered from an earlier result computed nothing, and is left out.
    """
    told = [(result.folder.name, result.performance_metrics) for result in results]
    told = [
        (name, figures)
        for name, figures in told
        if figures.get("audio_duration") and not figures.get("known")
    ]
    if len(told) < 2:
        return ()
    costs = [(name, heard_s(figures), _compute_s(figures)) for name, figures in told]
    health = [(name, figures.get("health", {})) for name, figures in told]
    return sentences([name for name, _ in told], [*slowest(costs), *noisiest(health)])


def _compute_s(figures: dict[str, Any]) -> dict[str, float]:
    return {name: stage["feed"]["total_s"] for name, stage in figures["stages"].items() if stage["items"]}
