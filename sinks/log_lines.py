"""The few fields of each line of a log that its index needs; the parser skips the rest.

A kind that others extend stands for the plainest of them: a gap is an interval, an overlap an event.
"""

from __future__ import annotations

import msgspec


class Line(msgspec.Struct, tag_field="type", gc=False):
    pass


class IntervalLine(Line, tag="gap"):
    start: float  # seconds
    end: float


class EventLine(IntervalLine, tag="overlap"):
    id: int


class HeardLine(EventLine, tag="sound_event"):
    pass


class SoundsLine(EventLine, tag="sounds"):
    of: str


class TurnLine(EventLine, tag="turn"):
    final: bool
    speaker: str | None


class SegmentLine(TurnLine, tag="segment"):
    pass


class InterruptionLine(EventLine, tag="interruption"):
    interrupter: str
    interrupted: str


class BackchannelLine(EventLine, tag="backchannel"):
    speaker: str
    to: str


class ProsodyLine(IntervalLine, tag="prosody"):
    segment: int


class AffectLine(ProsodyLine, tag="affect"):
    pass


class RelabelLine(Line, tag="relabel"):
    to: str
    turns: tuple[int, ...] = ()
    speaker: str | None = None


class EnvelopeLine(Line, tag="envelope"):
    pass


class StatisticsLine(Line, tag="statistics"):
    pass


class StartLine(Line, tag="session_start"):
    pass


class EndLine(Line, tag="session_end"):
    pass


class LanguageLine(Line, tag="language"):
    pass


class HypothesisLine(Line, tag="hypothesis"):
    pass


class RejectedLine(Line, tag="rejected"):
    pass


AnyLine = (
    IntervalLine
    | EventLine
    | HeardLine
    | SoundsLine
    | TurnLine
    | SegmentLine
    | InterruptionLine
    | BackchannelLine
    | ProsodyLine
    | AffectLine
    | RelabelLine
    | EnvelopeLine
    | StatisticsLine
    | StartLine
    | EndLine
    | LanguageLine
    | HypothesisLine
    | RejectedLine
)
decoder = msgspec.json.Decoder(AnyLine)
