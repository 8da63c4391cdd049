"""Who waits does no work, whatever for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import pytest

from stream_engine.pipeline import Pipeline
from stream_engine.tracer import Tracer


class Passing:
    def feed(self, item: int, /) -> list[int]:
        return [item]

    def flush(self) -> list[int]:
        return []


@pytest.mark.parametrize("on_device", [False, True])
async def test_an_end_of_stream_that_comes_late_is_waited_for_and_not_computed(on_device: bool) -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        await anyio.sleep(0.3)

    tracer = Tracer()
    async with Pipeline.run(tracer=tracer) as pipeline:
        device = anyio.CapacityLimiter(1) if on_device else None
        items = pipeline.stage("pass", Passing(), pipeline.source("n", numbers()), limiter=device)
        assert [item async for item in items] == [1]
    trace = tracer.stage("pass")
    trace.fold()
    assert trace.wait.total >= 0.29e9
    assert trace.feed.total < 0.1e9
