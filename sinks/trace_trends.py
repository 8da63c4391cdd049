"""Several runs beside each other: a table over files, and what is peculiar to each of them.

A file is compared with the median of all: of three or more, so that the median is not the file itself. Of two
the one is compared with the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from statistics import median

from rich.table import Table
from rich.text import Text

from sinks.inert_text import plain
from sinks.trace_diff import LEAST_COST, LEAST_LAG_S, LEAST_MB, cost, diff_sentences, shares
from sinks.trace_files import Figures, Named, computed, heard_s

PECULIAR = 1.5  # times the median, or 1 / 1.5
NAME = 12  # letters of a file's name in a line, at least
STAGE = 12  # of a stage's name above its column, at most
COLUMNS = 4  # stages that get a column: those that cost most over all files


def trends_table(runs: list[Named]) -> Table:
    """A row a file, in the order given; of the stages that cost most what they cost."""
    view = Table(title="cost: s of compute for a second of audio", title_justify="left")
    view.box, view.pad_edge = None, False
    view.add_column("file", overflow="fold", min_width=NAME)
    view.add_column("audio", justify="right", no_wrap=True)
    view.add_column("× live", justify="right", no_wrap=True)
    view.add_column("bottleneck", overflow="fold", max_width=STAGE + NAME)
    stages = _costliest(runs)
    for name in stages:
        view.add_column(Text(plain(name)), justify="right", overflow="fold", max_width=STAGE)
    view.add_column("lag p95", justify="right", no_wrap=True)
    view.add_column("memory", justify="right", no_wrap=True)
    for name, figures in runs:
        if figures.get("known"):
            view.add_row(Text(plain(name)), _audio(figures), "", "answered from an earlier result")
            continue
        speed, busiest = figures["audio_seconds_per_second"], figures["bottleneck"]
        lag, peak = _lag(figures), _peak(figures)
        view.add_row(
            Text(plain(name)),
            _audio(figures),
            f"{speed:.1f}" if speed else "",
            Text(plain(f"{busiest} {shares(figures).get(busiest, 0.0):.0f} %")),
            *(f"{cost(figures, stage):.4f}" for stage in stages),
            f"{lag:.2f} s" if lag is not None else "",
            f"{peak:.0f} MB" if peak is not None else "",
        )
    return view


def peculiar(runs: list[Named]) -> list[str]:
    """What is so in one file and in most others is not; then what has grown from the first to the last."""
    if len(runs) == 2:
        return [f"{runs[0][0]} → {runs[1][0]}:", *diff_sentences(*runs)]
    if len(runs := computed(runs)) < 3:
        return ["fewer than three of them computed: there is nothing that is usual"]
    told = [line for name, figures in runs for line in _of_one(name, figures, runs)]
    return [*told, *_drift(runs)] or ["the files are alike: no stage costs half as much again as usual"]


def _of_one(name: str, figures: Figures, runs: list[Named]) -> Iterator[str]:
    usual, votes = Counter(figures["bottleneck"] for _, figures in runs).most_common(1)[0]
    if figures["bottleneck"] != usual and votes > len(runs) / 2:
        share = shares(figures).get(figures["bottleneck"], 0.0)
        yield f"{name}: the bottleneck is {figures['bottleneck']} ({share:.0f} %), of the others {usual}"
    unusual: list[tuple[float, str]] = []
    for stage in dict.fromkeys(stage for _, each in runs for stage in each["stages"]):
        own, middle = cost(figures, stage), median(cost(each, stage) for _, each in runs)
        if _far(own, middle, LEAST_COST):
            often = _rates(figures, stage, runs)
            told = f"{name}: {stage} costs {_against(own, middle)}: {own:.4f} against {middle:.4f}{often}"
            unusual.append((abs(own - middle), told))
    yield from (told for _, told in sorted(unusual, reverse=True))
    for figure, least, what, unit in (
        (_lag, LEAST_LAG_S, "lag (p95)", "s"),
        (_peak, LEAST_MB, "memory", "MB"),
    ):
        known = [value for _, each in runs if (value := figure(each)) is not None]
        own = figure(figures)
        if own is not None and len(known) > 2 and _far(own, median(known), least):
            yield f"{name}: {what} {own:.1f} {unit} against {median(known):.1f} {unit}"


def _rates(figures: Figures, stage: str, runs: list[Named]) -> str:
    """Whether it is more items or slower ones."""

    def rate(each: Figures) -> float:
        found = each["stages"].get(stage)
        whole = heard_s(each)
        return found["items"] / whole if found and whole else 0.0

    own, middle = rate(figures), median(rate(each) for _, each in runs)
    return f" ({own:.2f} items a second against {middle:.2f})" if _far(own, middle, 0.01) else ""


def _drift(runs: list[Named]) -> Iterator[str]:
    """Memory that each file finds and leaves larger than the one before: runs of one process leak."""
    peaks = [peak for _, figures in runs if (peak := _peak(figures)) is not None]
    starts = [figures["memory"]["start_mb"] for _, figures in runs if "start_mb" in figures.get("memory", {})]
    grows = all(later > before for found in (peaks, starts) for before, later in pairwise(found))
    if (
        len(starts) == len(peaks) == len(runs) > 2
        and grows
        and peaks[-1] - peaks[0] > LEAST_MB * (len(runs) - 1)
    ):
        yield f"memory grows from file to file: {peaks[0]:.0f} → {peaks[-1]:.0f} MB"


def _audio(figures: Figures) -> str:
    return f"{figures['audio_duration']:.0f} s" if figures["audio_duration"] else ""


def _costliest(runs: list[Named]) -> list[str]:
    runs = computed(runs)
    names = dict.fromkeys(stage for _, figures in runs for stage in figures["stages"])
    return sorted(names, key=lambda stage: -sum(cost(figures, stage) for _, figures in runs))[:COLUMNS]


def _lag(figures: Figures) -> float | None:
    lag = figures["lag"].get("final segment")
    return lag["p95_ms"] / 1000 if lag and figures.get("paced") else None


def _peak(figures: Figures) -> float | None:
    return figures.get("memory", {}).get("peak_mb")


def _far(own: float, middle: float, least: float) -> bool:
    apart = own > PECULIAR * middle or own < middle / PECULIAR
    return apart and abs(own - middle) > least


def _against(own: float, middle: float) -> str:
    if not middle:
        return "something in this file only"
    if not own:
        return "nothing"
    return f"{own / middle:.1f} × the median" if own > middle else f"{own / middle:.0%} of the median"
