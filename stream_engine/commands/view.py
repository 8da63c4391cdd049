"""What a person sees of a session that has ended."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sinks.documents import EVENTS
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.manifest import MANIFEST
from sinks.performance import told
from sinks.talk import talk_sentence, talk_table
from stream_engine.clock import RATE, timestamp
from stream_engine.inputs import Input
from stream_engine.logged import on_console
from stream_engine.session_folder import Result

OVERLAPS_SHOWN = 8


@dataclass(frozen=True)
class View:
    """Where a command talks to a person, if it may."""

    console: Console
    as_json: bool
    quiet: bool

    def say(self, *what: Any) -> None:
        if not self.quiet:
            self.console.print(*what, highlight=False, markup=False, soft_wrap=True)


def report(result: Result, view: View) -> None:
    """What a person wants to know at the end: overlaps, where the time went, where the files are."""
    if view.quiet:
        return
    log = LabelledLog(result.folder / EVENTS)
    overlaps = list(log.overlaps())
    speakers = sorted({turn.speaker for turn in log.turns() if turn.speaker})
    total = sum(overlap.end - overlap.start for overlap in overlaps) / RATE
    view.say()
    view.say(f"speakers: {len(speakers)}; overlaps: {len(overlaps)}, {total:.1f} s in all")
    for overlap in overlaps[:OVERLAPS_SHOWN]:
        times = f"{timestamp(overlap.start)} to {timestamp(overlap.end)}"
        view.say(f"  {times}  {' + '.join(map(plain, overlap.speakers))}")
    if len(overlaps) > OVERLAPS_SHOWN:
        view.say(f"  and {len(overlaps) - OVERLAPS_SHOWN} more")
    if (figures := log.statistics()) is not None and figures.speakers:
        view.say()
        view.say(talk_table(figures))
        view.say(talk_sentence(figures))
    if result.performance_metrics:
        view.say()
        for part in told(result.performance_metrics):
            view.say(part)
    if result.reports and not view.as_json:
        view.say()
        view.say(on_console(result))
        for kind, path in result.reports.items():
            view.say(f"performance report, {kind}: {plain(str(path))}")
    view.say()
    view.say(f"{len(result.paths)} files in {result.folder}; the others are in {MANIFEST} with the reason")


def summary(ended: Iterable[tuple[Input, Path, int]]) -> Table:
    """How each of several inputs ended."""
    table = Table(box=None, pad_edge=False)
    table.add_column("input")
    table.add_column("folder")
    table.add_column("exit code", justify="right")
    for source, folder, code in ended:
        table.add_row(Text(plain(source.shown)), Text(plain(str(folder))), str(code))
    return table
