"""Two runs beside each other, a row a stage."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from sinks.inert_text import plain
from sinks.trace_diff import LEAST_COST, cost, differs, fed_alike, milliseconds, shares
from sinks.trace_files import Named, computed


def diff_table(first: Named, second: Named) -> Table:
    """A row for each stage that computes: cost, share, median and 95th percentile, before and after.

    Costs are set against each other only where both runs computed.
    """
    (one, before), (two, after) = first, second
    unit = "s of compute for a second of audio" if after["audio_duration"] else "share of the run"
    times = ("p50_ms", "p95_ms") if fed_alike(before, after) else ()
    what = f"{unit}, share of all compute{', ms an item' if times else ''}"
    view = Table(title=Text(plain(f"{one} → {two}: {what}")), title_justify="left")
    view.box, view.pad_edge, view.collapse_padding = None, False, True
    view.add_column("stage", overflow="fold")
    for name in ("cost", "share", *(key[:3] for key in times)):
        view.add_column(f"{name}\nbefore", justify="right", no_wrap=True)
        view.add_column("\nafter", justify="right", no_wrap=True)
        if name == "cost":
            view.add_column("\n×", justify="right", no_wrap=True)
    both = len(computed([first, second])) == 2
    old, new = shares(before), shares(after)
    names = list(dict.fromkeys([*after["stages"], *before["stages"]]))
    names = [name for name in names if max(cost(before, name), cost(after, name)) >= LEAST_COST / 10]
    for name in sorted(names, key=lambda name: -max(cost(before, name), cost(after, name))):
        pair = cost(before, name), cost(after, name)
        marked = "bold" if both and differs(*pair, LEAST_COST) else ""
        times_more = f"{pair[1] / pair[0]:.2f}" if pair[0] else "new"
        view.add_row(
            Text(plain(name)),
            f"{pair[0]:.4f}",
            f"{pair[1]:.4f}",
            times_more if both else "",
            f"{old.get(name, 0):.0f} %",
            f"{new.get(name, 0):.0f} %",
            *(f"{milliseconds(figures, name, key):.2f}" for key in times for figures in (before, after)),
            style=marked,
        )
    return view
