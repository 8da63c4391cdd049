"""spans.jsonl: every span of a run, a line each, written while it goes on.

`{"stage": ..., "audio_s": ..., "at_s": ..., "wait_ms": ..., "feed_ms": ..., "send_ms": ...}`; `at_s` is the
time after the start of the run at which the operator got the item.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
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


class SpanFile:
    """Takes the spans of all stages that are made after it; under another name until `finish`."""

    def __init__(self, tracer: Tracer, path: Path) -> None:
        self._tracer, self._path, self._ended = tracer, path, False
        self._part = path.with_name(f"{path.name}.part")
        self._part.unlink(missing_ok=True)
        self._lines = BatchedLines(self._part)
        tracer.on_fold = self._told

    def finish(self) -> None:
        """Writes what is left, and gives the file its name.

        Raises:
            OSError: spans are missing, since the disk was full or could not follow; the part is kept.
        """
        self.end()
        self._lines.close()
        if self._lines.dropped:
            missing = f"{self._lines.dropped} spans are missing in {self._part.name}"
            raise OSError(f"the disk could not follow: {missing}")
        self._part.replace(self._path)

    def end(self) -> None:
        """Takes no more, and writes what waits; the part stays."""
        self._tracer.fold()
        self._ended = True
        with suppress(OSError):  # `finish` raises it
            self._lines.close()

    def _told(self, stage: str, rows: NDArray[np.int64]) -> None:
        if self._ended:
            return
        self._lines.put_all(span_lines(stage, (Item(*row) for row in rows.tolist()), self._tracer.began))


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
