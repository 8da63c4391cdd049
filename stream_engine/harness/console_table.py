"""The tables of a bench on a console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.table import Table
from rich.text import Text

from sinks.inert_text import plain
from stream_engine.harness.columns import BY_NAME, COLUMNS, Column, figure, shown
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import pooled
from stream_engine.harness.results import Cell, Outcome, Results

BY_FILE = ("wer", "cpwer", "der", "jer", "confirmed_p95", "speaker_p50", "rtf")
LAG = ("mean", "p50", "p90", "p95", "p99")


def tables(results: Results) -> Iterator[Any]:
    """The figures, the files, the load; then sentences."""
    yield _figures(results)
    yield from reasons(results)
    yield ""
    yield _files(results)
    if results.load:
        yield ""
        yield _load(results.load)
    for title, lines in (("peculiar to", results.peculiar), ("against the earlier bench", results.compared)):
        if lines:
            yield ""
            yield title
            yield from (Text(f"  {line}") for line in lines)


def cell_text(cell: Cell, column: Column) -> str:
    """`5.0 % (3.1 – 7.2)`"""
    if cell.value is None:
        return "–"
    text = shown(cell.value, column.unit)
    if cell.low is None or cell.high is None:
        return text
    low, high = (figure(bound, column.unit) for bound in (cell.low, cell.high))
    return f"{text} ({low} – {high})"


def reasons(results: Results) -> list[str]:
    """Why figures are missing, a sentence for each reason."""
    missing: dict[tuple[str, str], list[str]] = {}
    for cell in results.table:
        if cell.value is None and not (cell.mode == "unpaced" and "paced" in results.modes and _paced(cell)):
            missing.setdefault((cell.reason or "", cell.mode), []).append(cell.figure)
    return [f"– {', '.join(names)} ({mode}): {plain(why)}" for (why, mode), names in missing.items()]


def _paced(cell: Cell) -> bool:
    return BY_NAME[cell.figure].paced_only


def by_file_titles() -> list[str]:
    return [f"{name.replace('_', ' ')}, {BY_NAME[name].unit}" for name in BY_FILE]


def per_file(outcome: Outcome) -> list[str]:
    columns = [BY_NAME[name] for name in BY_FILE]
    return [figure(pooled([outcome.values[one.of]], one.statistic), one.unit) for one in columns]


def _figures(results: Results) -> Table:
    count = len(dict.fromkeys(outcome.recording for outcome in results.outcomes))
    title = f"{plain(results.data_set)}: {count} recordings; in brackets: 95 % interval"
    view = Table(title=title, title_justify="left", box=None, pad_edge=False)
    view.add_column("figure", no_wrap=True)
    for mode in results.modes:
        view.add_column(f"{mode}{f' × {results.pace:g}' if mode == 'paced' else ''}", justify="right")
    for column in COLUMNS:
        cells = [results.cell(mode, column.name) for mode in results.modes]
        if any(cell.value is not None for cell in cells):
            view.add_row(column.title, *(cell_text(cell, column) for cell in cells))
    return view


def _files(results: Results) -> Table:
    view = Table(title="by file", title_justify="left", box=None, pad_edge=False)
    view.add_column("recording", overflow="ellipsis", no_wrap=True, max_width=30)
    view.add_column("mode", no_wrap=True)
    for title in ("audio, s", *by_file_titles()):
        view.add_column(title, justify="right")
    for outcome in results.outcomes:
        name, seconds = Text(plain(outcome.recording)), f"{outcome.audio_s:.1f}"
        cells = ["failed"] if outcome.failed else per_file(outcome)
        view.add_row(name, outcome.mode, seconds, *cells)
    return view


def _load(rows: tuple[LoadRow, ...]) -> Table:
    title = "sessions at a time: lag of final text (s), and RTFX (audio seconds a second)"
    view = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in ("mode", "sessions", *LAG, "RTFX", "cpu, ×", "memory, MB", "failed"):
        view.add_column(name, justify="left" if name == "mode" else "right")
    for row in rows:
        lag = [f"{row.lag[name]:.2f}" if row.lag else "–" for name in LAG]
        rtfx = "–" if row.rtfx is None else f"{row.rtfx:.2f}"
        cpu = f"{row.cpu_s / row.audio_s:.2f}" if row.audio_s else "–"
        view.add_row(
            row.mode, str(row.sessions), *lag, rtfx, cpu, f"{row.rss_mb:,.0f}", str(row.failed or "")
        )
    return view
