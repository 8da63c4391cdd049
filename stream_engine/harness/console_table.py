"""The tables of a bench on a console."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sinks.inert_text import plain
from stream_engine.harness.columns import BY_NAME, COLUMNS, Column, bare_errors, brief, figure, shown
from stream_engine.harness.known import UEM
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import Measured, pooled
from stream_engine.harness.results import FEW, Cell, Outcome, Results
from stream_engine.harness.unlike import is_told

BY_FILE = {
    "wer": "WER\n%",
    "cpwer": "cpWER\n%",
    "der": "DER\n%",
    "jer": "JER\n%",
    "confirmed_p95": "text\np95, s",
    "speaker_p50": "speaker\np50, s",
    "rtf": "RTF\n×",
}
TEXT_LATENCY = "text latency: this recogniser tells no times of words, so of each final text, from its end on"
SOME = "of so many: over these recordings only, the others have no such figure"
NO_UEM = "WER, cpWER and tcpWER are of whole recordings: they leave out nothing that the UEM does"
LAG = ("mean", "p50", "p90", "p95", "p99")


def tables(results: Results) -> Iterator[Any]:
    """The figures, the files, the load; then sentences. For 80 columns or more."""
    count = len({outcome.recording for outcome in results.outcomes})
    failed = len({outcome.recording for outcome in results.outcomes if outcome.failed})
    brackets = any(cell.low is not None for cell in results.table)
    yield Text(
        f"{plain(results.data_set)}: {count} recordings{f', {failed} failed' if failed else ''}"
        f"{'; in brackets: 95 % interval' if brackets else ''}"
    )
    yield _figures(results)
    yield from reasons(results)
    yield ""
    yield "by file"
    yield _files(results)
    if results.load:
        yield ""
        yield "sessions at a time: lag of final text (s), and RTFX: audio seconds a second"
        yield _load(results.load)
    for title, lines in (("peculiar to", results.peculiar), ("against the earlier bench", results.compared)):
        if lines:
            yield ""
            yield title
            yield from (Padding(Text(line), (0, 0, 0, 2)) for line in lines)


def cell_text(cell: Cell, column: Column, done: int) -> str:
    """`5.0 % (3.1 – 7.2)`; `5.0 % of 3` where more than three recordings are `done`."""
    if cell.value is None:
        return "–"
    text = shown(cell.value, column.unit)
    if cell.low is not None and cell.high is not None:
        text += f" ({figure(cell.low, column.unit)} – {figure(cell.high, column.unit)})"
    return text if cell.recordings == done else f"{text} of {cell.recordings}"


def reasons(results: Results) -> list[str]:
    """Why figures are missing, a sentence for each reason."""
    missing: dict[str, dict[str, list[str]]] = {}  # by reason and mode: titles
    for cell in results.table:
        column = BY_NAME[cell.figure]
        if cell.value is None and not (
            cell.mode == "unpaced" and "paced" in results.modes and column.paced_only
        ):
            modes = missing.setdefault(cell.reason or "", {})
            modes.setdefault(cell.mode, []).append(results.title(column))
    told: dict[tuple[str, str], list[str]] = {}  # by figures and reason: modes
    for why, modes in missing.items():
        for mode, titles in modes.items():
            told.setdefault(("; ".join(brief(titles)), why), []).append(mode)
    found = [f"– {titles} ({', '.join(modes)}): {plain(why)}" for (titles, why), modes in told.items()]
    if any(cell.reason == FEW for cell in results.table):
        found.append(f"no interval in brackets: {FEW.partition(':')[0]}")
    if any(cell.value is not None and cell.recordings < results.done(cell.mode) for cell in results.table):
        found.append(SOME)
    if any(UEM in one.digests and is_told(one.values["wer"]) for one in results.outcomes):
        found.append(NO_UEM)
    latencies = (cell for cell in results.table if cell.figure == "word_total")
    if not results.word_times and any(cell.value is not None for cell in latencies):
        found.append(TEXT_LATENCY)
    return found


def by_file_titles() -> list[str]:
    return list(BY_FILE.values())


def per_file(outcome: Outcome) -> list[str]:
    return [_of_file(outcome.values[BY_NAME[name].of], BY_NAME[name]) for name in BY_FILE]


def _of_file(found: Measured, column: Column) -> str:
    return bare_errors([found], column) or figure(pooled([found], column.statistic), column.unit)


def _figures(results: Results) -> Table:
    view = Table(box=None, pad_edge=False)
    view.add_column("figure", no_wrap=True)
    for mode in results.modes:
        view.add_column(f"{mode}{f' × {results.pace:g}' if mode == 'paced' else ''}", justify="right")
    for column in COLUMNS:
        cells = [results.cell(mode, column.name) for mode in results.modes]
        if any(cell.value is not None for cell in cells):
            view.add_row(
                results.title(column), *(cell_text(cell, column, results.done(cell.mode)) for cell in cells)
            )
    return view


def _files(results: Results) -> Table:
    view = Table(box=None, pad_edge=False)
    view.add_column("recording", overflow="fold", max_width=40)
    view.add_column("mode", no_wrap=True)
    for title in ("audio\ns", *by_file_titles()):
        view.add_column(title, justify="right", no_wrap=True)
    for outcome in results.outcomes:
        name, seconds = Text(plain(outcome.recording)), f"{outcome.audio_s:.1f}"
        cells = ["failed"] if outcome.failed else per_file(outcome)
        view.add_row(name, outcome.mode, seconds, *cells)
    return view


def _load(rows: tuple[LoadRow, ...]) -> Table:
    view = Table(box=None, pad_edge=False)
    for name in ("mode", "at a\ntime", *LAG, "RTFX", "cpu\n×", "memory\nMB", "failed"):
        view.add_column(name, justify="left" if name == "mode" else "right", no_wrap=True)
    for row in rows:
        lag = [f"{row.lag[name]:.2f}" if row.lag else "–" for name in LAG]
        rtfx = "–" if row.rtfx is None else f"{row.rtfx:.2f}"
        cpu = f"{row.cpu_s / row.audio_s:.2f}" if row.audio_s else "–"
        view.add_row(
            row.mode, str(row.sessions), *lag, rtfx, cpu, f"{row.rss_mb:,.0f}", str(row.failed or "")
        )
    return view
