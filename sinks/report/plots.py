"""Plots by matplotlib, drawn in the colours of the page that they stand in."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own annotations are partly unknown)

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup

from sinks.report.passages import Passage
from sinks.report.picture import WIDTH, ticks
from sinks.report.svg import figure_class, inline
from sinks.report.windows import Stretch
from sinks.word_latency import Part
from stream_engine.clock import RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Paint = Callable[[str], str]  # the name of a colour -> what stands for it in the page
_PANELS = (
    ("wpm", "words a minute", "s0"),
    ("loudness_dbfs", "loudness, dBFS", "s2"),
    ("density", "share of time with speech", "s5"),
    ("arousal", "arousal", "s7"),
)
_SPEAKERS = 10
_STAND_INS = {
    name: f"#0102{place:02x}"
    for place, name in enumerate(
        ("ink", "faint", "line", *(f"s{number}" for number in range(_SPEAKERS))), start=16
    )
}


def over_time(found: Sequence[Stretch], duration: int, paint: Paint) -> Markup | None:
    """Pace, loudness, speech and (where a model heard it) arousal along the session; None: nothing known."""
    panels = [panel for panel in _PANELS if any(getattr(one, panel[0]) is not None for one in found)]
    if len(found) < 2 or not panels:
        return None
    figure, axes = _panels(len(panels))
    edges = [found[0].start_s, *(one.end_s for one in found)]
    for axis, (name, title, colour) in zip(axes, panels, strict=True):
        values: list[float | None] = [getattr(one, name) for one in found]
        heights = [float("nan") if value is None else value for value in values]
        known = [value for value in values if value is not None]
        floor = min(known) - 2 if min(known) < 0 else 0.0
        axis.stairs(heights, edges, baseline=floor, fill=True, color=_STAND_INS[colour], alpha=0.25)
        axis.stairs(heights, edges, baseline=None, color=_STAND_INS[colour], linewidth=1.6)
        axis.set_title(title, loc="left", fontsize=10, color=_STAND_INS["ink"])
        axis.set_ylim(bottom=floor, top=1 if name == "density" else None)
    _time_below(axes, max(duration / RATE, edges[-1]))
    return _drawn(figure, paint, "pace")


def by_passage(found: Sequence[Passage], duration: int, paint: Paint) -> Markup | None:
    """Pace and loudness of each line in its speaker's colour; None: nothing known."""
    panels = [panel for panel in _PANELS[:2] if any(getattr(one, panel[0]) is not None for one in found)]
    if not panels:
        return None
    figure, axes = _panels(len(panels), height=1.5)
    for axis, (name, title, _) in zip(axes, panels, strict=True):
        for number in range(_SPEAKERS):
            mine = [one for one in found if one.number % _SPEAKERS == number]
            known = [(getattr(one, name), one) for one in mine if getattr(one, name) is not None]
            axis.hlines(
                [value for value, _ in known],
                [one.start_s for _, one in known],
                [one.end_s for _, one in known],
                color=_STAND_INS[f"s{number}"],
                linewidth=4,
            )
        axis.set_title(title, loc="left", fontsize=10, color=_STAND_INS["ink"])
        axis.margins(y=0.2)
    _time_below(axes, duration / RATE)
    return _drawn(figure, paint, "pace")


def latency_parts(parts: Sequence[Part], paint: Paint) -> Markup | None:
    """How the seconds between a word and its text add up, as one bar; None: nothing took any time."""
    shown = [(one.name, one.mean_s) for one in parts if one.mean_s >= 0.005 and one.name != "total"]
    if not shown:
        return None
    figure, (axis,) = _panels(1, height=0.9)
    left = 0.0
    for place, (name, seconds) in enumerate(shown):
        colour = _STAND_INS[f"s{place % _SPEAKERS}"]
        axis.barh(0, seconds, left=left, color=colour, label=f"{name} {seconds:.2f} s", height=0.6)
        left += seconds
    axis.set_xlim(0, left)
    axis.set_yticks([])
    axis.set_xlabel("seconds, mean", fontsize=9, color=_STAND_INS["faint"])
    axis.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=4,
        frameon=False,
        fontsize=9,
        labelcolor=_STAND_INS["ink"],
        borderaxespad=0,
        handlelength=1,
        columnspacing=1.4,
    )
    return _drawn(figure, paint, "parts")


def _drawn(figure: Figure, paint: Paint, name: str) -> Markup:
    return inline(figure, {stand_in: paint(colour) for colour, stand_in in _STAND_INS.items()}, name)


def _time_below(axes: Sequence[Axes], whole_s: float) -> None:
    for axis in axes:
        axis.locator_params(axis="y", nbins=3)
    axes[-1].set_xlim(0, max(whole_s, 0.1))
    places = ticks(round(whole_s * RATE))
    axes[-1].set_xticks([x * whole_s / WIDTH for x, _ in places], [label for _, label in places])


def _panels(count: int, height: float = 1.15) -> tuple[Figure, list[Axes]]:
    figure = figure_class()(figsize=(10, 0.45 + height * count), layout="constrained")
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
