"""A Chrome trace in JSON as lanes: the slices of all tracks of one name, in rows in which none overlap.

Read are complete events (`X`), begun and ended ones (`B`, `E`), instants (`i`), counters (`C`), flows (`s`,
`t`, `f`) and names (`M`), in the object's or the array's form ("Trace Event Format", Google, 2016); the rest
is counted.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec

from stream_engine.errors import InputError

Track = tuple[int | str, int | str]
PLACED = frozenset("XBEiICstf")  # phases that have a time
LARGEST = 1e15  # microseconds: 30 years; and what may be counted
Microseconds = Annotated[float, msgspec.Meta(ge=-LARGEST, le=LARGEST)]
FROM_ZERO_US = 6e7  # a clock that begins later counts from elsewhere: its first event is the zero


class Event(msgspec.Struct, gc=False):
    ph: str
    name: str = ""
    pid: int | str = 0
    tid: int | str = 0
    ts: Microseconds = 0.0
    dur: Microseconds = 0.0
    cat: str = ""
    id: int | str = 0
    args: dict[str, Any] = {}


class _Whole(msgspec.Struct):
    traceEvents: list[Event]


class Slice(NamedTuple):
    start: int  # ns
    end: int
    kind: int  # of `Trace.kinds`
    audio_s: float  # nan: none
    text: int  # of `Trace.texts`; 0: none


class Arrow(NamedTuple):
    track: Track
    at: int  # ns
    to_track: Track
    until: int
    text: int  # of the slice that is told of with it


@dataclass
class Lane:
    name: str
    rows: list[list[Slice]] = field(default_factory=list[list[Slice]])


@dataclass
class Trace:
    """Lanes in their order, times from the trace's zero in nanoseconds."""

    lanes: list[Lane]
    row_of: dict[Track, tuple[int, int]]  # lane and first row
    kinds: list[str]
    texts: list[str]  # JSON objects; the first is empty
    arrows: list[Arrow]
    counters: dict[str, list[tuple[int, float]]]
    left_out: Counter[str]  # phases


def read_trace(file: Path) -> Trace:
    """Raises InputError: the file cannot be read, is no trace, or holds no slice."""
    try:
        events = _events(file.read_bytes())
    except (OSError, msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"{file}: {error}; name a trace.json, or the folder of a finished session") from None
    found = _Reader(events).read()
    if not found.lanes:
        raise InputError(f"{file}: holds no slice of time; name a trace.json")
    return found


def _events(text: bytes) -> list[Event]:
    if text[:64].lstrip()[:1] != b"[":
        return msgspec.json.decode(text, type=_Whole, strict=False).traceEvents
    if not (text := text.rstrip().rstrip(b",")).endswith(b"]"):
        text += b"]"  # which the format lets a writer leave out
    return msgspec.json.decode(text, type=list[Event], strict=False)


class _Reader:
    def __init__(self, events: list[Event]) -> None:
        self._events = events
        timed = [event.ts for event in events if event.ph in PLACED]
        first = min(timed, default=0.0)
        self._zero = 0.0 if 0 <= first < FROM_ZERO_US else first
        self._last = max(timed, default=0.0)
        self._tracks: dict[Track, list[Slice]] = defaultdict(list)
        self._open: dict[Track, list[Event]] = defaultdict(list)
        self._flows: dict[tuple[str, int | str], tuple[Track, int, int]] = {}
        self._names: dict[Track, str] = {}
        self._processes: dict[int | str, str] = {}
        self._order: dict[Track, float] = {}
        self._kinds: dict[str, int] = {}
        self._texts: dict[str, int] = {"": 0}
        self._arrows: list[Arrow] = []
        self._counters: dict[str, list[tuple[int, float]]] = defaultdict(list)
        self._left_out = Counter[str]()

    def read(self) -> Trace:
        told = "", 0  # name and text of the slice before
        for event in self._events:
            track = event.pid, event.tid
            match event.ph:
                case "X" | "i" | "I":
                    told = event.name, self._slice(event, event.ts + max(0.0, event.dur))
                case "B":
                    self._open[track].append(event)
                case "E" if self._open[track]:
                    begun = self._open[track].pop()
                    begun.args = begun.args | event.args
                    self._slice(begun, event.ts)
                case "C":
                    self._count(event)
                case "s" | "t" | "f":
                    self._flow(event, track, told[1] if told[0] == event.name else 0)
                case "M":
                    self._describe(event, track)
                case _:
                    self._left_out[event.ph] += 1
        for begun in (event for stack in self._open.values() for event in stack):
            self._slice(begun, self._last)
        lanes, row_of = self._lay()
        arrows = [arrow for arrow in self._arrows if arrow.track in row_of and arrow.to_track in row_of]
        for samples in self._counters.values():
            samples.sort()
        kinds, texts = list(self._kinds), list(self._texts)
        return Trace(lanes, row_of, kinds, texts, arrows, self._counters, self._left_out)

    def _ns(self, at: float) -> int:
        return round(1000 * (at - self._zero))

    def _slice(self, event: Event, end: float) -> int:
        args, audio_s, text = event.args, math.nan, 0
        if (found := _number(args.get("audio_s"))) is not None:
            audio_s = found
            args = {name: value for name, value in args.items() if name != "audio_s"}
        if args:
            text = self._texts.setdefault(msgspec.json.encode(args).decode(), len(self._texts))
        kind = self._kinds.setdefault(event.name, len(self._kinds))
        start = self._ns(event.ts)
        made = Slice(start, max(start, self._ns(end)), kind, audio_s, text)
        self._tracks[event.pid, event.tid].append(made)
        return text

    def _count(self, event: Event) -> None:
        for series, value in event.args.items():
            if (found := _number(value)) is not None:
                name = event.name if series == "value" else f"{event.name} {series}"
                self._counters[name].append((self._ns(event.ts), found))

    def _flow(self, event: Event, track: Track, text: int) -> None:
        key, at = (event.cat, event.id), self._ns(event.ts)
        if event.ph != "s" and key in self._flows:
            begun, since, kept = self._flows[key]
            self._arrows.append(Arrow(begun, since, track, at, kept))
            text = kept
        self._flows[key] = track, at, text

    def _describe(self, event: Event, track: Track) -> None:
        name, order = event.args.get("name"), _number(event.args.get("sort_index"))
        if event.name == "thread_name" and isinstance(name, str):
            self._names[track] = name
        elif event.name == "process_name" and isinstance(name, str):
            self._processes[event.pid] = name
        elif event.name == "thread_sort_index" and order is not None:
            self._order[track] = order

    def _place(self, track: Track) -> tuple[bool, float]:
        """Words come first: they are what the rest is for."""
        return self._names.get(track) != "words", self._order.get(track, 0)

    def _lay(self) -> tuple[list[Lane], dict[Track, tuple[int, int]]]:
        several = len({pid for pid, _ in self._tracks}) > 1
        lanes: dict[str, Lane] = {}
        row_of: dict[Track, tuple[int, int]] = {}
        for track in sorted(self._tracks, key=self._place):
            name = self._names.get(track, f"thread {track[1]}")
            if several:
                name = f"{self._processes.get(track[0], track[0])}: {name}"
            lane = lanes.setdefault(name, Lane(name))
            row_of[track] = list(lanes).index(name), len(lane.rows)
            lane.rows += rows_of(self._tracks[track])
        return list(lanes.values()), row_of


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and abs(value) < LARGEST else None


def rows_of(slices: list[Slice]) -> list[list[Slice]]:
    """What lies within another, or overlaps it, is a row below it."""
    slices.sort(key=lambda each: (each.start, -each.end))
    rows: list[list[Slice]] = []
    for each in slices:
        for row in rows:
            if row[-1].end <= each.start:
                row.append(each)
                break
        else:
            rows.append([each])
    return rows
