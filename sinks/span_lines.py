"""spans.jsonl: the spans of a run, a line each, for tools that read line by line.

`{"stage": ..., "audio_s": ..., "at_s": ..., "wait_ms": ..., "feed_ms": ..., "send_ms": ...}`; `at_s` is the
time after the start of the run at which the operator got the item.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from sinks.batched_lines import BatchedLines
from stream_engine.clock import seconds
from stream_engine.tracer import Item, Tracer


class SpanLine(msgspec.Struct, frozen=True, gc=False):
    stage: str
    audio_s: float | None
    at_s: float
    wait_ms: float
    feed_ms: float
    send_ms: float


def write_spans(tracer: Tracer, path: Path) -> int:
    """Writes the spans that the tracer kept; gives their number."""
    with BatchedLines(path, waiting=1 << 62) as lines:
        for name, stage in list(tracer.stages.items()):
            lines.put_all(span_lines(name, stage.items(), tracer.began))
    return lines.written


def spans_to(lines: BatchedLines, tracer: Tracer) -> Callable[[str, NDArray[np.int64]], None]:
    """What `Tracer.on_fold` can be set to, so that every span of the run goes to `lines` as it runs."""

    def told(stage: str, rows: NDArray[np.int64]) -> None:
        lines.put_all(span_lines(stage, (Item(*row) for row in rows.tolist()), tracer.began))

    return told


def span_lines(stage: str, items: Iterable[Item], began: int) -> list[SpanLine]:
    return [
        SpanLine(
            stage=stage,
            audio_s=seconds(item.position) if item.position >= 0 else None,
            at_s=round((item.received - began) / 1e9, 6),
            wait_ms=(item.received - item.start) / 1e6,
            feed_ms=(item.fed - item.received) / 1e6,
            send_ms=(item.sent - item.fed) / 1e6,
        )
        for item in items
    ]
