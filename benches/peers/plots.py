"""Peak memory and throughput against length, ours and each peer's: one panel for each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benches.peers.rows import SIDES

MEASURES = (("anon_mb", "peak RssAnon, MB"), ("x_real_time", "× real time"))


def draw(path: Path, figures: dict[str, Any]) -> None:
    """An SVG of two rows of panels, a column for each peer that has figures."""
    import matplotlib as mpl
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    peers = {name: found["by_length"] for name, found in figures.items() if "by_length" in found}
    with mpl.rc_context({"svg.hashsalt": "stream-engine", "svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=(2.2 * len(peers), 4), layout="constrained")
        panels = figure.subplots(len(MEASURES), len(peers), squeeze=False)
        for column, (name, rows) in enumerate(peers.items()):
            for axis, (measure, up) in zip(panels[:, column], MEASURES, strict=True):
                for side in SIDES:
                    known = [row for row in rows if row[f"{side}_{measure}"] is not None]
                    minutes = [row["seconds"] / 60 for row in known]
                    axis.plot(minutes, [row[f"{side}_{measure}"] for row in known], marker="o", label=side)
                axis.set(xscale="log", ylim=(0, None))
                lengths = [row["seconds"] / 60 for row in rows]
                axis.set_xticks(lengths, [f"{length:.3g}" for length in lengths])
                axis.minorticks_off()
                axis.grid(alpha=0.3)
                if not column:
                    axis.set_ylabel(up)
            panels[0, column].set_title(name)
            panels[-1, column].set_xlabel("minutes of audio")
        panels[0, 0].legend()
        FigureCanvasSVG(figure).print_svg(str(path), metadata={"Date": None})
