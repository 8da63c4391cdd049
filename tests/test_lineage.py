"""The latency of a word, in parts that add up, for the engine on real speech and for planted delays."""

from __future__ import annotations

import json
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest

import stream_engine
from operators.audio.stft import Spectra, Stft
from stream_engine.clock import RATE
from stream_engine.emission import Emission, EmissionState
from stream_engine.events import Chunk, Segment, SessionEnd, SessionStart
from stream_engine.pipeline import Pipeline
from stream_engine.tracer import Tracer
from tests.speech import CALL

PARTS = ("capture", "policy", "lookahead", "queueing", "batch", "compute", "emission")


def words_of(folder: Path) -> list[dict[str, Any]]:
    trace = json.loads((folder / "trace.json").read_text())["traceEvents"]
    return [event["args"] for event in trace if event["ph"] == "X" and event["name"] == "word"]


@pytest.mark.parametrize("diarizer", ["community-1", "none"])
def test_the_parts_of_a_words_latency_are_its_emission_less_its_end(tmp_path: Path, diarizer: str) -> None:
    pace = 6.0
    result = stream_engine.transcribe(CALL, out=tmp_path, pace=pace, diarizer=diarizer)
    told = [event for event in result.events if isinstance(event, Segment)]
    words = words_of(result.folder)
    assert len(words) == len(told) >= 2
    for segment, parts in zip(told, words, strict=True):
        assert parts["audio_s"] == segment.end / RATE
        latency_ms = 1000 * (segment.emitted_at - segment.end / RATE / pace)
        assert sum(parts[name] for name in PARTS) == pytest.approx(latency_ms, abs=5)
        assert all(parts[name] >= 0 for name in PARTS)
        assert parts["compute"] > 0
    summary = result.performance_metrics["word_latency"]
    assert {*summary} == {*PARTS, "total"}
    assert summary["total"]["count"] == len(told)
    totals = [word["total"] for word in words]
    assert 0.9 * min(totals) <= summary["total"]["p50_ms"] <= summary["total"]["max_ms"] + 0.01
    assert summary["total"]["max_ms"] == pytest.approx(max(totals), abs=0.01)


async def test_what_passes_before_audio_is_asked_for_makes_no_word_late(tmp_path: Path) -> None:
    options = {"pace": 6.0, "diarizer": "none", "analytics": "none"}
    async with stream_engine.open_session(CALL, out=tmp_path, **options) as session:
        time.sleep(1.5)  # noqa: ASYNC251 - as an import or a slow disk might take, before the first turn of the loop
    words = words_of(session.result.folder)
    assert words
    assert min(word["capture"] for word in words) < 1000
    texts = [event for event in session.result.events if isinstance(event, Segment)]
    lag = session.result.performance_metrics["lag"]["final segment"]
    lags = [1000 * (text.emitted_at - text.end / RATE / 6.0) for text in texts]
    assert lag["max_ms"] == pytest.approx(max(lags), abs=2)


async def test_a_run_that_goes_on_has_the_lag_of_its_own_audio_and_the_time_of_the_whole_session() -> None:
    hour = 3600 * 10**9
    tracer = await told(
        lambda pipeline, audio: pipeline.stage("texts", Slow(0.0), audio, limiter=anyio.CapacityLimiter(1)),
        EmissionState(elapsed_ns=hour, started=True, first={}),
    )
    assert tracer.words
    assert all(parts.total < 2e9 for _, _, parts in tracer.words)
    assert tracer.metrics["final segment"].largest < 2e9


def test_what_is_fed_as_fast_as_possible_has_no_lag(tmp_path: Path) -> None:
    figures = stream_engine.transcribe(CALL, out=tmp_path, diarizer="none", fresh=True).performance_metrics
    assert figures["lag"] == {}
    assert figures["word_latency"]["total"]["count"] > 0


class Slow:
    """A text for every so many chunks, about the second before it; each chunk takes `cost_s`."""

    def __init__(self, cost_s: float, *, every: int = 4) -> None:
        self._cost_s = cost_s
        self._every = every
        self._count = 0

    def feed(self, item: Chunk, /) -> Iterable[Segment]:
        time.sleep(self._cost_s)
        self._count += 1
        if self._count % self._every == 0:
            yield text(item.start - 2 * RATE // 10, item.start - RATE // 10)

    def flush(self) -> Iterable[Segment]:
        return ()


class Passed:
    def __init__(self, cost_s: float) -> None:
        self._cost_s = cost_s

    def feed(self, item: Segment, /) -> Iterable[Segment]:
        time.sleep(self._cost_s)
        yield text(item.start, item.end)

    def flush(self) -> Iterable[Segment]:
        return ()


def text(start: int, end: int) -> Segment:
    return Segment(
        id=start, revision=0, final=True, start=start, end=end, speaker=None, text="so", words=None
    )


async def told(build: Callable[[Pipeline, Any], Any], state: EmissionState | None = None) -> Tracer:
    """The trace of 40 chunks of 0.1 s at pace 1 through what is built."""

    async def source() -> AsyncIterator[Chunk]:
        began = anyio.current_time()
        for number in range(40):
            await anyio.sleep_until(began + (number + 1) / 10)
            yield Chunk(start=number * RATE // 10, samples=np.zeros(RATE // 10, np.float32))

    tracer = Tracer()
    emission = Emission(
        tracer=tracer,
        start=SessionStart(schema=2, source="", recogniser="", diarizer=""),
        end=lambda: SessionEnd(duration=4 * RATE),
        live=True,
        state=state,
    )
    async with Pipeline.run(tracer=tracer) as pipeline:
        events = pipeline.stage("emission", emission, build(pipeline, pipeline.source("audio", source())))
        async for _ in events:
            pass
    return tracer


async def test_a_planted_delay_shows_in_the_part_that_it_is() -> None:
    device = anyio.CapacityLimiter(1)

    def computing(pipeline: Pipeline, audio: Any) -> Any:
        texts = pipeline.stage("texts", Slow(0.001), audio, limiter=device)
        return pipeline.stage("slow", Passed(0.08), texts, limiter=anyio.CapacityLimiter(1))

    tracer = await told(computing)
    assert len(tracer.words) == 10
    for _, _, parts in tracer.words:
        assert parts.compute > 75e6
        assert parts.lookahead > 150e6  # it is known two chunks after its last one has come
        assert parts.policy == 0
        assert parts.total == sum(parts)

    def working(batch: Any) -> list[list[Segment]]:
        time.sleep(0.3)
        return [[text(item.start, item.end)] for item in batch]

    def batched(pipeline: Pipeline, audio: Any) -> Any:
        texts = pipeline.stage("texts", Slow(0.0, every=2), audio, limiter=device)
        return pipeline.workers("batch", working, texts, count=1, limiter=anyio.CapacityLimiter(1), batch=4)

    tracer = await told(batched)
    together = [parts for _, _, parts in tracer.words if parts.batch > 0]
    assert together  # those that were recognised with others waited for them
    for parts in together:
        assert parts.compute + parts.batch > 295e6


async def test_spectra_are_let_go_while_the_ways_of_events_are_known() -> None:
    async def source() -> AsyncIterator[Chunk]:
        for number in range(60):
            yield Chunk(start=number * RATE, samples=np.zeros(RATE, np.float32))

    passed: list[weakref.ref[Any]] = []

    class Named:
        """A text for each stretch of spectra, and a look at how many of them are still there."""

        most = 0

        def feed(self, item: Spectra, /) -> Iterable[Segment]:
            passed.append(weakref.ref(item.spectrum))
            self.most = max(self.most, sum(one() is not None for one in passed))
            yield text(item.start, item.end)

        def flush(self) -> Iterable[Segment]:
            return ()

    named, tracer, device = Named(), Tracer(), anyio.CapacityLimiter(1)
    async with Pipeline.run(tracer=tracer) as pipeline:
        spectra = pipeline.stage(
            "spectra", Stft(), pipeline.source("audio", source()), capacity=2, limiter=device
        )
        texts = [item async for item in pipeline.stage("named", named, spectra, limiter=device)]
    assert len(passed) >= 60
    assert named.most <= 30  # of 60: on the edges, and in the hands of two stages
    assert tracer.lineage is not None
    assert all(tracer.lineage.way(segment) for segment in texts)
