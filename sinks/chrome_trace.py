"""trace.json: the run as Chrome trace events, which Perfetto and chrome://tracing open.

One track a stage, with a slice for each span; counters for the depth of every queue. Format: "Trace
Event Format", Google, 2016 (complete events `X`, counters `C`, metadata `M`; times in microseconds).
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
    for name, samples in tracer.counters.items():
        for at, value in samples:
            yield _event("C", name, ts=(at - tracer.began) / 1000, args={"value": value})


def _event(phase: str, name: str, **fields: Any) -> dict[str, Any]:
    return {"ph": phase, "pid": PROCESS, "tid": 0, "name": name, **fields}
