"""report.html: one file that needs nothing else, not even scripts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.page_templates import environment, hashed
from sinks.report import plots
from sinks.report.lines import BLOCK, link_time, on_paper
from sinks.report.loudness import packed
from sinks.report.matter import Matter, file_name, gathered
from sinks.report.operators import resources, stages
from sinks.report.paint import palette
from sinks.report.picture import Picture, picture
from sinks.report.windows import Stretch, stretches
from sinks.whole_file import replacing
from sinks.word_latency import word_latency
from stream_engine.clock import MILLISECOND, RATE, timestamp

ON_PAPER = 1500  # lines of a transcript: some 30 pages; weasyprint takes 40 KB and 2 ms for each


def write_report(log: LabelledLog, out: Path) -> None:
    """The session as a page: who talked, a timeline, moments to look at, the whole transcript, latency.

    It holds no link to anything outside, and forbids itself to load any. The same log (and performance.json
    beside it) gives the same bytes.
    """
    with replacing(out) as file:
        file.writelines(pieces(gathered(log)))


def pieces(matter: Matter, *, still: bool = False) -> Iterator[str]:
    """The page in pieces; `still`: for paper, in fixed colours and without scripts."""
    moments, shown, reach = matter.moments.groups(), matter.lines.blocks, None
    if still:
        wanted = {matter.lines.nearest(moment.at) for _, found in moments for moment in found}
        shown = [on_paper(block, wanted) for block in shown[: ON_PAPER // BLOCK]]
        reach = matter.lines.begins(len(shown))
    found = stretches(matter.statistics.windows if matter.statistics else ())
    style, script = _style(len(matter.cast.names), still=still), "" if still else _script()
    yield from (
        _environment()
        .get_template("report.html.j2")
        .generate(
            matter=matter,
            moments=moments,
            blocks=shown,
            reach=reach,
            left_out=max(0, matter.lines.count - BLOCK * len(shown)),
            resources=resources(matter.performance),
            colours=palette(),
            name=plain(file_name(matter.source) or matter.source) or "session",
            still=still,
            style=style,
            script=script,
            policy=_policy(style, script),
            data=None if still else _data(matter),
            picture=_picture(matter),
            stretches=found if len(found) > 1 else (),
            over_time=_over_time(matter, found, _paint(still)),
            stages=stages(matter.performance),
            parts=(parts := word_latency(matter.performance)),
            latency=plots.latency_parts(parts, _paint(still)),
        )
    )


@cache
def _environment() -> Environment:
    return environment(
        clock=timestamp, link=link_time, seconds=_seconds, number=_number, percent=_percent, span=_span
    )


def _seconds(samples: int) -> float:
    return samples / RATE


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0%}"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{round(value, digits) + 0.0:,.{digits}f}"  # no minus before 0


def _span(seconds: float | None, digits: int = 1) -> str:
    """`1 h 02 min`, `3 min 20 s`, `12.5 s`."""
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.{digits}f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _over_time(matter: Matter, found: list[Stretch], paint: plots.Paint) -> Markup | None:
    if matter.passages:
        return plots.by_passage(matter.passages, matter.duration, paint)
    return plots.over_time(found, matter.duration, paint)


def _paint(still: bool) -> plots.Paint:
    colours = palette()

    def paint(name: str) -> str:
        return colours[name] if still else f"var(--{name})"

    return paint


def _style(speakers: int, *, still: bool) -> Markup:
    template = _environment().get_template("report.css.j2")
    return Markup(template.render(light=palette(), dark=palette(dark=True), speakers=speakers, still=still))


def _script() -> Markup:
    return Markup(_environment().get_template("report.js.j2").render())


def _policy(style: str, script: str) -> str:
    run = hashed(script) if script else "'none'"
    return (
        f"default-src 'none'; script-src {run}; style-src {hashed(style)}; img-src data:; "
        "media-src 'self' file: blob:; base-uri 'none'; form-action 'none'"
    )


def _data(matter: Matter) -> dict[str, Any]:
    """What the scripts draw from; times in milliseconds."""
    beside = matter.beside
    return {
        "duration": matter.duration // MILLISECOND,
        "file": file_name(matter.source),
        "names": matter.cast.names,
        "turns": [
            matter.turns[number].numbers() if number in matter.turns else []
            for number in range(len(matter.cast.names))
        ],
        "overlaps": beside.overlaps.numbers(),
        "interruptions": beside.interruptions.numbers(),
        "backchannels": beside.backchannels.numbers(),
        "sounds": beside.sounds.numbers(),
        "labels": beside.labels,
        "gaps": beside.gaps.numbers(),
        "envelope": packed(matter.level),
    }


def _picture(matter: Matter) -> Picture:
    beside = matter.beside
    return picture(
        duration=matter.duration,
        names=matter.cast.names,
        turns=matter.turns,
        level=matter.level,
        overlaps=beside.overlaps,
        sounds=beside.sounds,
        gaps=beside.gaps,
        interruptions=beside.interruptions.marks(),
        backchannels=beside.backchannels.marks(),
    )
