"""What both subtitle formats share: how times are written, and that nobody's words are taken for them."""

from __future__ import annotations

import re

from stream_engine.clock import MILLISECOND


def cue_times(start: int, end: int, point: str) -> tuple[str, str]:
    """`HH:MM:SS.mmm` of both ends, `point` before the milliseconds; a cue lasts a millisecond at least."""
    return cue_time(start, point), cue_time(max(end, start + MILLISECOND), point)


def cue_time(samples: int, point: str) -> str:
    """`HH:MM:SS.mmm`, as long as it needs to be from 100 hours on."""
    seconds, milliseconds = divmod(samples // MILLISECOND, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}{point}{milliseconds:03d}"


_TIME = re.compile(r"(?<=\d)(:\d{1,2})([.,])(?=\d)")
_LOOKALIKES = {".": "․", ",": "‚"}


def timeless(text: str) -> str:
    """`text` in which nothing reads as a time: to pysubs2 a line with two is a cue, even without an arrow."""
    if ":" not in text:
        return text
    return _TIME.sub(lambda found: found[1] + _LOOKALIKES[found[2]], text)
