"""What both subtitle formats share: cue times and line breaks."""

from __future__ import annotations

import textwrap

from stream_engine.clock import MILLISECOND

LINE = 42  # characters


def cue_times(start: int, end: int, point: str) -> tuple[str, str]:
    """`HH:MM:SS.mmm` of both ends, `point` before the milliseconds; a cue lasts a millisecond at least."""
    return _cue_time(start, point), _cue_time(max(end, start + MILLISECOND), point)


def _cue_time(samples: int, point: str) -> str:
    seconds, milliseconds = divmod(samples // MILLISECOND, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"


def broken(text: str) -> str:
    """`text` broken at spaces into lines of at most 42 characters, where its words allow."""
    return "\n".join(textwrap.wrap(text, LINE, break_long_words=False, break_on_hyphens=False))
