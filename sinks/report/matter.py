"""What a report is about, gathered in one pass over a log."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec
import numpy as np
from numpy.typing import NDArray

from sinks.attention import warnings_of
from sinks.beside import Beside
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.report.intervals import Intervals
from sinks.report.lines import Lines
from sinks.report.loudness import envelope
from sinks.report.moments import Moments
from sinks.report.passages import MOST, Passage, passage
from sinks.report.people import Cast, Cell, Talker, matrix, talkers
from sinks.report.sound_names import sound_name
from stream_engine.events import Interruption, Overlap, Segment, SessionEnd, SessionStart, Statistics


class Marks(NamedTuple):
    """What happens beside the turns, for the timeline."""

    overlaps: Intervals
    interruptions: Intervals  # with: by, of, won
    backchannels: Intervals  # with: by, to
    sounds: Intervals  # with: the label
    gaps: Intervals
    labels: list[str]  # of sounds


class Matter(NamedTuple):
    """All that the templates show."""

    source: str
    start: SessionStart | None
    end: SessionEnd | None
    duration: int  # samples
    languages: list[str]
    statistics: Statistics | None
    warnings: list[str]
    cast: Cast
    talkers: list[Talker]
    matrix: list[list[Cell | None]]
    turns: dict[int, Intervals]  # by the speaker's number
    beside: Marks
    level: NDArray[np.uint8]
    lines: Lines
    words: int
    moments: Moments
    passages: list[Passage]  # of a short session
    performance: dict[str, Any]


_gathered: WeakKeyDictionary[LabelledLog, Matter] = WeakKeyDictionary()


def gathered(log: LabelledLog) -> Matter:
    """The matter of `log`, once for screen and paper."""
    if log not in _gathered:
        _gathered[log] = gather(log)
    return _gathered[log]


def gather(log: LabelledLog) -> Matter:
    """Reads the log once, and performance.json beside it where there is one."""
    cast, moments = Cast(), Moments()
    turns, speech, reach = _turns(log, cast, moments)
    interruptions = list(log.interruptions())
    begun = Beside(iter(interruptions))
    beside = _beside(log, cast, moments, interruptions)
    lines, words = Lines(cast), Counter[int]()
    passages: list[Passage] = []
    said: list[Segment] = []  # their bounds only, where no turns are known
    for told in log.told():
        text = plain(told.segment.text)
        reach = max(reach, told.segment.end)
        if text:
            lines.add(told, text, _interrupted(told.segment, begun))
            moments.said(told, text)
            number = cast.number(told.segment.speaker)
            words[number] += len(text.split())
            if lines.count <= MOST:
                passages.append(passage(told, number))
            if not speech:
                said.append(msgspec.structs.replace(told.segment, text="", words=None))
    lines.close()
    for segment in said:
        number = cast.number(segment.speaker)
        turns.setdefault(number, Intervals()).add(segment.start, segment.end)
        speech[number] += segment.end - segment.start
    end, statistics = log.session_end, log.statistics()
    duration = end.duration if end and end.duration else reach
    figures = log.path.parent / "performance.json"
    performance = msgspec.json.decode(figures.read_bytes(), type=dict[str, Any]) if figures.exists() else {}
    start = log.session_start
    return Matter(
        source=start.source if start else "",
        start=start,
        end=end,
        duration=duration,
        languages=list(dict.fromkeys(language.code for language in log.languages)),
        statistics=statistics,
        warnings=warnings_of(log, performance),
        cast=cast,
        talkers=talkers(cast, speech, words, statistics),
        matrix=matrix(cast, interruptions),
        turns=turns,
        beside=beside,
        level=envelope(log.envelopes(), duration),
        lines=lines,
        words=words.total(),
        moments=moments,
        passages=passages if lines.count <= MOST else [],
        performance=performance,
    )


def file_name(source: str) -> str | None:
    """The recording's name, where it has one of its own: no device, no URL, not stdin."""
    if source in ("", "-") or re.match(r"[a-z]{2,}:", source):
        return None
    return PurePath(source.replace("\\", "/")).name or None


def _interrupted(segment: Segment, near: Beside[Interruption]) -> list[str]:
    """Whom the speaker interrupts with this line."""
    mine = (one for one in near.during(segment) if one.interrupter == segment.speaker)
    return list(dict.fromkeys(one.interrupted for one in mine if one.start >= segment.start))


def _turns(log: LabelledLog, cast: Cast, moments: Moments) -> tuple[dict[int, Intervals], Counter[int], int]:
    turns: dict[int, Intervals] = {}
    speech, reach = Counter[int](), 0
    for turn in log.turns():
        number = cast.number(turn.speaker)
        turns.setdefault(number, Intervals()).add(turn.start, turn.end)
        speech[number] += turn.end - turn.start
        reach = max(reach, turn.end)
        moments.turn(turn.start, turn.end)
    return turns, speech, reach


def _beside(log: LabelledLog, cast: Cast, moments: Moments, interruptions: list[Interruption]) -> Marks:
    found = Marks(Intervals(), Intervals(3), Intervals(2), Intervals(1), Intervals(), [])
    for overlap in _merged(log):
        found.overlaps.add(overlap.start, overlap.end)
        moments.overlap(overlap)
    for one in interruptions:
        parties = cast.number(one.interrupter), cast.number(one.interrupted)
        found.interruptions.add(one.start, one.end, *parties, int(one.successful))
        moments.interruption(one)
    for nod in log.backchannels():
        found.backchannels.add(nod.start, nod.end, cast.number(nod.speaker), cast.number(nod.to))
    labels: dict[str, int] = {}
    for sound in log.sound_events():
        number = labels.setdefault(sound_name(sound.label), len(labels))
        found.sounds.add(sound.start, sound.end, number)
        moments.sound(sound)
    for gap in log.gaps():
        found.gaps.add(gap.start, gap.end)
        moments.gap(gap)
    found.labels.extend(labels)
    return found


def _merged(log: LabelledLog) -> Iterator[Overlap]:
    """Overlaps; those of the same people that touch, as one."""
    last: Overlap | None = None
    for overlap in log.overlaps():
        if last and overlap.start <= last.end and overlap.speakers == last.speakers:
            last = msgspec.structs.replace(last, end=max(last.end, overlap.end))
            continue
        if last:
            yield last
        last = overlap
    if last:
        yield last
