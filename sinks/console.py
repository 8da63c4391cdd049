"""What a person sees while a session runs.

On a terminal the newest lines of the transcript, each in its speaker's colour, stand above a line of
progress; a relabel repaints those still in sight. Elsewhere: one plain line for each final segment, and one
for each of the newest segments whose speaker turns out to be another.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from sinks.inert_text import plain
from stream_engine.clock import RATE, timestamp
from stream_engine.events import Event, Hypothesis, Relabel, Segment, Turn

_COLOURS = (
    "cyan",
    "green",
    "magenta",
    "yellow",
    "blue",
    "red",
    "bright_cyan",
    "bright_green",
    "bright_magenta",
)
_IN_SIGHT = 10  # lines that can still be repainted
_CORRECTABLE = 100  # turns and plain lines whose speaker is followed
_FRAME_S = 0.1


class ConsoleView:
    """A sink of events for `console`; `progress` is told how far the session is.

    With `quiet` it shows nothing. `clock` gives seconds.
    """

    def __init__(
        self,
        *,
        console: Console,
        quiet: bool = False,
        duration_s: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._console = console
        self._quiet = quiet
        self._duration_s = duration_s
        self._clock = clock
        self._began = self._painted = clock()
        self._lines: deque[Segment] = deque()  # on a terminal, not yet scrolled away
        self._turns: dict[int, Turn] = {}  # the newest, under their last labels
        self._printed: deque[Segment] = deque(maxlen=_CORRECTABLE)  # elsewhere, as last shown
        self._open: Hypothesis | Segment | None = None
        self._status = Text()
        self._colours: dict[str, str] = {}
        self._live: Live | None = None
        if console.is_terminal and not quiet:
            # errors on stderr stay there, whoever reads standard output
            self._live = Live(console=console, auto_refresh=False, transient=True, redirect_stderr=False)
            self._live.start()

    def write(self, item: Event, /) -> None:
        if self._quiet:
            return
        match item:
            case Turn(final=True):
                self._turns[item.id] = item
                if len(self._turns) > _CORRECTABLE:
                    del self._turns[next(iter(self._turns))]
                return
            case Segment(final=True):
                self._said(self._labelled(item))
            case Segment() | Hypothesis():
                self._open = item
            case Relabel():
                self._corrected(item)
            case _:
                return
        self._paint()

    def progress(self, position: int, queue_depths: Mapping[str, int]) -> None:
        """`position`: samples heard so far; `queue_depths`: items waiting, by stage."""
        if self._live is None:
            return
        passed_s, heard_s = self._clock() - self._began, position / RATE
        speed = heard_s / passed_s if passed_s > 0 else 0.0
        parts = [timestamp(position)]
        if self._duration_s:
            parts[0] += f" of {timestamp(round(self._duration_s * RATE))}"
        parts.append(f"{speed:.1f}× real time")
        if self._duration_s and speed > 0:
            left_s = max(0.0, self._duration_s - heard_s) / speed
            parts.append(f"{timestamp(round(left_s * RATE))} left")
        parts += [f"{stage} {depth}" for stage, depth in queue_depths.items() if depth]
        self._status = Text("  ·  ".join(parts), style="dim", no_wrap=True, overflow="ellipsis")
        self._paint()

    def commit(self) -> None:
        self._stop()

    def discard(self) -> None:
        self._stop()

    def _said(self, segment: Segment) -> None:
        if self._open is not None and self._open.start < segment.end:
            self._open = None
        if not plain(segment.text):
            return
        if self._live is None:
            self._printed.append(segment)
            self._print(segment)
            return
        self._lines.append(segment)
        if len(self._lines) > _IN_SIGHT:
            self._print(self._lines.popleft())

    def _labelled(self, segment: Segment) -> Segment:
        """The segment under the label that holds most of the time of its turns now."""
        shares: dict[str | None, int] = {}
        for turn in (self._turns[turn] for turn in segment.turns if turn in self._turns):
            shares[turn.speaker] = shares.get(turn.speaker, 0) + turn.end - turn.start
        if not shares:
            return segment
        return msgspec.structs.replace(segment, speaker=max(shares, key=lambda name: shares[name]))

    def _corrected(self, relabel: Relabel) -> None:
        for identity, turn in self._turns.items():
            if identity in relabel.turns or turn.speaker == relabel.speaker is not None:
                self._turns[identity] = msgspec.structs.replace(turn, speaker=relabel.to)
        self._lines = deque(self._labelled(_relabelled(line, relabel)) for line in self._lines)
        for index, line in enumerate(self._printed):
            corrected = self._labelled(_relabelled(line, relabel))
            if corrected.speaker != line.speaker:
                self._printed[index] = corrected
                self._print(corrected, suffix=f"  (was {line.speaker})")

    def _paint(self) -> None:
        now = self._clock()
        if self._live is None or now - self._painted < _FRAME_S:
            return
        self._painted = now
        lines = [self._line(segment) for segment in self._lines]
        if self._open is not None:
            lines.append(Text(plain(self._open.text), style="dim italic", no_wrap=True, overflow="ellipsis"))
        self._live.update(Group(*lines, self._status), refresh=True)

    def _print(self, segment: Segment, suffix: str = "") -> None:
        line = self._line(segment)
        line.append(suffix, style="dim")
        self._console.print(line, soft_wrap=True, highlight=False)

    def _line(self, segment: Segment) -> Text:
        """The words as they are: nothing in them is markup, emoji code or escape sequence."""
        line = Text(f"{timestamp(segment.start)}  ")
        if segment.speaker:
            line.append(f"{plain(segment.speaker)}  ", style=self._colour(segment.speaker))
        line.append(plain(segment.text))
        return line

    def _colour(self, speaker: str) -> str:
        return self._colours.setdefault(speaker, _COLOURS[len(self._colours) % len(_COLOURS)])

    def _stop(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None
        while self._lines:
            self._print(self._lines.popleft())


def _relabelled(segment: Segment, relabel: Relabel) -> Segment:
    named = len(set(segment.turns) & set(relabel.turns))
    if segment.speaker == relabel.speaker is not None or 2 * named > len(segment.turns):
        return msgspec.structs.replace(segment, speaker=relabel.to)
    return segment
