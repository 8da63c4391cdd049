"""What a person sees: plain lines in a pipe, a living picture on a terminal, silence when asked."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from sinks.console import ConsoleView
from stream_engine.clock import samples
from stream_engine.events import Hypothesis, Relabel, Segment, Turn


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def segment(id: int, start_s: float, speaker: str | None, text: str, *, final: bool = True) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=final,
        start=samples(start_s),
        end=samples(start_s + 1),
        speaker=speaker,
        text=text,
        words=None,
        turns=(id,),
    )


def view(*, terminal: bool, **options) -> tuple[ConsoleView, io.StringIO]:
    out = io.StringIO()
    console = Console(
        file=out, force_terminal=terminal, color_system="standard" if terminal else None, width=100, height=40
    )
    return ConsoleView(console=console, clock=Clock(), **options), out


def last_picture(out: io.StringIO) -> str:
    """What stands after the last time that the cursor went up, without colours."""
    frame = re.split("\x1b\\[2K", out.getvalue())[-1]
    return re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", frame).replace("\r", "")


def test_a_pipe_gets_one_plain_line_for_each_final_segment_and_for_each_correction():
    shown, out = view(terminal=False)
    shown.write(segment(1, 12.3, "SPEAKER_00", "hello"))
    shown.write(segment(2, 14, "SPEAKER_01", "not yet", final=False))
    shown.write(Relabel(to="SPEAKER_05", as_of=0, speaker="SPEAKER_00"))
    shown.write(Turn(id=1, revision=0, final=True, start=0, end=16, speaker="SPEAKER_00"))
    shown.write(segment(3, 3600, None, "a line as long as it has to be " * 9))
    shown.progress(samples(3), {"diarize": 2})
    shown.commit()
    long = "a line as long as it has to be " * 9
    corrected = "00:12.3  SPEAKER_05  hello  (was SPEAKER_00)\n"
    assert out.getvalue() == f"00:12.3  SPEAKER_00  hello\n{corrected}1:00:00.0  {long.strip()}\n"


@pytest.mark.parametrize("terminal", [True, False])
def test_quiet_shows_nothing(terminal):
    shown, out = view(terminal=terminal, quiet=True)
    shown.write(segment(1, 0, "SPEAKER_00", "hello"))
    shown.progress(samples(3), {"diarize": 2})
    shown.commit()
    assert out.getvalue() == ""


def test_a_terminal_shows_position_speed_time_left_and_queues():
    shown, out = view(terminal=True, duration_s=100)
    shown.progress(samples(10), {"diarize": 2, "recognise": 0})
    # one second passed by the clock since the view was made
    assert last_picture(out) == "00:10.0 of 01:40.0  ·  10.0× real time  ·  00:09.0 left  ·  diarize 2"
    shown.discard()


def test_without_a_known_duration_no_time_left_is_invented():
    shown, out = view(terminal=True)
    shown.progress(samples(5), {})
    assert last_picture(out) == "00:05.0  ·  5.0× real time"
    shown.commit()


def test_a_relabel_repaints_the_lines_in_sight():
    shown, out = view(terminal=True)
    shown.write(segment(1, 0, "SPEAKER_02", "one"))
    shown.write(segment(2, 1, "SPEAKER_02", "two"))
    assert out.getvalue().count("SPEAKER_02") > 0
    shown.write(Relabel(to="SPEAKER_00", as_of=0, speaker="SPEAKER_02"))
    shown.write(Relabel(to="SPEAKER_01", as_of=0, turns=(2,)))
    shown.commit()
    assert last_picture(out) == "00:00.0  SPEAKER_00  one\n00:01.0  SPEAKER_01  two\n"


def test_each_speaker_keeps_a_colour():
    shown, out = view(terminal=True)
    for i in range(4):
        shown.write(segment(i, i, f"SPEAKER_{i % 2:02d}", "text"))
    shown.commit()
    colours = {
        who: set(re.findall(f"\x1b\\[(\\d+)m{who}", out.getvalue())) for who in ("SPEAKER_00", "SPEAKER_01")
    }
    assert all(len(found) == 1 for found in colours.values())
    assert colours["SPEAKER_00"] != colours["SPEAKER_01"]


def test_every_line_stays_on_the_screen_once():
    shown, out = view(terminal=True)
    for i in range(30):
        shown.write(segment(i, i, "SPEAKER_00", f"text {i};"))
    shown.commit()
    screen: list[str] = []
    for part in re.split("(\n|\x1b\\[1A|\r|\x1b\\[2K)", re.sub("\x1b\\[\\d*m", "", out.getvalue())):
        # a screen of lines: a newline goes down, 1A up, 2K clears
        if not screen:
            screen, row = [""], 0
        if part == "\n":
            row += 1
            screen += [""] * (row + 1 - len(screen))
        elif part == "\x1b[1A":
            row -= 1
        elif part == "\x1b[2K":
            screen[row] = ""
        elif part != "\r":
            screen[row] += part
    assert [line.split("  ")[-1] for line in screen if "text" in line] == [f"text {i};" for i in range(30)]


def test_open_text_is_shown_until_it_is_final():
    shown, out = view(terminal=True)
    shown.write(Hypothesis(id=1, revision=0, start=0, end=16_000, speaker=None, text="maybe th"))
    assert "maybe th" in last_picture(out)
    shown.write(segment(1, 0, "SPEAKER_00", "maybe this"))
    assert last_picture(out).count("maybe") == 1
    shown.discard()


@pytest.mark.parametrize("terminal", [True, False])
def test_the_transcript_gives_no_orders_to_the_terminal(terminal):
    shown, out = view(terminal=terminal)
    shown.write(segment(1, 0, "A\x1b[5mB", "[bold]x[/] :smile: \x1b[2J\x1b]0;owned\x07 \x9b31m c\r\nd"))
    shown.commit()
    written = last_picture(out) if terminal else out.getvalue()
    assert written == "00:00.0  AB  [bold]x[/] :smile: c d\n"
    assert "\x1b[2J" not in out.getvalue()
    assert "owned" not in out.getvalue()


def test_silence_is_no_line():
    shown, out = view(terminal=False)
    shown.write(segment(1, 0, "SPEAKER_00", " \n"))
    shown.commit()
    assert out.getvalue() == ""
