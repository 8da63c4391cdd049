"""trace.json: the run as Chrome trace events, which Perfetto and chrome://tracing open.

One track a stage, with a slice for each span; counters for the depth of every queue; and for each of the
last words an arrow from the chunk in which it ends to its text, with the parts of its latency. Format: "Trace
Event Format", Google, 2016 (complete events `X`, counters `C`, metadata `M`, flows `s`, `f`; microseconds).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from sinks.whole_file import replacing
from stream_engine.clock import seconds
from stream_engine.tracer import Tracer

PROCESS = 1
SHORTEST_NS = 1_000  # a wait or a send below a microsecond is no slice: it was a hand-over


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


def trace_events(tracer: Tracer) -> Iterator[dict[str, Any]]:
    """Metadata, slices and counters; times from the making of the tracer."""
    yield _event("M", "process_name", args={"name": "stream-engine"})
    for track, (name, stage) in enumerate(tracer.stages.items(), start=1):
        yield _event("M", "thread_name", tid=track, args={"name": name})
        yield _event("M", "thread_sort_index", tid=track, args={"sort_index": track})
        for item in stage.items():
            spans = (
                ("wait", item.start, item.received),
                ("feed", item.received, item.fed),
                ("send", item.fed, item.sent),
            )
            position = {"audio_s": seconds(item.position)} if item.position >= 0 else {}
            for kind, start, end in spans:
                if kind == "feed" or end - start >= SHORTEST_NS:
                    yield _event(
                        "X",
                        kind,
                        tid=track,
                        cat=name,
                        ts=(start - tracer.began) / 1000,
                        dur=(end - start) / 1000,
                        args=position,
                    )
    yield from _words(tracer)
    for name, samples in tracer.counters.items():
        for at, value in samples:
            yield _event("C", name, ts=(at - tracer.began) / 1000, args={"value": value})


def _words(tracer: Tracer) -> Iterator[dict[str, Any]]:
    """An arrow for each word, and its latency in parts (ms) on a track of their own."""
    tracks = {name: track for track, name in enumerate(tracer.stages, start=1)}
    own = len(tracks) + 1
    if tracer.words:
        yield _event("M", "thread_name", tid=own, args={"name": "words"})
        yield _event("M", "thread_sort_index", tid=own, args={"sort_index": own})
    for number, (position, told, parts) in enumerate(tracer.words, start=1):
        came = told - (parts.total - parts.capture)
        at, until = (came - tracer.began) / 1000, (told - tracer.began) / 1000
        milliseconds = {name: round(part / 1e6, 3) for name, part in parts._asdict().items()}
        args = {"audio_s": seconds(position), **milliseconds, "total": round(parts.total / 1e6, 3)}
        yield _event("X", "word", tid=own, cat="word", ts=at, dur=until - at, args=args)
        flow = {"cat": "word", "id": number}
        yield _event("s", "word", tid=tracks.get("audio", own), ts=at, **flow)
        yield _event("f", "word", tid=tracks.get("emission", own), ts=until, bp="e", **flow)


def _event(phase: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"ph": phase, "pid": PROCESS, "tid": 0, "name": name, **fields}
