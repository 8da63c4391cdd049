"""A source at the speed of life, or a multiple of it: what `--pace X` does to a file; and when life began."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import anyio
import psutil

from stream_engine.events import SourceChunk
from stream_engine.tracer import Tracer

IMPORTS_S = 5.0  # a process that is older did other things before


class Paced:
    """The chunks of `source`, in pieces of at most `piece_s`, none before it could have been heard.

    A piece that ends at second t of the audio leaves at second t / `pace` after the first was asked for,
    by the event loop's clock; late is never made up by leaving early.
    """

    def __init__(self, source: AsyncIterator[SourceChunk], pace: float, *, piece_s: float = 0.1) -> None:
        if not pace > 0:
            raise ValueError(f"the pace must be above 0, not {pace}")
        self._source = source
        self._pace = pace
        self._piece_s = piece_s
        self._began: float | None = None
        self._chunk: SourceChunk | None = None
        self._done = 0  # frames of `_chunk` that have left

    def __aiter__(self) -> Paced:
        return self

    async def __anext__(self) -> SourceChunk:
        if self._began is None:
            self._began = anyio.current_time()
        while self._chunk is None or self._done >= len(self._chunk.samples):
            self._chunk, self._done = await anext(self._source), 0
        chunk = self._chunk
        size = max(1, round(self._piece_s * chunk.rate))
        piece = SourceChunk(
            start=chunk.start + self._done,
            rate=chunk.rate,
            samples=chunk.samples[self._done : self._done + size],
        )
        self._done += len(piece.samples)
        await anyio.sleep_until(self._began + piece.end / chunk.rate / self._pace)
        return piece


def paced(source: AsyncIterator[SourceChunk], pace: float | None) -> AsyncIterator[SourceChunk]:
    """`source` at `pace` times the speed of life; None: as fast as it comes."""
    return source if pace is None else Paced(source, pace)


def earliest(tracer: Tracer) -> int:
    """When live audio can have begun, on the tracer's clock: with the process, if that came for it alone."""
    before_s = time.time() - psutil.Process().create_time() - tracer.wall_ns() / 1e9
    return tracer.began - round(before_s * 1e9) if before_s < IMPORTS_S else tracer.began
