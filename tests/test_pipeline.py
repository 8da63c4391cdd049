"""The rules of the runtime (DESIGN §5), each with a test of its own, on both back ends of anyio."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from typing import Any

import anyio
import anyio.to_thread
import pytest
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_engine.barrier import Barrier, Checkpoints
from stream_engine.events import Chunk, Turn, Watermark
from stream_engine.operator import chain
from stream_engine.pipeline import Pipeline
from stream_engine.tracer import Tracer

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

both_backends = pytest.mark.parametrize("backend", ["asyncio", "trio"])


def run(backend: str, test: Callable[[], Awaitable[Any]]) -> Any:
    return anyio.run(test, backend=backend)


class Times:
    """Multiplies; the flush gives a last item."""

    def __init__(self, factor: int, tail: tuple[int, ...] = ()) -> None:
        self.factor = factor
        self.tail = tail

    def feed(self, item: int, /) -> Iterable[int]:
        yield item * self.factor

    def flush(self) -> Iterable[int]:
        return self.tail


class Failing:
    def __init__(self, after: int) -> None:
        self.left = after

    def feed(self, item: Any, /) -> Iterable[Any]:
        self.left -= 1
        if self.left < 0:
            raise OSError("the disk is on fire")
        yield item

    def flush(self) -> Iterable[Any]:
        return ()


class Collect:
    """A sink that remembers what came and how it ended."""

    def __init__(self, delay_s: float = 0.0) -> None:
        self.items: list[Any] = []
        self.ending = "open"
        self.delay_s = delay_s

    def write(self, item: Any, /) -> None:
        time.sleep(self.delay_s)
        self.items.append(item)

    def commit(self) -> None:
        assert self.ending == "open"
        self.ending = "committed"

    def discard(self) -> None:
        assert self.ending == "open"
        self.ending = "discarded"


class Numbers:
    """A source that knows how far it was read, and whether it was closed."""

    def __init__(self, count: int | None = None, delay_s: float = 0.0) -> None:
        self.count = count
        self.delay_s = delay_s
        self.sent = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[int]:
        try:
            while self.count is None or self.sent < self.count:
                await anyio.sleep(self.delay_s)
                self.sent += 1
                yield self.sent - 1
        finally:
            self.closed = True


@both_backends
def test_items_pass_through_stages_in_order_and_the_flush_comes_last(backend: str) -> None:
    sink = Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", Numbers(100))
            doubled = pipeline.stage("double", Times(2, tail=(-1,)), numbers)
            on_worker = pipeline.stage("again", Times(2), doubled, limiter=anyio.CapacityLimiter(1))
            pipeline.sink("collect", sink, on_worker)

    run(backend, main)
    assert sink.items == [4 * n for n in range(100)] + [-2]
    assert sink.ending == "committed"


@both_backends
@pytest.mark.parametrize("on_worker", [False, True])
def test_a_failing_middle_stage_never_lets_a_sink_commit(backend: str, on_worker: bool) -> None:
    sink, side, source = Collect(), Collect(), Numbers(1000)

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", source)
            left, right = pipeline.fan_out("split", numbers, 2)
            limiter = anyio.CapacityLimiter(1) if on_worker else None
            pipeline.sink("collect", sink, pipeline.stage("fail", Failing(10), left, limiter=limiter))
            pipeline.sink("side", side, right)

    with pytest.raises(OSError, match="on fire"):
        run(backend, main)
    assert sink.ending == side.ending == "discarded"
    assert source.closed


@both_backends
def test_a_failure_in_the_flush_never_lets_a_sink_commit(backend: str) -> None:
    class FailsAtTheEnd(Times):
        def flush(self) -> Iterable[int]:
            raise OSError("no tail")

    sink = Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", Numbers(3))
            pipeline.sink("collect", sink, pipeline.stage("tail", FailsAtTheEnd(1), numbers))

    with pytest.raises(OSError, match="no tail") as caught:
        run(backend, main)
    assert caught.value.__notes__ == ["in stage 'tail' at the end of the stream"]
    assert sink.ending == "discarded"


@both_backends
def test_a_slow_sink_holds_the_source_within_the_sum_of_capacities(backend: str) -> None:
    source, sink = Numbers(), Collect(delay_s=0.02)
    capacities, lead = [2, 3, 4], []

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            items = pipeline.source("count", source, capacity=capacities[0])
            items = pipeline.stage("inline", Times(1), items, capacity=capacities[1])
            items = pipeline.stage(
                "worker", Times(1), items, capacity=capacities[2], limiter=anyio.CapacityLimiter(1)
            )
            pipeline.sink("collect", sink, items)
            for _ in range(20):
                await anyio.sleep(0.02)
                lead.append(source.sent - len(sink.items))
                assert all(
                    depth <= capacity
                    for depth, capacity in zip(pipeline.depths().values(), capacities, strict=True)
                )
            pipeline.stop()

    run(backend, main)
    # in a part's hands: 1 at the source and the inline stage; a worker and a sink take a whole edge
    assert max(lead) <= sum(capacities) + 1 + 1 + capacities[1] + capacities[2]
    assert sink.ending == "committed"


@both_backends
def test_a_graceful_stop_delivers_and_commits_all_that_was_sent(backend: str) -> None:
    source, sink = Numbers(delay_s=0.001), Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", source)
            pipeline.sink("collect", sink, pipeline.stage("same", Times(1), numbers))
            while len(sink.items) < 10:
                await anyio.sleep(0.005)
            pipeline.stop()

    run(backend, main)
    assert source.closed
    assert sink.ending == "committed"
    assert sink.items == list(range(len(sink.items)))
    assert source.sent - 1 <= len(sink.items) <= source.sent  # one may have been in the source's hand


@both_backends
def test_an_abort_commits_nothing_and_ends_the_child_process(backend: str) -> None:
    sink = Collect()
    children: list[int] = []

    async def lines() -> AsyncIterator[int]:
        command = [
            sys.executable,
            "-c",
            "import time; [print(n, flush=True) or time.sleep(.01) for n in range(9999)]",
        ]
        process = await anyio.open_process(command, stderr=subprocess.DEVNULL)
        children.append(process.pid)
        try:
            assert process.stdout is not None
            async for data in process.stdout:
                yield len(data)
        finally:
            process.kill()
            with anyio.CancelScope(shield=True):
                await process.aclose()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            pipeline.sink("collect", sink, pipeline.source("child", lines()))
            while not sink.items:
                await anyio.sleep(0.01)
            pipeline.abort()
        assert not pipeline.committed

    run(backend, main)
    assert sink.ending == "discarded"
    assert children


@both_backends
def test_fan_out_gives_every_item_to_every_branch_and_the_slowest_rules(backend: str) -> None:
    fast, slow, source = Collect(), Collect(delay_s=0.01), Numbers(50)
    lead: list[int] = []

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", source, capacity=1)
            left, right = pipeline.fan_out("split", numbers, 2, capacity=2)
            pipeline.sink("fast", fast, left)
            pipeline.sink("slow", slow, right)
            while len(slow.items) < 40:
                await anyio.sleep(0.005)
                lead.append(len(fast.items) - len(slow.items))

    run(backend, main)
    assert fast.items == slow.items == list(range(50))
    assert max(lead) <= 2 + 2 + 1


@both_backends
def test_a_branch_whose_reader_leaves_does_not_hold_up_the_others(backend: str) -> None:
    sink = Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", Numbers(100))
            left, right = pipeline.fan_out("split", numbers, 2, capacity=1)
            pipeline.sink("collect", sink, left)
            async with right:
                assert await right.receive() == 0

    run(backend, main)
    assert sink.items == list(range(100))


@both_backends
def test_a_tap_loses_items_and_counts_them_but_holds_up_nobody(backend: str) -> None:
    main_sink, slow = Collect(), Collect(delay_s=0.02)
    counts: list[Callable[[], int]] = []

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers, copy, missed = pipeline.tap("tap", pipeline.source("count", Numbers(200)), capacity=2)
            counts.append(missed)
            pipeline.sink("all", main_sink, numbers)
            pipeline.sink("some", slow, copy)

    run(backend, main)
    assert main_sink.items == list(range(200))
    assert 0 < len(slow.items) < 200
    assert len(slow.items) + counts[0]() == 200


class Merge:
    """The textbook consumer of a fan-in: releases in order of time what all watermarks have passed."""

    def __init__(self, *sources: str) -> None:
        self.marks = dict.fromkeys(sources, 0)
        self.held: list[tuple[int, str, int]] = []

    def feed(self, item: Turn | Watermark, /) -> Iterator[tuple[int, str, int]]:
        if isinstance(item, Turn):
            self.held.append((item.start, item.speaker or "", item.id))
        else:
            self.marks[item.source] = item.at
            passed = min(self.marks.values())
            ready = sorted(row for row in self.held if row[0] < passed)
            self.held = [row for row in self.held if row[0] >= passed]
            yield from ready

    def flush(self) -> list[tuple[int, str, int]]:
        return sorted(self.held)


@settings(max_examples=25, deadline=None)
@given(
    capacity=st.sampled_from([0, 1, 7]),
    delays=st.lists(st.integers(0, 3), min_size=2, max_size=6),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_the_final_output_of_a_fan_in_does_not_depend_on_the_interleaving(
    capacity: int, delays: list[int], backend: str
) -> None:
    async def turns(speaker: str, shift: int) -> AsyncIterator[Turn | Watermark]:
        for n in range(12):
            for _ in range(delays[(n + shift) % len(delays)]):
                await anyio.lowlevel.checkpoint()
            start = 160 * (2 * n + shift)
            yield Turn(id=n, revision=0, final=True, start=start, end=start + 80, speaker=speaker)
            yield Watermark(source=speaker, at=start + 16)

    sink = Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            a = pipeline.source("a", turns("a", 0), capacity=capacity)
            b = pipeline.source("b", turns("b", 1), capacity=capacity)
            merged = pipeline.fan_in("merge", a, b, capacity=capacity)
            pipeline.sink(
                "collect", sink, pipeline.stage("order", Merge("a", "b"), merged, capacity=capacity)
            )

    run(backend, main)
    assert sink.items == [(160 * n, "ab"[n % 2], n // 2) for n in range(24)]


@both_backends
@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (4, 1), (1, 5), (3, 5)])
def test_a_stage_on_several_workers_keeps_the_order(backend: str, workers: int, batch: int) -> None:
    sink = Collect()
    sizes: list[int] = []
    calls = itertools.count()
    all_at_once = threading.Barrier(workers, timeout=5)

    def work(items: Sequence[int]) -> list[list[int]]:
        sizes.append(len(items))
        if next(calls) < workers:
            all_at_once.wait()
        time.sleep(0.01 * (3 - items[0] % 4))
        return [[item] * (item % 3) for item in items]

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            numbers = pipeline.source("count", Numbers(24))
            limiter = anyio.CapacityLimiter(workers)
            done = pipeline.workers("work", work, numbers, count=workers, limiter=limiter, batch=batch)
            pipeline.sink("collect", sink, done)

    run(backend, main)
    assert sink.items == [n for n in range(24) for _ in range(n % 3)]
    assert sum(sizes) == 24
    assert (max(sizes) > 1) == (batch > 1)
    assert max(sizes) <= batch


@both_backends
def test_an_error_names_its_stage_and_the_audio_position(backend: str) -> None:
    import numpy as np

    async def chunks() -> AsyncIterator[Chunk]:
        for n in range(10):
            yield Chunk(start=n * 8000, samples=np.zeros(8000, np.float32))

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            pipeline.sink(
                "collect", Collect(), pipeline.stage("break", Failing(3), pipeline.source("read", chunks()))
            )

    with pytest.raises(OSError, match="on fire") as caught:
        run(backend, main)
    assert caught.value.__notes__ == ["in stage 'break' at 1.500 s"]


@both_backends
def test_an_error_of_a_worker_or_a_sink_is_raised_as_itself(backend: str) -> None:
    def work(items: Sequence[int]) -> list[list[int]]:
        raise KeyError("lost")

    class FullDisk(Collect):
        def write(self, item: Any, /) -> None:
            raise OSError(28, "No space left on device")

    async def worker() -> None:
        async with Pipeline.run() as pipeline:
            done = pipeline.workers(
                "work", work, pipeline.source("n", Numbers(9)), count=2, limiter=anyio.CapacityLimiter(2)
            )
            pipeline.sink("collect", Collect(), done)

    async def sink() -> None:
        async with Pipeline.run() as pipeline:
            pipeline.sink("full", FullDisk(), pipeline.source("n", Numbers(9)))

    with pytest.raises(KeyError, match="lost"):
        run(backend, worker)
    with pytest.raises(OSError, match="No space left"):
        run(backend, sink)


@both_backends
def test_a_sink_that_cannot_commit_does_not_keep_the_others_from_theirs(backend: str) -> None:
    class Stubborn(Collect):
        def commit(self) -> None:
            raise OSError("cannot rename")

    other = Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            left, right = pipeline.fan_out("split", pipeline.source("n", Numbers(3)), 2)
            pipeline.sink("stubborn", Stubborn(), left)
            pipeline.sink("other", other, right)

    with pytest.raises(OSError, match="cannot rename"):
        run(backend, main)
    assert other.ending == "committed"


@both_backends
def test_a_chain_of_two_operators_is_one_stage(backend: str) -> None:
    sink = Collect()

    async def main() -> None:
        async with Pipeline.run() as pipeline:
            fused = chain(Times(2, tail=(100,)), Times(3, tail=(7,)))
            pipeline.sink("collect", sink, pipeline.stage("fused", fused, pipeline.source("n", Numbers(3))))

    run(backend, main)
    assert sink.items == [0, 6, 12, 300, 7]


def test_an_hour_of_pacing_takes_no_time_on_a_virtual_clock() -> None:
    sink = Collect()

    async def main() -> None:
        began = trio.current_time()
        async with Pipeline.run() as pipeline:
            ticks = pipeline.source("tick", Numbers(3600, delay_s=1.0), capacity=1)
            doubled = pipeline.stage("double", Times(2), ticks)
            async for item in doubled:
                sink.items.append(item)
        assert trio.current_time() - began == pytest.approx(3600, abs=1)

    began = time.perf_counter()
    trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))
    assert sink.items == [2 * n for n in range(3600)]
    assert time.perf_counter() - began < 30


@both_backends
def test_three_stages_on_workers_take_as_long_as_the_slowest(backend: str) -> None:
    """Each works while the others do: shown by overlap of their spans, not by the wall clock."""

    class Sleep(Times):
        def feed(self, item: int, /) -> Iterable[int]:
            time.sleep(self.factor / 1000)
            yield item

    tracer = Tracer()

    async def main() -> None:
        async with Pipeline.run(tracer=tracer) as pipeline:
            items = pipeline.source("n", Numbers(10))
            for delay in (5, 10, 15):
                items = pipeline.stage(f"{delay}", Sleep(delay), items, limiter=anyio.CapacityLimiter(1))
            pipeline.sink("collect", Collect(), items)

    run(backend, main)
    spans = {name: tracer.stage(name).items() for name in ("5", "15")}
    assert any(
        first.received < last.fed and last.received < first.fed
        for first in spans["5"]
        for last in spans["15"]
    )


@both_backends
def test_what_a_stage_waits_for_before_it_can_begin_is_no_work_of_its_operator(backend: str) -> None:
    tracer, sink = Tracer(), Collect()

    async def main() -> None:
        async with Pipeline.run(tracer=tracer) as pipeline:
            items = pipeline.source("n", Numbers(3))
            device = anyio.CapacityLimiter(1)
            slow = pipeline.stage("import", Times(2), items, limiter=device, ready=lambda: time.sleep(0.3))
            pipeline.sink("collect", sink, slow)

    run(backend, main)
    assert sink.items == [0, 2, 4]
    trace = tracer.stage("import")
    trace.fold()
    assert trace.wait.total >= 0.3e9
    assert trace.feed.total < 0.3e9


def test_two_edges_of_one_name_are_refused() -> None:
    async def main() -> None:
        async with Pipeline.run() as pipeline:
            pipeline.edge("a")
            pipeline.edge("a")

    with pytest.raises(ValueError, match="name of its own"):
        run("asyncio", main)


class Summing:
    """Remembers a sum; gives each partial one."""

    def __init__(self, *, state: int = 0) -> None:
        self._sum = state

    @property
    def state(self) -> int:
        return self._sum

    def feed(self, item: int, /) -> Iterable[int]:
        self._sum += item
        yield self._sum

    def flush(self) -> Iterable[int]:
        return ()


class Resuming(Collect):
    """A sink that can go on from where it was."""

    def checkpoint(self) -> int:
        return len(self.items)


@settings(max_examples=20, deadline=None)
@given(
    capacity=st.sampled_from([0, 1, 7]),
    every=st.integers(1, 9),
    count=st.integers(1, 40),
    batch=st.sampled_from([1, 3]),
    backend=st.sampled_from(["asyncio", "trio"]),
)
def test_a_barrier_cuts_the_whole_graph_at_one_place(
    capacity: int, every: int, count: int, batch: int, backend: str
) -> None:
    """Whatever the capacities: each state is that after exactly the items before the barrier."""
    cuts: list[tuple[Barrier, dict[str, Any]]] = []
    sink = Resuming()

    async def numbers() -> AsyncIterator[int | Barrier]:
        for n in range(count):
            if n and n % every == 0:
                yield Barrier(n // every, n)
            yield n

    async def main() -> None:
        checkpoints = Checkpoints(lambda barrier, states: cuts.append((barrier, states)))
        async with Pipeline.run(checkpoints=checkpoints) as pipeline:
            limiter = anyio.CapacityLimiter(3)
            items: Any = pipeline.source("n", numbers(), capacity=capacity)
            left, right = pipeline.fan_out("split", items, 2, capacity=capacity)
            left = pipeline.stage("inline", Summing(), left, capacity=capacity)
            right = pipeline.stage("worker", Summing(), right, capacity=capacity, limiter=limiter)
            right = pipeline.workers(
                "work",
                lambda ns: [[n, n] for n in ns],
                right,
                count=3,
                limiter=limiter,
                batch=batch,
                capacity=capacity,
            )
            both = pipeline.fan_in("merge", left, right, capacity=capacity)
            both = pipeline.stage("after", Summing(), both, capacity=capacity)
            pipeline.sink("collect", sink, both)
            ahead = pipeline.source("ahead", Numbers(3))
            pipeline.sink("kept", Collect(), pipeline.stage("store", Summing(), ahead, saves=False))

    run(backend, main)
    assert [barrier.position for barrier, _ in cuts] == list(range(every, count, every))
    for barrier, states in cuts:
        before = list(itertools.accumulate(range(barrier.position)))
        assert states["inline"] == states["worker"] == before[-1]
        assert states["after"] == 3 * sum(before)
        assert states["collect"] == 3 * barrier.position
