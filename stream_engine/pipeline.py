"""The runtime: bounded channels, stages that read to the end, and one scope that owns it all.

    async with Pipeline.run(tracer=tracer) as pipeline:
        chunks = pipeline.source("read", chunks_of(file))
        left, right = pipeline.fan_out("split", chunks, 2)
        turns = pipeline.stage("diarize", diarizer, left, limiter=cpu)
        ...
        pipeline.sink("log", log, events)

Only success closes a send end, and the pipeline owns every endpoint: after a failure nobody
downstream sees an end of stream, everything is cancelled, and all sinks discard. Sinks commit
together, after every stage has ended well.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar, cast

import anyio
from anyio import CapacityLimiter, to_thread

from stream_engine import stages
from stream_engine.barrier import Barrier, Checkpoints
from stream_engine.operator import Operator, Resumable, Sink, remembers
from stream_engine.stages import Receive, Send
from stream_engine.tracer import NullTracer, Tracer

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

CAPACITY = 8
SAMPLE_EVERY_S = 0.25


class Pipeline:
    """One running graph. Leaving the block waits for every stage, then commits the sinks."""

    def __init__(self, *, tracer: Tracer, checkpoints: Checkpoints) -> None:
        self.tracer = tracer
        self._checkpoints = checkpoints
        self.committed = False
        self._scope = anyio.CancelScope()
        self._group = anyio.create_task_group()  # the graph
        self._beside = anyio.create_task_group()  # ends with the graph
        self._sampled: Callable[[], None] = lambda: None
        self._sources: list[anyio.CancelScope] = []
        self._sinks: list[Sink[Any]] = []
        self._edges: dict[str, tuple[Send[Any], Receive[Any]]] = {}
        self._ended = threading.Event()

    @classmethod
    @asynccontextmanager
    async def run(
        cls,
        *,
        tracer: Tracer | None = None,
        checkpoints: Checkpoints | None = None,
        sampled: Callable[[], None] | None = None,
    ) -> AsyncGenerator[Pipeline]:
        """The scope of one graph; `checkpoints` gets the states that are saved at barriers.

        `sampled` is called whenever the depths of the queues are looked at.

        Raises:
            The first error of a stage, with a note of the stage and the audio position.
        """
        pipeline = cls(tracer=tracer or NullTracer(), checkpoints=checkpoints or Checkpoints(_forget))
        pipeline._sampled = sampled or pipeline._sampled
        try:
            with pipeline._scope:
                async with pipeline._beside:
                    pipeline.background(pipeline._sample)
                    async with pipeline._group:
                        yield pipeline
                    pipeline._beside.cancel_scope.cancel()
                pipeline.committed = not pipeline._scope.cancel_called
        except BaseExceptionGroup as failures:
            raise _first_cause(failures) from None
        finally:
            pipeline._ended.set()
            for send, receive in pipeline._edges.values():
                send.close()
                receive.close()
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(pipeline._conclude)

    def stop(self) -> None:
        """Ends the sources; what they sent is still processed and committed."""
        for scope in self._sources:
            scope.cancel()

    def abort(self) -> None:
        """Cancels everything; nothing is committed."""
        self._scope.cancel()

    def background(self, run: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Runs `run` beside the graph, until that has ended."""
        self._beside.start_soon(stages.contained, "background", run)

    def depths(self) -> dict[str, int]:
        """Items waiting on each edge."""
        return {name: ends[1].statistics().current_buffer_used for name, ends in self._edges.items()}

    # --- the graph -------------------------------------------------------------------------------

    def edge(self, name: str, capacity: int = CAPACITY) -> tuple[Send[Any], Receive[Any]]:
        """A channel, owned by the pipeline: its ends are closed when everything is over."""
        if name in self._edges:
            raise ValueError(f"two edges are called {name!r}; each needs a name of its own")
        self._edges[name] = anyio.create_memory_object_stream[Any](capacity)
        return self._edges[name]

    def source(
        self, name: str, items: AsyncIterable[T], *, capacity: int = CAPACITY, stops: bool = True
    ) -> Receive[T]:
        """Reads `items` to their end, or until `stop` unless `stops` is false."""
        send, out = self.edge(name, capacity)
        scope = anyio.CancelScope()
        if stops:
            self._sources.append(scope)
        self._run(name, stages.run_source, self._trace(name), scope, items, send)
        return out

    def stage(
        self,
        name: str,
        operator: Operator[In, Out],
        receive: Receive[In],
        *,
        capacity: int = CAPACITY,
        limiter: CapacityLimiter | None = None,
        saves: bool = True,
        ready: Callable[[], None] | None = None,
    ) -> Receive[Out]:
        """Runs `operator` over a stream.

        Inline without a `limiter` (for work below half a millisecond); else in worker threads under
        the device's limiter, taking all that waits on its edge in one call. A cut is complete only with the
        state of every operator that has one; one on a stream without barriers `saves` nothing. `ready`
        returns, in a thread, as soon as the operator can begin.
        """
        send, out = self.edge(name, capacity)
        trace = self._trace(name)
        if saves and remembers(operator):
            self._checkpoints.expect(name)
        if limiter is None:
            self._run(name, stages.run_inline, trace, operator, receive, send)
        else:
            self._run(name, stages.run_on_device, trace, operator, receive, send, limiter, ready)
        return out

    def workers(
        self,
        name: str,
        work: Callable[[Sequence[In]], Sequence[Iterable[Out]]],
        receive: Receive[In],
        *,
        count: int,
        limiter: CapacityLimiter,
        batch: int = 1,
        capacity: int = CAPACITY,
    ) -> Receive[Out]:
        """Runs stateless `work` on up to `count` threads; results keep the order of their items.

        A call gets what waits, up to `batch` items, and gives the results of each.
        """
        send, out = self.edge(name, capacity)
        self._run(name, stages.run_workers, self._trace(name), work, receive, send, count, limiter, batch)
        return out

    def fan_out(
        self, name: str, receive: Receive[T], branches: int, *, capacity: int = CAPACITY
    ) -> tuple[Receive[T], ...]:
        """Every branch gets every item, and the slowest rules. A branch whose reader left is let go."""
        edges = [self.edge(f"{name}.{index}", capacity) for index in range(branches)]
        self._run(name, stages.run_fan_out, receive, [send for send, _ in edges])
        return tuple(out for _, out in edges)

    def broadcast(self, name: str, receive: Receive[T]) -> Callable[[int], Receive[T]]:
        """Like `fan_out`, with branches made by calls of the result; each gets what comes after."""
        sends: list[Send[T]] = []

        def branch(capacity: int = CAPACITY) -> Receive[T]:
            send, out = self.edge(f"{name}.{len(self._edges)}", capacity)
            sends.append(send)
            return out

        self._run(name, stages.run_fan_out, receive, sends)
        return branch

    def tap(
        self, name: str, receive: Receive[T], *, capacity: int = CAPACITY
    ) -> tuple[Receive[T], Receive[T], Callable[[], int]]:
        """The stream, a lossy copy that holds up nobody, and the count of items that the copy missed."""
        send, out = self.edge(name, capacity)
        copy_send, copy = self.edge(f"{name}.tap", capacity)
        missed = [0]
        self._run(name, stages.run_tap, receive, send, copy_send, missed)
        return out, copy, lambda: missed[0]

    def fan_in(self, name: str, *receives: Receive[T], capacity: int = CAPACITY) -> Receive[T]:
        """One channel of all inputs, in order of arrival; it ends when all of them have ended."""
        send, out = self.edge(name, capacity)
        self._run(name, stages.run_fan_in, receives, send)
        return out

    def sink(self, name: str, sink: Sink[T], receive: Receive[T]) -> None:
        """Writes a stream to `sink`, in a worker thread."""
        if isinstance(sink, Resumable):
            self._checkpoints.expect(name)
        self._sinks.append(sink)
        self._run(name, stages.run_sink, self._trace(name), sink, receive)

    def _run(self, name: str, part: Callable[..., Coroutine[Any, Any, object]], *arguments: Any) -> None:
        self._group.start_soon(stages.contained, name, part, *arguments, name=name)

    def _trace(self, name: str) -> stages.Probe:
        save = self._checkpoints.save
        return stages.Probe(
            name, self.tracer.clock, self.tracer.stage(name).record, save, self.tracer.lineage
        )

    async def _sample(self) -> None:
        while self.tracer.enabled:
            for name, depth in self.depths().items():
                self.tracer.counter(f"queue {name}", depth)
            self.tracer.fold()
            self._sampled()
            # Not a timer: one that is pending costs asyncio 0.1 us each time it goes round.
            await to_thread.run_sync(self._ended.wait, SAMPLE_EVERY_S, abandon_on_cancel=True)

    def _conclude(self) -> None:
        """Commits all sinks, or discards all; one that fails does not keep the others from theirs."""
        failures: list[Exception] = []
        for sink in self._sinks:
            try:
                sink.commit() if self.committed else sink.discard()
            except Exception as failure:  # noqa: BLE001 - raised below, after the other sinks
                failures.append(failure)
        if failures:
            raise failures[0]


def _forget(barrier: Barrier, states: dict[str, Any]) -> None:
    pass


def _first_cause(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that brought the group down: the first that is not a group itself."""
    first = failures.exceptions[0]
    while isinstance(first, BaseExceptionGroup):
        first = cast("BaseExceptionGroup[BaseException]", first).exceptions[0]
    return KeyboardInterrupt() if isinstance(first, stages.Interrupted) else first
