"""trace.json keeps to the Trace Event Format: fields by phase, slices that nest, arrows that are tied."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream_engine
from sinks.chrome_trace import trace_events, write_trace
from stream_engine.lineage import WordLatency
from stream_engine.tracer import Tracer, packed
from tests.speech import CALL

Event = dict[str, Any]
NUMBER = (int, float)
ALWAYS = {"ph": str, "pid": int, "tid": int, "name": str}
BY_PHASE: dict[str, dict[str, Any]] = {  # "Trace Event Format", Google, 2016
    "X": {"ts": NUMBER, "dur": NUMBER, "cat": str, "args": dict},
    "M": {"args": dict},
    "C": {"ts": NUMBER, "args": dict},
    "s": {"ts": NUMBER, "id": int, "cat": str},
    "f": {"ts": NUMBER, "id": int, "cat": str, "bp": str},
}
METADATA = {
    "process_name": ("name", str),
    "thread_name": ("name", str),
    "thread_sort_index": ("sort_index", int),
}
MS = 1_000_000


def check(events: list[Event]) -> None:
    """Raises AssertionError where the events are none of the format."""
    for event in events:
        fields = ALWAYS | BY_PHASE[event["ph"]]
        assert fields.keys() <= event.keys(), event
        assert event.keys() <= fields.keys() | {"args"}, event
        for name, kind in fields.items():
            assert isinstance(event[name], kind), (name, event)
        for name in ("ts", "dur"):
            assert math.isfinite(event.get(name, 0)), event
            assert event.get(name, 0) >= 0, event
        if event["ph"] == "M":
            key, kind = METADATA[event["name"]]
            assert isinstance(event["args"][key], kind)
        if event["ph"] == "C":
            assert event["args"]
            assert all(isinstance(value, NUMBER) for value in event["args"].values())
    slices = _nested(events)
    _tied(events, slices)


def _nested(events: list[Event]) -> dict[int, list[tuple[float, float]]]:
    """Slices by track; of two that overlap, one holds the other, and each track has a name."""
    named = {event["tid"] for event in events if event["name"] == "thread_name"}
    slices: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            slices[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
    assert slices.keys() <= named
    for track in slices.values():
        track.sort(key=lambda each: (each[0], -each[1]))
        around: list[float] = []
        for start, end in track:
            while around and around[-1] <= start + 1e-3:
                around.pop()
            assert not around or end <= around[-1] + 1e-3, (start, end)
            around.append(end)
    return slices


def _tied(events: list[Event], slices: dict[int, list[tuple[float, float]]]) -> None:
    """Each arrow has one beginning and one end, within slices, and does not go back in time."""
    flows: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        if event["ph"] in "sf":
            flows[event["id"]].append(event)
            inside = [1 for start, end in slices[event["tid"]] if start <= event["ts"] < end]
            assert inside, event
    for both in flows.values():
        assert [event["ph"] for event in both] == ["s", "f"]
        assert len({(event["name"], event["cat"]) for event in both}) == 1
        assert both[0]["ts"] <= both[1]["ts"]
        assert both[1]["bp"] == "e"


def test_the_trace_of_a_session_is_valid(tmp_path: Path) -> None:
    result = stream_engine.transcribe(CALL, out=tmp_path, fresh=True, analytics="none")
    trace = json.loads((result.folder / "trace.json").read_text())
    assert trace.keys() == {"displayTimeUnit", "traceEvents"}
    events = trace["traceEvents"]
    check(events)
    names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
    assert {"audio", "diarization", "recognition", "emission", "words"} <= set(names.values())
    arrows = [event for event in events if event["ph"] in "sf"]
    assert len(arrows) == 2 * len(result.segments) > 0
    assert {names[event["tid"]] for event in arrows} == {"audio", "emission"}
    assert any(event["ph"] == "C" for event in events)


moments = st.integers(0, 50 * MS)


@given(
    st.dictionaries(
        st.sampled_from(["audio", "emission", "other"]),
        st.lists(st.tuples(moments, moments, moments, moments), max_size=30),
    ),
    st.lists(st.tuples(moments, moments, moments), max_size=10),
)
def test_any_spans_and_words_make_a_valid_trace(
    spans: dict[str, list[tuple[int, int, int, int]]], words: list[tuple[int, int, int]]
) -> None:
    tracer = Tracer(clock=lambda: 100 * MS)
    tracer.began = 0
    for name, rows in spans.items():
        for row in rows:
            tracer.stage(name).record(packed(-1, *sorted(row)))
    for start, length, lookahead in words:
        took = length + 1
        parts = WordLatency(0, 0, min(lookahead, took), 0, 0, max(0, took - lookahead), 0)
        tracer.word(0, start + took, parts)
    check(list(trace_events(tracer)))


def test_items_at_the_same_time_lie_on_tracks_of_one_name() -> None:
    tracer = Tracer(clock=lambda: 0)
    for start in (0, 5, 10):
        tracer.stage("recognition").record(
            packed(0, start * MS, start * MS, (start + 7) * MS, (start + 8) * MS)
        )
    events = list(trace_events(tracer))
    check(events)
    named = [event for event in events if event["name"] == "thread_name"]
    assert [event["args"]["name"] for event in named] == ["recognition"] * 2
    fed = [event["tid"] for event in events if event["name"] == "feed"]
    assert fed[0] == fed[2] != fed[1]


def test_a_sample_that_is_no_number_is_left_out(tmp_path: Path) -> None:
    tracer = Tracer()
    for value in (1.0, math.nan, math.inf, 2):
        tracer.counter("queue", value)
    write_trace(tracer, tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    check(events)
    assert [event["args"]["value"] for event in events if event["ph"] == "C"] == [1.0, 2]


@pytest.mark.parametrize(
    "broken",
    [
        {"ph": "X", "pid": 1, "tid": 1, "name": "feed", "cat": "a", "ts": 0.0, "args": {}},
        {"ph": "C", "pid": 1, "tid": 0, "name": "queue", "ts": 0.0, "args": {"value": None}},
        {"ph": "s", "pid": 1, "tid": 7, "name": "word", "cat": "word", "ts": 0.0, "id": 1},
    ],
)
def test_the_check_finds_what_is_broken(broken: Event) -> None:
    with pytest.raises(AssertionError):
        check([broken])
