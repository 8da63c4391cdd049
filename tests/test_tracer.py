"""The tracer: right figures, bounded memory, and formats that others read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.chrome_trace import write_trace
from sinks.performance import write_json, write_text
from sinks.word_latency import PARTS
from stream_engine.lineage import WordLatency
from stream_engine.performance import metrics
from stream_engine.tracer import COUNTER_SAMPLES, KEPT, SLOWEST, Histogram, Tracer, packed

PERCENTILE_TOLERANCE = 0.045  # one bin


class Ticks:
    """A clock that is told the time."""

    def __init__(self) -> None:
        self.now = 0

    def __call__(self) -> int:
        return self.now


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=300), st.sampled_from([50, 95, 99]))
def test_percentiles_of_a_histogram_are_within_a_bin_of_the_exact_ones(durations: list[int], p: int) -> None:
    histogram = Histogram()
    histogram.add(np.array(durations, np.int64))
    exact = sorted(durations)[max(0, int(np.ceil(p / 100 * len(durations))) - 1)]
    assert histogram.percentile(p) == pytest.approx(exact, rel=PERCENTILE_TOLERANCE, abs=1)
    assert (histogram.count, histogram.total) == (len(durations), sum(durations))


def test_a_counter_keeps_its_last_samples_in_little_memory() -> None:
    clock = Ticks()
    tracer = Tracer(clock=clock)
    told: list[tuple[int, float]] = []
    for number in range(5 * COUNTER_SAMPLES // 2 + 7):
        clock.now = number * 250_000_000 + 2**60
        tracer.counter("queue", number / 4)
        told.append((clock.now, number / 4))
        if number in (0, COUNTER_SAMPLES - 1, COUNTER_SAMPLES, 2 * COUNTER_SAMPLES):
            assert list(tracer.counters["queue"]) == told[-COUNTER_SAMPLES:]
    samples = tracer.counters["queue"]
    assert list(samples) == told[-COUNTER_SAMPLES:]
    assert (len(samples), samples.last) == (COUNTER_SAMPLES, told[-1][1])
    assert len(samples._packed) <= 40 * COUNTER_SAMPLES


def test_one_fold_of_more_than_is_kept_takes_nothing_from_a_ring_that_was_not_full() -> None:
    stage = Tracer(clock=Ticks()).stage("burst")
    stage._kept[:] = 10**15  # what may have been in that memory before
    for number in range(KEPT + 160):
        stage.record(packed(number, 0, 0, 1_000, 1_000))
    assert max(item.fed for item in stage.items()) == 1_000


@pytest.mark.parametrize("every", [97, 5000, 20_000])
def test_a_stage_of_many_items_keeps_the_last_and_the_slowest_and_no_more(every: int) -> None:
    stage = Tracer(clock=Ticks()).stage("busy")
    slow = 123_456
    for number in range(150_000):
        feed = 10_000_000 if number == slow else 1_000
        stage.record(
            packed(
                number,
                number * 2000,
                number * 2000 + 500,
                number * 2000 + 500 + feed,
                number * 2000 + 600 + feed,
            )
        )
        if number % every == 0:
            stage.fold()
    kept = stage.items()
    assert len(kept) == KEPT + SLOWEST
    assert [item.position for item in kept[SLOWEST:]] == list(range(150_000 - KEPT, 150_000))
    assert slow in {item.position for item in kept[:SLOWEST]}
    assert stage.feed.count == 150_000
    assert len(stage._buffer) == 0


def test_metrics_say_which_stage_was_busy_and_which_was_starved() -> None:
    clock = Ticks()
    tracer = Tracer(clock=clock)
    second = 1_000_000_000
    tracer.stage("slow").record(packed(0, 0, second, 9 * second, 9 * second))
    tracer.stage("starved").record(packed(0, 0, 9 * second, 9 * second + 1000, 9 * second + 1000))
    tracer.observe("final segment", 2 * second)
    clock.now = 10 * second
    figures = metrics(tracer, audio_s=20.0, first={"final segment": 9.0})
    assert figures["total_duration"] == 10.0
    assert figures["audio_seconds_per_second"] == 2.0
    assert figures["bottleneck"] == "slow"
    assert figures["stages"]["slow"]["busy"] == pytest.approx(0.8)
    assert figures["stages"]["starved"]["starved"] == pytest.approx(0.9)
    assert figures["stages"]["slow"]["times_real_time"] == pytest.approx(2.5)
    assert figures["lag"]["final segment"]["p50_ms"] == pytest.approx(2000, rel=PERCENTILE_TOLERANCE)
    resumed = metrics(tracer, audio_s=20.0, resumed_at_s=12.0, first={})
    assert resumed["audio_duration"] == 20.0
    assert resumed["audio_seconds_per_second"] == 0.8  # of what this run heard
    assert resumed["stages"]["slow"]["times_real_time"] == pytest.approx(1.0)


def test_the_performance_files_name_every_stage_and_tell_why_words_were_late(
    tmp_path: Path,
) -> None:
    tracer = Tracer()
    tracer.word(0, 0, WordLatency(1_000_000, 0, 2_000_000_000, 0, 0, 500_000_000, 0))
    tracer.stage("diarization").record(packed(0, 0, 10, 20_000_000, 20_000_100))
    figures = {**metrics(tracer, audio_s=1.0, first={}), "paced": True}
    write_json(figures, tmp_path / "performance.json")
    write_text(figures, tmp_path / "performance.txt")
    assert json.loads((tmp_path / "performance.json").read_text())["stages"]["diarization"]["items"] == 1
    lines = (tmp_path / "performance.txt").read_text().splitlines()
    assert any(line.startswith("diarization") for line in lines)
    rows = {line.split()[0]: line.split()[1] for line in lines if line.split()[1:]}
    assert {*PARTS, "total"} <= {*rows}
    assert float(rows["lookahead"]) == 2
    assert float(rows["total"]) == pytest.approx(2.501)


def test_the_trace_is_valid_chrome_trace_events_with_slices_in_order(tmp_path: Path) -> None:
    tracer = Tracer(clock=Ticks())
    for number in range(3):
        start = number * 100_000
        tracer.stage("a").record(
            packed(16000 * number, start, start + 20_000, start + 70_000, start + 90_000)
        )
    tracer.counter("queue a", 3)
    write_trace(tracer, tmp_path / "trace.json")
    trace = json.loads((tmp_path / "trace.json").read_text())
    events = trace["traceEvents"]
    assert all({"ph", "pid", "tid", "name"} <= event.keys() for event in events)
    assert {event["args"]["name"] for event in events if event["name"] == "thread_name"} == {"a"}
    slices = [event for event in events if event["ph"] == "X"]
    assert [event["name"] for event in slices[:3]] == ["wait", "feed", "send"]
    assert all(event["dur"] >= 0 and event["ts"] >= 0 for event in slices)
    assert [event["args"]["audio_s"] for event in slices if event["name"] == "feed"] == [0.0, 1.0, 2.0]
    assert [event["args"]["value"] for event in events if event["ph"] == "C"] == [3]
