"""Reading a store as it grows: chunks of one size, whatever the pieces in which they were written."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from stream_engine.events import Chunk, Gap

if TYPE_CHECKING:
    from stream_engine.store import PcmStore


class Follower:
    """A reader of a growing store; `async for`, and `position` is what it has given."""

    def __init__(self, store: PcmStore, chunk: int, start: int, leave: Callable[[Follower], None]) -> None:
        if chunk < 1:
            raise ValueError(f"a chunk has at least one frame, not {chunk}")
        self.position = start
        self._store = store
        self.chunk = chunk
        self._leave = leave
        self._told = sum(gap.start < start for gap in store.gaps)

    def __aiter__(self) -> Follower:
        return self

    async def __anext__(self) -> Chunk:
        store, start = self._store, self.position
        while store.frames < start + self.chunk and not store.complete:
            await store.change()
        end = min(start + self.chunk, store.frames)
        if end <= start:
            self.close()
            raise StopAsyncIteration
        self.position = end
        store.wake()
        return Chunk(start=start, samples=store.view(start, end))

    def gaps(self) -> list[Gap]:
        """Those that begin in what was given, each once: called after a chunk, those within it.

        One that begins before the place where the reading began is taken as told.
        """
        new = [gap for gap in self._store.gaps[self._told :] if gap.start < self.position]
        self._told += len(new)
        return new

    async def with_gaps(self) -> AsyncGenerator[Chunk | Gap]:
        """All chunks, each after the gaps that begin in it."""
        async for chunk in self:
            for gap in self.gaps():
                yield gap
            yield chunk

    def close(self) -> None:
        """Stops holding the writer back."""
        with suppress(ValueError):
            self._leave(self)
