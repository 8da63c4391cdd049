"""segments.parts/: the table of segments so far, while the session runs.

    duckdb.sql("from 'talks/call/segments.parts/*.parquet'")
    polars.scan_parquet("talks/call/segments.parts/*.parquet")

A view of the log, and of nothing else: each part is a fixed stretch of the segments in the order in which
they came, written again when something new is said of one of them (a label, its prosody), and complete by
rename. So a resumed session, whose log goes on from its checkpoint, doubles no row and leaves none stale.
segments.parquet takes the place of the parts.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sinks.labelled import LabelledLog
from sinks.log_columns import view
from sinks.log_index import LogIndex, Touched
from sinks.segment_rows import segment_rows
from sinks.table_schemas import SEGMENTS
from sinks.whole_file import replacing_bytes
from stream_engine.events import Event

PART = 512  # segments: what is written again for a correction of one


class LiveTable:
    """A sink that keeps the parts at most `every_s` seconds behind the events that it is told of.

    The events are read from the log, so it comes after the log's own sink. What fails here (a full disk) ends
    the view, and not the session: `failure` says why.
    """

    def __init__(
        self,
        *,
        log: Path,
        parts: Path,
        every_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.failure: str | None = None
        self._parts = parts
        self._every_s = every_s
        self._clock = clock
        self._written = clock()
        self._index = LogIndex(log)
        self._log = LabelledLog(log, self._index)
        shutil.rmtree(parts, ignore_errors=True)

    def write(self, item: Event, /) -> None:
        if self._clock() - self._written >= self._every_s:
            self.catch_up()
            self._written = self._clock()

    def commit(self) -> None:
        """segments.parquet comes now, and takes the place of the parts."""

    def discard(self) -> None:
        """What is there stays: finished work is not thrown away."""

    def catch_up(self) -> None:
        """Brings the parts up to what the log says now."""
        if self.failure is not None:
            return
        try:
            touched: Touched = []
            self._index.catch_up(touched)
            for part in self._stale(touched):
                self._write_part(part)
        except Exception as error:  # noqa: BLE001 - kept, as for every other document
            self.failure = f"{self._parts.name}: {type(error).__name__}: {error}"

    def _stale(self, touched: Touched) -> list[int]:
        """The parts with a segment that shares time with a touched interval."""
        segments = self._index.segments
        if not touched or not len(segments):
            return []
        intervals = np.array(sorted(touched), np.int64)
        until = np.maximum.accumulate(intervals[:, 1])
        before = np.searchsorted(intervals[:, 0], np.maximum(view(segments.end), view(segments.start) + 1))
        reached = np.concatenate(([np.iinfo(np.int64).min], until))[before]
        rows = np.flatnonzero(reached >= view(segments.start))
        return np.unique(rows // PART).tolist()

    def _write_part(self, part: int) -> None:
        from sinks.arrow import batches, write_parquet

        self._parts.mkdir(mode=0o700, exist_ok=True)
        rows = np.arange(part * PART, min((part + 1) * PART, len(self._index.segments)))
        with replacing_bytes(self._parts / f"part-{part + 1:05d}.parquet") as file:
            write_parquet(file, SEGMENTS, batches(SEGMENTS, segment_rows(self._log, rows)))
