"""The page's plots, by matplotlib, in the colours of the page."""

# pyright: reportUnknownMemberType=false
# (matplotlib's own annotations are partly unknown)

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup

from sinks.inert_text import plain
from sinks.report.svg import inline
from stream_engine.harness.axes import IN_PAGE, STAND_IN, axes_of, titled
from stream_engine.harness.columns import COLUMNS
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import Samples, pooled
from stream_engine.harness.one_run import PACED
from stream_engine.harness.results import Outcome, Results
from stream_engine.harness.scoring import PARTS

_RATES = ("wer", "cpwer", "tcpwer", "der", "jer")
_LATE = (
    ("interim", "interim"),
    ("confirmed", "confirmed"),
    ("word_shown", "word shown"),
    ("word_committed", "word committed"),
    ("correct_speaker", "correct speaker"),
)
MOST = 40  # recordings that one plot can name


class Plot(NamedTuple):
    """`says` what it shows; the tables have the numbers."""

    title: str
    says: str
    svg: Markup


def plots(results: Results) -> Iterator[Plot]:
    """Those that there is something for."""
    mode = PACED if PACED in results.modes else results.modes[0]
    outcomes = [one for one in results.outcomes if one.mode == mode and not one.failed]
    if (svg := _rates(outcomes)) is not None:
        yield Plot("Error rates by recording", f"a dot for each rate of each recording, {mode}", svg)
    if (svg := _latency(outcomes)) is not None:
        yield Plot("Latency", "share of texts, words and turns that came within so many seconds", svg)
    if (svg := _parts(outcomes)) is not None:
        whose = "word" if results.word_times else "text"
        says = f"mean seconds from the end of a {whose} until it is final, part by part"
        more = "" if results.word_times else "; this recogniser tells no times of the words in it"
        yield Plot(f"Where a {whose}'s latency comes from", says + more, svg)
    if (svg := _load(results.load)) is not None:
        yield Plot("Sessions at a time", "lag of final text, and audio seconds a second, by sessions", svg)


def _rates(outcomes: Sequence[Outcome]) -> Markup | None:
    columns = [column for column in COLUMNS if column.name in _RATES]
    values = {
        column: [pooled([one.values[column.of]], column.statistic) for one in outcomes] for column in columns
    }
    shown = {column: found for column, found in values.items() if any(one is not None for one in found)}
    if not shown or len(outcomes) > MOST:
        return None
    figure, (axis,) = axes_of(1, height=0.5 + 0.45 * len(outcomes))
    places = np.arange(len(outcomes))[::-1]
    for number, (column, found) in enumerate(shown.items()):
        beside = 0.17 * ((len(shown) - 1) / 2 - number)  # equal rates do not hide one another
        known = [
            (place + beside, 100 * one) for place, one in zip(places, found, strict=True) if one is not None
        ]
        axis.plot(
            [value for _, value in known],
            [place for place, _ in known],
            "o",
            color=STAND_IN[f"s{number}"],
            label=column.title.split(",")[0],
            alpha=0.85,
        )
    axis.set_yticks(places, [plain(one.recording)[:40] for one in outcomes])
    axis.set_ylim(-0.6, len(outcomes) - 0.4)
    axis.set_xlim(left=0)
    titled(axis, "%", legend=True)
    return inline(figure, IN_PAGE, "rates")


def _latency(outcomes: Sequence[Outcome]) -> Markup | None:
    figure, (axis,) = axes_of(1, height=2.6)
    lines = _late(outcomes)
    if not lines:
        return None
    for number, (ordered, titles) in enumerate(lines.items()):
        share = np.arange(1, len(ordered) + 1) / len(ordered)
        colour, title = STAND_IN[f"s{number}"], " = ".join(titles)
        axis.step(ordered, share, where="post", color=colour, label=title, linewidth=1.6)
    axis.set_ylim(0, 1)
    axis.set_xlim(left=0)
    titled(axis, "seconds", legend=True)
    return inline(figure, IN_PAGE, "latency")


def _late(outcomes: Sequence[Outcome]) -> dict[tuple[float, ...], list[str]]:
    """Ascending seconds, and what they are of: twins are one line."""
    lines: dict[tuple[float, ...], list[str]] = {}
    for name, title in _LATE:
        told = [one.values[name] for one in outcomes]
        found = sorted(value for one in told if isinstance(one, Samples) for value in one.values)
        if found:
            lines.setdefault(tuple(found), []).append(title)
    return lines


def _parts(outcomes: Sequence[Outcome]) -> Markup | None:
    means = [(part, pooled([one.values[f"word_{part}"] for one in outcomes], "ratio")) for part in PARTS[:-1]]
    shown = [(part, mean) for part, mean in means if mean is not None and mean >= 0.005]
    if not shown:
        return None
    figure, (axis,) = axes_of(1, height=0.9)
    left = 0.0
    for number, (part, mean) in enumerate(shown):
        label = f"{part} {mean:.2f} s"
        axis.barh(0, mean, left=left, color=STAND_IN[f"s{number}"], label=label, height=0.6)
        left += mean
    axis.set_xlim(0, left)
    axis.set_yticks([])
    titled(axis, "seconds, mean", legend=True)
    return inline(figure, IN_PAGE, "parts")


def _load(rows: Sequence[LoadRow]) -> Markup | None:
    if len({row.sessions for row in rows}) < 2:
        return None
    paced = [row for row in rows if row.lag]
    figure, axes = axes_of(2 if paced else 1, height=1.6)
    ticks = sorted({row.sessions for row in rows})
    if paced:
        for number, name in enumerate(("p50", "p95", "p99")):
            found = [row.lag[name] for row in paced if row.lag]
            colour = STAND_IN[f"s{number}"]
            axes[0].plot([row.sessions for row in paced], found, "o-", color=colour, label=name)
        axes[0].set_ylim(bottom=0)
        titled(axes[0], "", legend=True, title="lag of final text, seconds")
    for number, mode in enumerate(dict.fromkeys(row.mode for row in rows), start=3):
        mine = [row for row in rows if row.mode == mode and row.rtfx is not None]
        axes[-1].plot(
            [row.sessions for row in mine],
            [row.rtfx for row in mine if row.rtfx is not None],
            "o-",
            color=STAND_IN[f"s{number}"],
            label=mode,
        )
    axes[-1].set_ylim(bottom=0)
    axes[-1].set_xticks(ticks)
    titled(axes[-1], "sessions at a time", legend=True, title="RTFX")
    return inline(figure, IN_PAGE, "load")
