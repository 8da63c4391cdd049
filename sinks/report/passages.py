"""Pace and loudness line by line, for sessions that are too short for windows."""

from __future__ import annotations

from typing import NamedTuple

from sinks.labelled import Told
from stream_engine.clock import RATE

MOST = 200  # lines; sessions with more are told in windows


class Passage(NamedTuple):
    """How a line was said. None: it could not be measured."""

    start_s: float
    end_s: float
    number: int  # of the speaker
    wpm: float | None
    loudness_dbfs: float | None


def passage(told: Told, number: int) -> Passage:
    segment, prosody = told.segment, told.prosody
    return Passage(
        start_s=segment.start / RATE,
        end_s=segment.end / RATE,
        number=number,
        wpm=prosody.wpm if prosody else None,
        loudness_dbfs=prosody.loudness_dbfs if prosody else None,
    )
