"""The transcript as markup: whole, terse, in blocks that a browser lays out when they are looked at.

    <p id="t=723.4" class=s1><a href="#t=723.4">12:03.4</a> <b>SPEAKER_01</b> <bdi>what was said</bdi>

A line whose time is taken (two people begin at once) has no id. HTML closes a `p` by itself.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Container

from markupsafe import Markup, escape

from sinks.inert_text import plain
from sinks.labelled import Told
from sinks.report.people import Cast
from sinks.report.sound_names import sound_name
from stream_engine.clock import MILLISECOND, timestamp

BLOCK = 100  # lines


class Lines:
    """Takes segments in order of time."""

    def __init__(self, cast: Cast) -> None:
        self._cast = cast
        self._names: dict[int, Markup] = {}
        self._starts = array("q")  # samples, of lines with an id
        self._block: list[str] = []
        self._speaker = -1  # of the line before
        self._begins: list[int] = []  # samples, of blocks
        self.blocks: list[Markup] = []
        self.count = 0

    def add(self, told: Told, text: str, interrupted: list[str]) -> None:
        segment = told.segment
        if self._block and not self.count % BLOCK:
            self.close()
        number = self._cast.number(segment.speaker)
        at, clock = link_time(segment.start), timestamp(segment.start)
        if not self._block:
            self._begins.append(segment.start)
            self._block.append(f"<div class=b><h3>{clock}</h3>")
            self._speaker = -1
        id = ""
        if not self._starts or segment.start > self._starts[-1]:
            self._starts.append(segment.start)
            id = f' id="t={at}"'
        name = "" if number == self._speaker else f"<b>{self._name(number)}</b> "
        self._speaker = number
        marks = [f"interrupts {plain(name)}" for name in interrupted]
        marks += [sound_name(one.label) for one in told.sounds.top] if told.sounds else []
        beside = f" <i>[{escape(', '.join(marks))}]</i>" if marks else ""
        self._block.append(
            f'<p{id} class=s{number}><a href="#t={at}">{clock}</a> {name}<bdi>{escape(text)}</bdi>{beside}\n'
        )
        self.count += 1

    def close(self) -> None:
        """Ends the block."""
        if self._block:
            self.blocks.append(Markup("".join(self._block) + "</div>\n"))
            self._block = []

    def begins(self, place: int) -> int | None:
        """Where the block at `place` begins; None: there are not so many."""
        return self._begins[place] if place < len(self._begins) else None

    def nearest(self, at: int) -> str:
        """The time of the last line that begins at `at` or before: a link that works without scripts."""
        place = bisect_right(self._starts, at)
        return link_time(self._starts[max(0, place - 1)]) if self._starts else link_time(at)

    def _name(self, number: int) -> Markup:
        if number not in self._names:
            self._names[number] = escape(self._cast.names[number])
        return self._names[number]


_ID = re.compile(r' id="t=([\d.]+)"')
_LINK = re.compile(r'<a href="#t=[\d.]+">([\d:.]+)</a> ')


def on_paper(block: Markup, wanted: Container[str]) -> Markup:
    """The block in as few boxes as can be, each of which costs weasyprint: no links to itself, the `wanted`
    times only as places to go to, a tab after the time, and no `bdi`, since it sets each text on its own."""
    placed = _ID.sub(lambda found: found[0] if found[1] in wanted else "", block)
    timed = _LINK.sub(r"<span>\1\t</span>", placed)
    return Markup(timed.replace("<bdi>", "").replace("</bdi>", ""))


def link_time(samples: int) -> str:
    """Seconds as they stand in a link: as many decimals as needed, at most three."""
    whole, thousandths = divmod(samples // MILLISECOND, 1000)
    return f"{whole}.{thousandths:03d}".rstrip("0").rstrip(".")
