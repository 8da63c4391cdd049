"""Plots by matplotlib, drawn in the colours of the page that they stand in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from sinks.report.svg import inline
from sinks.report.timeline import clock, ticks
from sinks.report.windows import Stretch
from stream_engine.clock import RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Paint = Callable[[str], str]  # the name of a colour -> what stands for it in the page
_PANELS = (
    ("wpm", "words a minute of speech", "s0"),
    ("loudness_dbfs", "loudness, dBFS", "s2"),
    ("density", "share of time with speech", "s5"),
    ("arousal", "arousal", "s7"),
)


def over_time(found: Sequence[Stretch], duration: int, paint: Paint) -> Markup | None:
    """Pace, loudness, speech and (where a model heard it) arousal along the session; None: nothing known."""
    panels = [panel for panel in _PANELS if any(getattr(one, panel[0]) is not None for one in found)]
    if not found or not panels:
        return None
    figure, axes = _panels(len(panels))
    edges = [found[0].start_s, *(one.end_s for one in found)]
    for axis, (name, title, colour) in zip(axes, panels, strict=True):
        values = [getattr(one, name) for one in found]
        heights = [float("nan") if value is None else value for value in values]
        known = [value for value in values if value is not None]
        floor = min(known) - 2 if min(known) < 0 else 0.0
        axis.stairs(heights, edges, baseline=floor, fill=True, color=_STAND_INS[colour], alpha=0.25)
        axis.stairs(heights, edges, baseline=None, color=_STAND_INS[colour], linewidth=1.6)
        axis.set_title(title, loc="left", fontsize=10, color=_STAND_INS["ink"])
        axis.set_ylim(bottom=floor, top=1 if name == "density" else None)
        axis.locator_params(axis="y", nbins=3)
    whole_s = duration / RATE
    axes[-1].set_xlim(0, max(whole_s, edges[-1]))
    places = [x * whole_s / 1000 for x, _ in ticks(duration)]
    axes[-1].set_xticks(places, [clock(round(place)) for place in places])
    return inline(figure, {stand_in: paint(name) for name, stand_in in _STAND_INS.items()}, "pace")


def latency_parts(parts: Mapping[str, float], paint: Paint) -> Markup | None:
    """How the seconds between a word and its text add up, as one bar; None: nothing took any time."""
    shown = [(name, seconds) for name, seconds in parts.items() if seconds > 0]
    if not shown:
        return None
    figure, (axis,) = _panels(1, height=1.25)
    left = 0.0
    for place, (name, seconds) in enumerate(shown):
        colour = _STAND_INS[f"s{place % 8}"]
        axis.barh(0, seconds, left=left, color=colour, label=f"{name} {seconds:.2f} s", height=0.7)
        left += seconds
    axis.set_xlim(0, left)
    axis.set_yticks([])
    axis.set_xlabel("seconds", fontsize=9, color=_STAND_INS["faint"])
    axis.legend(
        loc="lower left", bbox_to_anchor=(0, 1), ncols=4, frameon=False, fontsize=9,
        labelcolor=_STAND_INS["ink"], borderaxespad=0, handlelength=1, columnspacing=1.4,
    )  # fmt: skip
    return inline(figure, {stand_in: paint(name) for name, stand_in in _STAND_INS.items()}, "parts")


_STAND_INS = {
    name: f"#0102{place:02x}"
    for place, name in enumerate(("ink", "faint", "line", *(f"s{number}" for number in range(8))), start=16)
}


def _panels(count: int, height: float = 1.15) -> tuple[Any, list[Axes]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.45 + height * count), layout="constrained")
    axes: list[Axes] = list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
    for axis in axes:
        for name, spine in axis.spines.items():
            spine.set_visible(name == "bottom")
            spine.set_color(_STAND_INS["line"])
        axis.tick_params(colors=_STAND_INS["faint"], labelsize=9, length=0)
        axis.grid(axis="y", color=_STAND_INS["line"], linewidth=0.6)
        axis.set_axisbelow(True)
        axis.patch.set_visible(False)
    figure.patch.set_visible(False)
    return figure, axes
