"""What the timeline of a report is drawn from: nothing is lost that can be seen, and it does not grow."""

from __future__ import annotations

from base64 import b64decode, b64encode

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sinks.report.intervals import Intervals
from sinks.report.loudness import coarser, envelope
from sinks.report.picture import bars, shares, ticks
from stream_engine.clock import samples
from stream_engine.events import Envelope


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), max_size=50))
def test_intervals_come_back_from_their_numbers(steps: list[tuple[int, int]]) -> None:
    found, expected, at = Intervals(1), [], 0
    for step, length in steps:
        at += step
        found.add(16 * at, 16 * (at + length), 7)
        expected.append([at, at + length])
    assert found.times().tolist() == expected
    numbers = np.array(found.numbers()).reshape(-1, 3)
    assert numbers[:, 0].cumsum().tolist() == [start for start, _ in expected]


def test_a_picture_does_not_grow_with_the_session() -> None:
    starts = np.arange(100_000) / 100
    assert len(bars(np.stack((starts, starts + 0.004), 1), 0, 10)) < 30_000
    assert (
        bars(np.array([[1.0, 2.0], [2.5, 2.9], [9.0, 9.1]]), 5, 10)
        == "M1.0 5h2.3v10h-2.3zM9.0 5h0.8v10h-0.8z"
    )


def test_where_a_pixel_holds_many_turns_the_bar_is_as_high_as_they_fill_it() -> None:
    found = shares(np.array([[0.0, 2.0], [3.0, 4.0], [7.0, 13.0]]), 5, 10)
    assert found == "M0 15v-7.5h4v7.5zM4 15v-2.5h4v2.5zM8 15v-10.0h4v10.0zM12 15v-2.5h4v2.5z"
    assert not shares(np.zeros((0, 2)), 5, 10)


def test_an_envelope_keeps_its_peaks_and_its_holes() -> None:
    told = [
        Envelope(start=1600 * start, end=0, peaks=b64encode(bytes([start] * 3)).decode()) for start in (2, 8)
    ]
    level = envelope(told, 1600 * 10)
    assert level.tolist() == [0, 0, 2, 2, 2, 0, 0, 0, 8, 8]
    assert coarser(level, 4)[0].tolist() == [2, 2, 8, 8]
    assert not len(envelope([], 16_000))
    assert b64decode(told[0].peaks) == b"\x02\x02\x02"


def test_ticks_are_few_and_round() -> None:
    for duration_s in (0.5, 12, 61, 3600, 36_000, 90_000):
        found = ticks(samples(duration_s))
        assert 1 <= len(found) <= 9
        assert found[0] == (0.0, "0:00")
