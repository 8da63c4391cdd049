"""How each part of a pipeline runs: one coroutine a part, straight through to its last line.

A part that ends well closes its own send end there; one that fails or is cancelled does not, so that
nobody downstream takes a failure for the end of the stream. Parts read their input to the end. A `Barrier` is
no item: a part saves its operator's state when it meets one, and passes it on in its place in the stream.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import AsyncIterable, Callable, Coroutine, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any, NamedTuple, TypeVar, cast

import anyio
from anyio import CapacityLimiter, to_thread
from anyio.streams.memory import MemoryObjectReceiveStream as Receive
from anyio.streams.memory import MemoryObjectSendStream as Send

from stream_engine.barrier import Barrier
from stream_engine.clock import seconds
from stream_engine.events import Chunk
from stream_engine.lineage import Lineage
from stream_engine.operator import Operator, Resumable, Sink, Stateful, remembers
from stream_engine.tracer import Clock, packed

In = TypeVar("In")
Out = TypeVar("Out")
T = TypeVar("T")

SLICE_NS = 2_000_000  # a worker call costs 75 us: 4 % of this


class Probe(NamedTuple):
    """A stage's name, how it tells the tracer what it did, and where it saves its state."""

    name: str
    clock: Clock
    record: Callable[[bytes], None]
    save: Callable[[str, Barrier, Any], None]
    lineage: Lineage | None = None

    def made(self, results: Iterable[Any], cause: Any, began: int, ended: int, share: int = 1) -> None:
        """Notes what came of an item."""
        if self.lineage is not None:
            for result in results:
                self.lineage.made(result, cause, began, ended, share=share)

    def checkpoint(self, barrier: Barrier, operator: object) -> None:
        """Saves the state of an operator that has one."""
        if remembers(operator):
            self.save(self.name, barrier, cast("Stateful", operator).state)


class Interrupted(Exception):
    """A KeyboardInterrupt on its way out of a part."""


async def contained(name: str, part: Callable[..., Coroutine[Any, Any, object]], *arguments: Any) -> None:
    """Runs a part. Asyncio lets these two out of the running loop, whose threads would wait for ever then."""
    try:
        await part(*arguments)
    except SystemExit as left:
        raise RuntimeError(f"stage {name!r} wanted to end the program: {left!r}") from left
    except KeyboardInterrupt:
        raise Interrupted from None


async def run_source(probe: Probe, scope: anyio.CancelScope, items: AsyncIterable[T], send: Send[T]) -> None:
    """Reads `items` until they end or `scope` is cancelled, which is a stop and not a failure."""
    clock, record = probe.clock, probe.record
    with scope:
        async with AsyncExitStack() as stack:
            iterator = aiter(items)
            if close := getattr(iterator, "aclose", None):
                stack.push_async_callback(close)
            asked = clock()
            if probe.lineage is not None and probe.lineage.began is None:
                probe.lineage.began = asked
            async for item in iterator:
                came = clock()
                if probe.lineage is not None and isinstance(item, Chunk):
                    probe.lineage.arrived(item, came)
                await _deliver(send, item)
                sent = clock()
                record(packed(_position(item), asked, came, came, sent))
                asked = sent
    send.close()


async def run_inline(
    probe: Probe, operator: Operator[In, Out], receive: Receive[In], send: Send[Out]
) -> None:
    """Runs an operator in the event loop: for work that is cheaper than a thread switch.

    The clock is read only after something took time: an item that was there already was not waited for.
    """
    name, clock, record = probe.name, probe.clock, probe.record
    asked = clock()
    while True:
        try:
            item = receive.receive_nowait()
            received = asked
        except anyio.WouldBlock:
            try:
                item = await receive.receive()
            except anyio.EndOfStream:
                break
            received = clock()
        except anyio.EndOfStream:
            break
        if item.__class__ is Barrier:
            probe.checkpoint(cast("Barrier", item), operator)
            await _deliver(send, cast("Any", item))
            continue
        try:
            results = list(operator.feed(item))
        except Exception as error:
            _place(error, name, item)
            raise
        fed = sent = clock()
        if results and results[0].__class__ is not Chunk:  # the commonest, which is not followed
            probe.made(results, item, received, fed)
        for result in results:
            try:
                send.send_nowait(result)
            except anyio.WouldBlock:
                await send.send(result)
                sent = clock()
        record(packed(_position(item), asked, received, fed, sent))
        asked = sent
    ended = clock()
    try:
        results = list(operator.flush())
    except Exception as error:
        _place(error, name, None)
        raise
    fed = clock()
    probe.made(results, None, ended, fed)
    for result in results:
        await _deliver(send, result)
    record(packed(-1, asked, ended, fed, clock()))
    send.close()


async def run_on_device(
    probe: Probe,
    operator: Operator[In, Out],
    receive: Receive[In],
    send: Send[Out],
    limiter: CapacityLimiter,
    ready: Callable[[], None] | None,
) -> None:
    """Runs an operator in worker threads; one call takes what waits on the edge, for a while.

    First waits until it is `ready`, which is no work of the operator's.
    """
    name, clock, record = probe.name, probe.clock, probe.record
    most = max(1, int(receive.statistics().max_buffer_size))
    waiting: deque[In] = deque()
    asked = clock()
    if ready is not None:
        await to_thread.run_sync(ready, limiter=CapacityLimiter(1), abandon_on_cancel=True)
    while True:
        try:
            waiting.extend(await _batch(receive, most) if not waiting else ())
        except anyio.EndOfStream:
            break
        fed = await to_thread.run_sync(_feed, probe, operator, waiting, limiter=limiter)
        for item, results, began, ended in fed:
            sending = clock()
            probe.made(results, item, began, ended)
            for result in results:
                await _deliver(send, result)
            sent = clock()
            record(packed(_position(item), asked or began, began, ended, ended + sent - sending))
            asked = 0  # the others of the batch did not keep the stage waiting
        asked = clock()
    try:
        began = clock()
        results = await to_thread.run_sync(lambda: list(operator.flush()), limiter=limiter)
    except Exception as error:
        _place(error, name, None)
        raise
    ended = clock()
    probe.made(results, None, began, ended)
    for result in results:
        await _deliver(send, result)
    record(packed(-1, asked, began, ended, clock()))
    send.close()


async def run_workers(
    probe: Probe,
    work: Callable[[Sequence[In]], Sequence[Iterable[Out]]],
    receive: Receive[In],
    send: Send[Out],
    count: int,
    limiter: CapacityLimiter,
    most: int,
) -> None:
    """Runs stateless work on several threads; each result waits for those of the items before it."""
    name, clock, record = probe.name, probe.clock, probe.record
    intake = anyio.Lock()
    latest = anyio.Event()
    latest.set()

    async def worker() -> None:
        nonlocal latest
        while True:
            asked = clock()
            async with intake:
                try:
                    items, barrier = await _between_barriers(receive, most)
                except anyio.EndOfStream:
                    return
                before, latest = latest, anyio.Event()
                after = latest
            done: list[tuple[In, list[Out], int, int]] = []
            if items:
                try:
                    done = await to_thread.run_sync(_together, clock, work, items, limiter=limiter)
                except Exception as error:
                    _place(error, name, items[0])
                    raise
            await before.wait()
            for item, results, began, ended in done:
                sending = clock()
                probe.made(results, item, done[0][2], done[-1][3], share=len(done))
                for result in results:
                    await _deliver(send, result)
                record(packed(_position(item), asked or began, began, ended, ended + clock() - sending))
                asked = 0  # the others of the batch did not keep the stage waiting
            if barrier is not None:
                await _deliver(send, cast("Any", barrier))
            after.set()

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(contained, name, worker, name=f"{name} {number}")
    send.close()


async def run_fan_out(receive: Receive[T], sends: list[Send[T]]) -> None:
    """Sends every item to every branch in `sends` at that moment whose reader is still there."""
    while True:
        try:
            item = await _next(receive)
        except anyio.EndOfStream:
            break
        for send in tuple(sends):
            try:
                await _deliver(send, item)
            except anyio.BrokenResourceError:
                send.close()
                sends.remove(send)
    for send in sends:
        send.close()


async def run_tap(receive: Receive[T], send: Send[T], copy: Send[T], missed: list[int]) -> None:
    """Passes everything on, and to `copy` what it has room for."""
    while True:
        try:
            item = await _next(receive)
        except anyio.EndOfStream:
            break
        try:
            if not isinstance(item, Barrier):
                copy.send_nowait(item)
        except (anyio.WouldBlock, anyio.BrokenResourceError):
            missed[0] += 1
        await _deliver(send, item)
    copy.close()
    send.close()


async def run_fan_in(receives: Sequence[Receive[T]], send: Send[T]) -> None:
    """Passes on the items of all inputs as they come; none runs past a barrier that others have to reach."""
    going = len(receives)
    arrived: list[Barrier] = []
    passed = anyio.Event()

    async def align() -> None:
        nonlocal passed
        if arrived and len(arrived) == going:
            await _deliver(send, cast("Any", arrived[0]))
            arrived.clear()
            passed.set()
            passed = anyio.Event()

    async def forward(receive: Receive[T]) -> None:
        nonlocal going
        while True:
            try:
                item = await _next(receive)
            except anyio.EndOfStream:
                break
            if isinstance(item, Barrier):
                gate = passed
                arrived.append(item)
                await align()
                await gate.wait()
            else:
                await _deliver(send, item)
        going -= 1
        await align()

    async with anyio.create_task_group() as group:
        for receive in receives:
            group.start_soon(forward, receive)
    send.close()


async def run_sink(probe: Probe, sink: Sink[T], receive: Receive[T]) -> None:
    """Writes all that waits on the edge in one call; commits nothing itself."""
    clock, record = probe.clock, probe.record
    most = max(1, int(receive.statistics().max_buffer_size))
    asked = clock()
    while True:
        try:
            batch = await _batch(receive, most)
        except anyio.EndOfStream:
            return
        written = await to_thread.run_sync(_write, probe, sink, batch)
        for item, (began, ended) in zip(batch, written, strict=True):
            record(packed(_position(item), asked or began, began, ended, ended))
            asked = 0
        asked = clock()


# --- in the worker thread ------------------------------------------------------------------------


def _feed(
    probe: Probe, operator: Operator[In, Out], waiting: deque[In]
) -> list[tuple[In, list[Out], int, int]]:
    """Feeds waiting items until `SLICE_NS` has passed: what follows should not starve meanwhile."""
    fed: list[tuple[In, list[Out], int, int]] = []
    until = time.perf_counter_ns() + SLICE_NS
    while waiting:
        item = waiting.popleft()
        if isinstance(item, Barrier):
            probe.checkpoint(item, operator)
            now = probe.clock()
            fed.append((item, [cast("Any", item)], now, now))
            continue
        try:
            fed.append((item, *_timed(probe.clock, operator.feed, item)))
        except Exception as error:
            _place(error, probe.name, item)
            raise
        if time.perf_counter_ns() > until:
            break
    return fed


def _timed(clock: Clock, work: Callable[[In], Iterable[Out]], item: In) -> tuple[list[Out], int, int]:
    began = clock()
    results = list(work(item))
    return results, began, clock()


def _together(
    clock: Clock, work: Callable[[Sequence[In]], Sequence[Iterable[Out]]], items: list[In]
) -> list[tuple[In, list[Out], int, int]]:
    """One call for all of `items`; each has an equal share of the time that it took."""
    began = clock()
    results = [list(of_one) for of_one in work(items)]
    each = (clock() - began) // len(items)
    return [
        (item, of_one, began + number * each, began + (number + 1) * each)
        for number, (item, of_one) in enumerate(zip(items, results, strict=True))
    ]


def _write(probe: Probe, sink: Sink[T], batch: list[T]) -> list[tuple[int, int]]:
    written: list[tuple[int, int]] = []
    for item in batch:
        began = probe.clock()
        try:
            if isinstance(item, Barrier):
                if isinstance(sink, Resumable):
                    probe.save(probe.name, item, sink.checkpoint())
            else:
                sink.write(item)
        except Exception as error:
            _place(error, probe.name, item)
            raise
        written.append((began, probe.clock()))
    return written


# --- one item ------------------------------------------------------------------------------------


async def _next(receive: Receive[T]) -> T:
    """The next item; without a trip through the scheduler where one waits already."""
    try:
        return receive.receive_nowait()
    except anyio.WouldBlock:
        return await receive.receive()


async def _batch(receive: Receive[T], most: int) -> list[T]:
    """The next item and those that wait behind it, `most` altogether."""
    batch = [await _next(receive)]
    while len(batch) < most:
        try:
            batch.append(receive.receive_nowait())
        except (anyio.WouldBlock, anyio.EndOfStream):
            break
    return batch


async def _between_barriers(receive: Receive[T], most: int) -> tuple[list[T], Barrier | None]:
    """The next items, `most` at a time, of those that wait; and the barrier that stands behind them."""
    items: list[T] = []
    while len(items) < most:
        try:
            item = await _next(receive) if not items else receive.receive_nowait()
        except anyio.WouldBlock:
            break
        except anyio.EndOfStream:
            if items:
                break
            raise
        if isinstance(item, Barrier):
            return items, item
        items.append(item)
    return items, None


async def _deliver(send: Send[T], item: T) -> None:
    try:
        send.send_nowait(item)
    except anyio.WouldBlock:
        await send.send(item)


def _position(item: Any) -> int:
    """Where an item lies on the session clock; -1 for one without a place."""
    return getattr(item, "start", -1)


def _place(error: Exception, name: str, item: Any) -> None:
    position = _position(item)
    where = (
        f" at {seconds(position):.3f} s" if position >= 0 else " at the end of the stream" * (item is None)
    )
    error.add_note(f"in stage {name!r}{where}")
