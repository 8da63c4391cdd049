"""trace.html: a trace drawn by one file that needs nothing else, with what held the run up in words."""

from __future__ import annotations

import zlib
from base64 import b64encode
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from markupsafe import Markup
from numpy.typing import NDArray

from sinks.inert_text import plain
from sinks.page_templates import environment, hashed
from sinks.performance import sentences
from sinks.report.paint import palette
from sinks.trace_files import Figures, read_runs
from sinks.trace_lanes import Lane, Trace, read_trace
from sinks.trace_verdict import verdict
from sinks.whole_file import replacing
from stream_engine.errors import InputError, StorageError
from stream_engine.tracer import KEPT, SLOWEST

US = 1000  # ns


def write_trace_page(source: Path, out: Path | None = None) -> Path:
    """Draws a Chrome trace in JSON, or the trace.json in a session's folder; trace.html beside it by default.

    The same trace (and performance.json beside it) gives the same bytes. Returns where the page is.

    Raises:
        InputError: the file cannot be read, or is no trace.
        StorageError: the page cannot be written.
    """
    file = source / "trace.json" if source.is_dir() else source
    trace = read_trace(file)
    out = out or file.with_suffix(".html")
    text = "".join(_page(trace, file))
    try:
        with replacing(out) as page:
            page.write(text)
    except OSError as error:
        raise StorageError(f"{out}: {error.strerror or error}") from None
    return out


def _page(trace: Trace, file: Path) -> str:
    figures, lines = _run(file.parent / "performance.json")
    columns, directory = _packed(trace)
    style, script = _style(), Markup(_environment().get_template("trace.js.j2").render())
    slices = sum(len(row) for lane in trace.lanes for row in lane.rows)
    return (
        _environment()
        .get_template("trace.html.j2")
        .render(
            name=plain(file.absolute().parent.name) or "trace",
            facts=sentences(figures) if figures and figures["audio_duration"] else [],
            verdict=lines,
            slices=slices,
            lanes=len(trace.lanes),
            left_out=sorted(trace.left_out.items()),
            style=style,
            script=script,
            policy=f"default-src 'none'; script-src {hashed(script)}; style-src {hashed(style)}; "
            "img-src data:; base-uri 'none'; form-action 'none'",
            data=_data(trace, figures) | {"columns": directory},
            columns=columns,
        )
    )


def _run(file: Path) -> tuple[Figures | None, list[str]]:
    """The figures of the whole run beside the trace, and the verdict on them."""
    if not file.is_file():
        return None, []
    try:
        [(_, figures)] = read_runs([file])
    except InputError as error:
        return None, [str(error)]
    return figures, verdict(figures)


def _data(trace: Trace, figures: Figures | None) -> dict[str, Any]:
    stages: dict[str, Any] = figures["stages"] if figures else {}
    outer = set(trace.row_of.values())
    return {
        "timed": "text" if figures and figures.get("word_times") is False else "word",
        "kinds": [plain(kind) for kind in trace.kinds],
        "texts": trace.texts,
        "lanes": [
            {
                "name": plain(lane.name),
                "rows": [[len(row), (number, place) in outer] for place, row in enumerate(lane.rows)],
                "whole": _kept_from(trace, lane),
                "run": stages.get(lane.name),
            }
            for number, lane in enumerate(trace.lanes)
        ],
        "counters": [[plain(name), len(samples)] for name, samples in trace.counters.items()],
    }


def _kept_from(trace: Trace, lane: Lane) -> float:
    """Microseconds from which on a stage's slices are all there; of older ones only the slowest are."""
    fed = sorted(
        each.start for row in lane.rows for each in row if trace.kinds[each.kind] == "feed"
    )  # every item is fed
    return fed[SLOWEST] / US if len(fed) == KEPT + SLOWEST else 0.0


def _packed(trace: Trace) -> tuple[str, list[tuple[str, str, int]]]:
    """All numbers as columns, deflated; and name, type and length of each, the widest types first.

    A slice begins `gap` after the end of the one before in its row: mostly nought, which packs well.
    """
    rows = [row for lane in trace.lanes for row in lane.rows]
    slices = np.array([each[:3] + each[4:] for each in chain(*rows)], np.int64).reshape(-1, 4)
    before = np.concatenate([[0], slices[:-1, 1]])
    before[np.cumsum([0, *(len(row) for row in rows)])[:-1]] = 0
    samples = np.array(list(chain(*trace.counters.values())), np.float64).reshape(-1, 2)
    arrows = [
        (*trace.row_of[arrow.track], *trace.row_of[arrow.to_track], arrow.text) for arrow in trace.arrows
    ]
    ends = np.array([(arrow.at, arrow.until) for arrow in trace.arrows], np.float64).reshape(-1, 2)
    columns: dict[str, NDArray[Any]] = {
        "gap": (slices[:, 0] - before).astype("<f8"),
        "lasts": (slices[:, 1] - slices[:, 0]).astype("<f8"),
        "counted_at": samples[:, 0].astype("<f8"),
        "counted": samples[:, 1].astype("<f8"),
        "arrow_at": ends.ravel().astype("<f8"),
        "audio": np.array([each.audio_s for each in chain(*rows)], "<f4"),
        "text": slices[:, 3].astype("<u4"),
        "arrow": np.array(arrows, "<u4").ravel(),
        "kind": slices[:, 2].astype("<u4"),
    }
    directory = [(name, column.dtype.str[1:], len(column)) for name, column in columns.items()]
    raw = b"".join(column.tobytes() for column in columns.values())
    return b64encode(zlib.compress(raw, 6)).decode(), directory


@cache
def _environment() -> Environment:
    return environment()


def _style() -> Markup:
    light, dark = palette(), palette(dark=True)
    return Markup(_environment().get_template("trace.css.j2").render(light=light, dark=dark))
