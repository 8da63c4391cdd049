"""Reading a store as it grows: chunks of one size, whatever the pieces in which they were written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from stream_engine.events import Chunk

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

    def close(self) -> None:
        """Stops holding the writer back."""
        with suppress(ValueError):
            self._leave(self)
