"""What the engine itself costs: a no-op stage against a bare anyio hop, and tracing against none.

Bars: each added no-op stage with tracing costs at most 2 bare hops (buffer >= 1); tracing adds at most
15 % to it; three stages of 10, 20 and 30 ms on workers take at most 1.15 x the slowest one's total.

    python -m benches.channel
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import AsyncIterator, Iterable

import anyio
import numpy as np

from stream_engine.events import Chunk
from stream_engine.pipeline import Pipeline
from stream_engine.tracer import NullTracer, Tracer

ITEMS = 20_000
ROUNDS = 15
CAPACITY = 8
STAGES = 4


class Pass:
    def feed(self, item: Chunk, /) -> Iterable[Chunk]:
        return (item,)

    def flush(self) -> Iterable[Chunk]:
        return ()


class Work:
    def __init__(self, duration_s: float) -> None:
        self.duration_s = duration_s

    def feed(self, item: Chunk, /) -> Iterable[Chunk]:
        time.sleep(self.duration_s)
        return (item,)

    def flush(self) -> Iterable[Chunk]:
        return ()


class Nowhere:
    def write(self, item: Chunk, /) -> None: ...

    def commit(self) -> None: ...

    def discard(self) -> None: ...


async def chunks(count: int) -> AsyncIterator[Chunk]:
    samples = np.zeros(320, np.float32)  # 20 ms
    for number in range(count):
        yield Chunk(start=number * 320, samples=samples)


async def bare_hops(hops: int) -> float:
    """CPU seconds for all items over `hops` plain memory streams, each read and written by its own task."""
    ends = [anyio.create_memory_object_stream[Chunk](CAPACITY) for _ in range(hops + 1)]

    async def forward(index: int) -> None:
        send, receive = ends[index + 1][0], ends[index][1]
        async with receive, send:
            async for item in receive:
                await send.send(item)

    began = time.process_time()
    async with anyio.create_task_group() as group:
        for index in range(hops):
            group.start_soon(forward, index)

        async def drain() -> None:
            async with ends[-1][1] as receive:
                async for _ in receive:
                    pass

        group.start_soon(drain)
        async with ends[0][0] as send:
            async for item in chunks(ITEMS):
                await send.send(item)
    return time.process_time() - began


async def engine(stages: int, tracer: Tracer) -> float:
    """CPU seconds for all items through `stages` no-op stages."""
    began = time.process_time()
    async with Pipeline.run(tracer=tracer) as pipeline:
        items = pipeline.source("source", chunks(ITEMS), capacity=CAPACITY)
        for number in range(stages):
            items = pipeline.stage(f"pass {number}", Pass(), items, capacity=CAPACITY)
        async for _ in items:
            pass
    return time.process_time() - began


async def pipelined() -> float:
    """Wall time of three stages of 10, 20, 30 ms on workers, over the slowest one's total."""
    count = 30
    began = time.perf_counter()
    async with Pipeline.run(tracer=Tracer()) as pipeline:
        items = pipeline.source("source", chunks(count))
        for delay_ms in (10, 20, 30):
            items = pipeline.stage(
                f"{delay_ms} ms", Work(delay_ms / 1000), items, limiter=anyio.CapacityLimiter(1)
            )
        pipeline.sink("nowhere", Nowhere(), items)
    return (time.perf_counter() - began) / (count * 0.030)


def per_item_us(more: float, less: float) -> float:
    """Microseconds per item and added stage, from runs with one stage and with `1 + STAGES`."""
    return (more - less) / STAGES / ITEMS * 1e6


def measure() -> dict[str, float]:
    """Medians of rounds in which all contenders run one after the other."""
    hops: list[float] = []
    untraced: list[float] = []
    traced: list[float] = []
    for _ in range(ROUNDS):
        hops.append(per_item_us(anyio.run(bare_hops, 1 + STAGES), anyio.run(bare_hops, 1)))
        untraced.append(
            per_item_us(anyio.run(engine, 1 + STAGES, NullTracer()), anyio.run(engine, 1, NullTracer()))
        )
        traced.append(per_item_us(anyio.run(engine, 1 + STAGES, Tracer()), anyio.run(engine, 1, Tracer())))
    hop, bare, full = map(statistics.median, (hops, untraced, traced))
    return {
        "bare_anyio_hop_us": round(hop, 2),
        "stage_untraced_us": round(bare, 2),
        "stage_traced_us": round(full, 2),
        "stage_traced_over_hop": round(full / hop, 2),
        "tracing_share_of_stage": round((full - bare) / full, 3),
        "pipelining_wall_over_slowest": round(statistics.median(anyio.run(pipelined) for _ in range(3)), 3),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
