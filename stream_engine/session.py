"""A running session, for those who watch it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any, TypeVar

from stream_engine.barrier import Barrier
from stream_engine.events import Event
from stream_engine.operator import Operator, Sink
from stream_engine.pipeline import Pipeline
from stream_engine.stages import Receive
from stream_engine.topology import EMISSION, EVENTS_CAPACITY

E = TypeVar("E")


class Session:
    """A running session, for those who watch it; made by the assembly."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        items: Receive[Any],
        emission: Operator[Any, Event],
        position: Callable[[], int],
    ) -> None:
        self._pipeline = pipeline
        self._position = position
        emitted = pipeline.stage(EMISSION, emission, items, capacity=EVENTS_CAPACITY)
        self._branch = pipeline.broadcast("events", emitted)
        self.stopped = False

    def on(self, kind: type[E], callback: Callable[[E], object]) -> None:
        """Calls `callback` with every event of `kind`, in a worker thread, one at a time.

        A slow callback holds up the session; an error in it ends the session.
        """
        self.sink(f"on {kind.__name__} {id(callback)}", _Callback(kind, callback))

    def events(self) -> AsyncGenerator[Event]:
        """All events from now on, as they come. Leaving the loop early holds up nobody."""
        return _read(self._branch(EVENTS_CAPACITY))

    def sink(self, name: str, sink: Sink[Event]) -> None:
        """Writes all events from now on to `sink`, and commits or discards it with the session."""
        self._pipeline.sink(name, sink, self._branch(EVENTS_CAPACITY))

    def background(self, run: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Runs `run` beside the session, until that has ended."""
        self._pipeline.background(run)

    def stop(self) -> None:
        """Ends the input; what was heard so far is still transcribed and kept."""
        self.stopped = True
        self._pipeline.stop()

    def abort(self) -> None:
        """Ends everything at once."""
        self.stopped = True
        self._pipeline.abort()

    @property
    def position(self) -> int:
        """How much of the audio the graph has been given, in samples."""
        return self._position()

    def depths(self) -> dict[str, int]:
        """Items waiting on each edge."""
        return self._pipeline.depths()


async def _read(branch: Receive[Any]) -> AsyncGenerator[Event]:
    async with branch:
        async for event in branch:
            if not isinstance(event, Barrier):
                yield event


class _Callback:
    def __init__(self, kind: type[E], callback: Callable[[E], object]) -> None:
        self._kind = kind
        self._callback = callback

    def write(self, item: Any, /) -> None:
        if isinstance(item, self._kind):
            self._callback(item)

    def commit(self) -> None: ...

    def discard(self) -> None: ...
