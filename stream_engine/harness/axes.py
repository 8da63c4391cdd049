"""Empty plots in the colours of the page: stand-ins that the page's own replace."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own annotations are partly unknown)

from __future__ import annotations

from typing import TYPE_CHECKING

from sinks.report.svg import figure_class

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_NAMES = ("ink", "faint", "line", *(f"s{number}" for number in range(10)))
STAND_IN = {name: f"#0102{place:02x}" for place, name in enumerate(_NAMES, start=16)}
IN_PAGE = {stand_in: f"var(--{name})" for name, stand_in in STAND_IN.items()}


def titled(axis: Axes, below: str, *, legend: bool, title: str = "") -> None:
    axis.set_xlabel(below, fontsize=9, color=STAND_IN["faint"])
    if title:
        axis.set_title(title, loc="left", fontsize=10, color=STAND_IN["ink"])
    if legend:
        place = "upper right" if title else "lower left"
        anchor = (1, 1.25) if title else (0, 1)
        axis.legend(
            loc=place,
            bbox_to_anchor=anchor,
            ncols=7,
            frameon=False,
            fontsize=9,
            labelcolor=STAND_IN["ink"],
            borderaxespad=0,
            handlelength=1,
        )


def axes_of(count: int, height: float) -> tuple[Figure, list[Axes]]:
    figure = figure_class()(figsize=(10, 0.6 + height * count), layout="constrained")
    axes: list[Axes] = list(figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0])
    for axis in axes:
        for name, spine in axis.spines.items():
            spine.set_visible(name == "bottom")
            spine.set_color(STAND_IN["line"])
        axis.tick_params(colors=STAND_IN["faint"], labelsize=9, length=0)
        axis.grid(color=STAND_IN["line"], linewidth=0.6)
        axis.set_axisbelow(True)
        axis.patch.set_visible(False)
    figure.patch.set_visible(False)
    return figure, axes
