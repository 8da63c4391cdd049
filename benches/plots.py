"""The plots of RESULTS.md: costs against length, speakers, sessions and operators, from stored figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches.peers import plots as peers

Results = dict[str, Any]
Series = list[tuple[str, list[float], list[float]]]  # name, x, y


def draw(results: Results, folder: Path) -> list[tuple[str, str]]:
    """Writes an SVG for each plot whose figures are there; gives file names and what they show."""
    folder.mkdir(exist_ok=True)
    drawn: list[tuple[str, str]] = []
    for name, needs, title, across, up, series, logarithmic in PLOTS:
        if needs in results:
            found = series(results[needs]["figures"])
            _plot(folder / f"{name}.svg", title, across, up, found, logarithmic=logarithmic)
            drawn.append((f"{folder.name}/{name}.svg", title))
    if any("by_length" in found for found in results.get("peers", {}).get("figures", {}).values()):
        peers.draw(folder / "peers_over_length.svg", results["peers"]["figures"])
        drawn.append((f"{folder.name}/peers_over_length.svg", "Peers: memory and throughput against length"))
    return drawn


def _rows(key: str, across: str, **names: str) -> Callable[[Any], Series]:
    """Columns of a list of rows, by the name that they have in the legend."""

    def series(figures: Any) -> Series:
        rows = figures[key]
        return [
            (name.replace("_", " "), [row[across] for row in rows], [row[column] for row in rows])
            for name, column in names.items()
        ]

    return series


PLOTS = (
    (
        "memory_over_length",
        "endless",
        "A session's memory against its length (synthetic models)",
        "hours of audio",
        "RssAnon, MB",
        _rows("lengths", "hours", memory="memory_mb"),
        True,
    ),
    (
        "time_over_length",
        "endless",
        "Wall time for an hour of audio, against length (synthetic models)",
        "hours of audio",
        "s",
        _rows("lengths", "hours", time="wall_s_per_hour"),
        True,
    ),
    (
        "figures_over_turns",
        "conversation",
        "Overlap, conversation and roll-ups: cost of a turn",
        "turns",
        "µs",
        _rows("scaling", "turns", cost_of_a_turn="us_per_turn"),
        True,
    ),
    (
        "analytics_over_length",
        "analytics",
        "All analytics on one core",
        "minutes of audio",
        "× real time",
        _rows("lengths", "minutes", speed="times_real_time"),
        False,
    ),
    (
        "lag_over_sessions",
        "simultaneous",
        "Live sessions at a time: final text after what was said",
        "sessions",
        "s",
        _rows("rows", "sessions", p50="lag_p50_s", p95="lag_p95_s", p99="lag_p99_s"),
        False,
    ),
    (
        "cost_over_operators",
        "costs",
        "A chunk of 20 ms through no-op operators",
        "operators",
        "CPU µs",
        _rows("operators", "operators", cost_of_a_chunk="us_per_chunk"),
        False,
    ),
    (
        "cost_over_sessions",
        "costs",
        "A chunk of 20 ms through 4 operators, by sessions at once",
        "sessions",
        "CPU µs",
        _rows("sessions", "sessions", cost_of_a_chunk="us_per_chunk"),
        False,
    ),
    (
        "cost_over_speakers",
        "costs",
        "Without models: cost of a second of talk, by voices",
        "voices",
        "CPU ms",
        _rows("speakers", "voices", diarizer="diarizer_ms_per_s", figures="figures_ms_per_s"),
        False,
    ),
)


def _plot(path: Path, title: str, across: str, up: str, found: Series, *, logarithmic: bool) -> None:
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": "stream-engine", "svg.fonttype": "none"}):
        figure = Figure(figsize=(5.2, 2.8), layout="constrained")
        axis = figure.subplots()
        for name, x, y in found:
            axis.plot(x, y, marker="o", label=name, clip_on=False)
        most = max(max(y) for _, _, y in found)
        axis.set(title=title, xlabel=across, ylabel=up, ylim=(0, 1.1 * most))
        axis.title.set_fontsize(10)
        axis.grid(alpha=0.3)
        if logarithmic:
            axis.set_xscale("log")
        axis.set_xticks(found[0][1], [f"{at:,.0f}" if at > 99 else f"{at:.2g}" for at in found[0][1]])
        axis.minorticks_off()
        if len(found) > 1:
            axis.legend()
        FigureCanvasSVG(figure).print_svg(str(path), metadata={"Date": None})
