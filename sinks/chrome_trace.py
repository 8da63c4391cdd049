"""trace.json: the run as Chrome trace events, which Perfetto and chrome://tracing open.

One track a stage, with a slice for each span; counters for the depth of every queue; and for each of the
last words an arrow from the chunk in which it ends to its text, with the parts of its latency. Slices of a
track may not overlap unless one holds the other: items that were worked on at the same time are on further
tracks of the same name. Format: "Trace Event Format", Google, 2016 (complete events `X`, counters `C`,
metadata `M`, flows `s`, `f`; microseconds).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sinks.whole_file import replacing
from stream_engine.clock import seconds
from stream_engine.tracer import Item, Tracer

PROCESS = 1
SHORTEST_NS = 1_000  # a wait or a send below a microsecond is no slice: it was a hand-over
ARROWS = "audio", "emission"  # the stages from which and to which they go

Event = dict[str, Any]


class Slice(NamedTuple):
    start: int  # ns
    end: int
    track: int


class Tracks:
    """Numbers of tracks: for one name as many as lie beside each other at a time."""

    def __init__(self) -> None:
        self._count = 0

    def lay(self, spans: list[tuple[int, int]]) -> list[int]:
        """A track for each span (start, end), which come in the order of their starts."""
        free_at: list[int] = []  # of each track
        first = self._count + 1
        found: list[int] = []
        for start, end in spans:
            lane = next((lane for lane, free in enumerate(free_at) if free <= start), len(free_at))
            if lane == len(free_at):
                free_at.append(end)
            free_at[lane] = end
            found.append(first + lane)
        self._count += max(1, len(free_at))
        return found


def write_trace(tracer: Tracer, path: Path) -> None:
    """Writes all spans and counter samples that the tracer kept."""
    encode = msgspec.json.Encoder().encode
    with replacing(path) as file:
        file.write('{"displayTimeUnit":"ms","traceEvents":[\n')
        separator = ""
        for event in trace_events(tracer):
            file.write(separator + encode(event).decode())
            separator = ",\n"
        file.write("\n]}\n")


def trace_events(tracer: Tracer) -> Iterator[Event]:
    """Metadata, slices, arrows and counters; times from the making of the tracer."""
    yield _event("M", "process_name", args={"name": "stream-engine"})
    tracks, ends = Tracks(), {name: list[Slice]() for name in ARROWS}
    for name, stage in list(tracer.stages.items()):
        items = sorted(stage.items(), key=lambda item: item.start)
        laid = tracks.lay([(item.start, item.sent) for item in items])
        yield from _named(name, sorted(set(laid)))
        for item, track in zip(items, laid, strict=True):
            for kind, start, end in _spans(item):
                position = {"audio_s": seconds(item.position)} if item.position >= 0 else {}
                yield _slice(tracer, kind, name, track, start, end, position)
                if name in ends:
                    ends[name].append(Slice(start, end, track))
    yield from _words(tracer, tracks, ends)
    for name, samples in list(tracer.counters.items()):
        for at, value in samples:
            if math.isfinite(value):
                yield _event("C", name, ts=(at - tracer.began) / 1000, args={"value": value})


def _spans(item: Item) -> Iterator[tuple[str, int, int]]:
    if item.received - item.start >= SHORTEST_NS:
        yield "wait", item.start, item.received
    yield "feed", item.received, item.fed
    if item.sent - item.fed >= SHORTEST_NS:
        yield "send", item.fed, item.sent


def _words(tracer: Tracer, tracks: Tracks, ends: dict[str, list[Slice]]) -> Iterator[Event]:
    """An arrow for each word, and its latency in parts (ms) on tracks of their own."""
    words = [(told - (parts.total - parts.capture), told, at, parts) for at, told, parts in tracer.words]
    words.sort(key=lambda word: word[0])
    laid = tracks.lay([(came, told) for came, told, _, _ in words]) if words else []
    yield from _named("words", sorted(set(laid)))
    for number, ((came, told, end, parts), own) in enumerate(zip(words, laid, strict=True), start=1):
        milliseconds = {name: round(part / 1e6, 3) for name, part in parts._asdict().items()}
        args = {"audio_s": seconds(end), **milliseconds, "total": round(parts.total / 1e6, 3)}
        yield _slice(tracer, "word", "word", own, came, told, args)
        here = Slice(came, told, own)
        for phase, stage, at, more in (("s", ARROWS[0], came, {}), ("f", ARROWS[1], told, {"bp": "e"})):
            at, bound = _bound(ends[stage], at, here)
            flow = {"cat": "word", "id": number, "ts": (at - tracer.began) / 1000, **more}
            yield _event(phase, "word", tid=bound.track, **flow)


def _bound(slices: list[Slice], at: int, own: Slice) -> tuple[int, Slice]:
    """The slice to which an arrow at a time is tied, and the time in it; `own` where it is not kept.

    An arrow is drawn only from within a slice, of which its end is no part.
    """
    for moment in (at, at - 1):
        place = bisect_right(slices, moment, key=lambda each: each.start)
        for found in reversed(slices[max(0, place - 3) : place]):
            if found.start <= moment < found.end:
                return moment, found
    return max(own.start, min(at, own.end - 1)), own


def _named(name: str, tracks: list[int]) -> Iterator[Event]:
    for track in tracks:
        yield _event("M", "thread_name", tid=track, args={"name": name})
        yield _event("M", "thread_sort_index", tid=track, args={"sort_index": track})


def _slice(
    tracer: Tracer, name: str, category: str, track: int, start: int, end: int, args: dict[str, Any]
) -> Event:
    at, lasts = (start - tracer.began) / 1000, (end - start) / 1000
    return _event("X", name, tid=track, cat=category, ts=at, dur=lasts, args=args)


def _event(phase: str, name: str, **fields: Any) -> Event:
    return {"ph": phase, "pid": PROCESS, "tid": 0, "name": name, **fields}
