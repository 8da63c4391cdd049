"""Columns of frames, and what the frames of a segment say of it."""

import math

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.prosody.columns import ColumnsState, FrameColumns
from operators.prosody.frame_statistics import FrameStatistics, frame_statistics
from operators.prosody.frames import ProsodyFrames


def frames(rms_db: object, f0_hz: object = None, start: int = 0) -> ProsodyFrames:
    level = np.asarray(rms_db, np.float32)
    f0 = np.zeros_like(level) if f0_hz is None else np.asarray(f0_hz, np.float32)
    voicing = (f0 > 0).astype(np.float32)
    return ProsodyFrames(start, level, f0, voicing, np.full_like(level, 1500), np.full_like(level, 0.1))


def talk(*stretches: tuple[float, int]) -> ProsodyFrames:
    """Stretches of one level, in dB and frames."""
    return frames(np.concatenate([np.full(count, level) for level, count in stretches]))


def test_pauses_are_counted_and_timed_by_the_hop() -> None:
    said = frame_statistics(
        talk((-20, 100), (-60, 19), (-20, 100), (-60, 20), (-20, 50), (-60, 65), (-20, 46))
    )
    assert (said.pauses, said.long_pauses) == (2, 1)
    assert said.pause_s == 0.85
    assert said.pause_ratio == round(85 / 400, 3)


def test_the_shortest_pause_is_the_callers_choice() -> None:
    said = talk((-20, 100), (-60, 30), (-20, 100), (-60, 50), (-20, 100))
    assert frame_statistics(said, pause_min_ms=300).pauses == 2
    assert frame_statistics(said, pause_min_ms=301).pauses == 1
    assert frame_statistics(said, long_pause_ms=400).long_pauses == 1


def test_silence_at_the_ends_counts_and_a_click_does_not_break_it() -> None:
    said = frame_statistics(talk((-60, 30), (-20, 2), (-60, 30), (-20, 200)))
    assert (said.pauses, said.pause_s) == (1, 0.62)


def test_speech_without_a_pause_has_none() -> None:
    """Of a level that varies by less than 8 dB, all was once taken for silence."""
    level = -20 + np.random.default_rng(0).uniform(-3, 3, 300)
    said = frame_statistics(frames(level))
    assert (said.pauses, said.pause_s, said.pause_ratio) == (0, 0.0, 0.0)


@pytest.mark.parametrize("count", range(1, 200))
def test_any_length_has_a_loudness_and_pauses(count: int) -> None:
    """An even median kernel once raised for 80 to 99 and 120 to 139 frames."""
    said = frame_statistics(talk((-20, count)))
    assert (said.loudness_dbfs, said.loudness_range_db, said.pauses) == (-20, 0, 0)


def test_pitch_needs_voice_and_is_robust() -> None:
    f0 = np.zeros(400)
    f0[:19] = 120
    assert frame_statistics(frames(np.full(400, -20.0), f0)).f0_median_hz is None
    f0[:80] = np.linspace(110, 130, 80)
    f0[80:84] = 380  # an octave error or two
    said = frame_statistics(frames(np.full(400, -20.0), f0))
    assert said.f0_median_hz == pytest.approx(120, abs=0.2)
    assert said.f0_iqr_hz == pytest.approx(10, abs=0.2)
    assert said.voiced_ratio == 0.21


def test_outliers_stay_if_they_are_most() -> None:
    f0 = np.concatenate((np.full(60, 100.0), np.linspace(60, 400, 59)))
    low, high = np.percentile(f0, (25, 75))
    kept = np.mean((f0 >= low - 1.5 * (high - low)) & (f0 <= high + 1.5 * (high - low)))
    said = frame_statistics(frames(np.full(len(f0), -20.0), f0))
    expected = f0[(f0 <= high + 1.5 * (high - low))] if kept > 0.5 else f0
    assert said.f0_median_hz == pytest.approx(np.median(expected), abs=0.06)


def test_colour_is_that_of_what_sounds() -> None:
    said = talk((-20, 100), (-70, 150))
    said.centroid_hz[100:] = 5000
    said.flatness[100:] = 0.9
    found = frame_statistics(said)
    assert found.centroid_hz == pytest.approx(1500, abs=60)
    assert found.flatness == pytest.approx(0.1, abs=0.01)


def test_of_no_frames_nothing_is_said() -> None:
    assert frame_statistics(frames([])) == FrameStatistics()


@settings(max_examples=50)
@given(st.lists(st.floats(-120, 0, width=32), min_size=1, max_size=120), st.integers(0, 3))
def test_figures_are_plain_finite_numbers(levels: list[float], every: int) -> None:
    f0 = np.where(np.arange(len(levels)) % 4 < every, 150.0, 0.0)
    found = msgspec.structs.asdict(frame_statistics(frames(levels, f0)))
    assert all(type(value) in (int, float, type(None)) for value in found.values())
    assert all(math.isfinite(value) for value in found.values() if value is not None)
    assert msgspec.json.encode(found)
    assert 0 <= found["pause_ratio"] <= 1


@settings(max_examples=50)
@given(
    st.integers(0, 5),
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 40)), min_size=1, max_size=20),
    st.integers(0, 200),
    st.integers(0, 200),
)
def test_columns_hold_what_was_not_forgotten(
    first: int, steps: list[tuple[int, int]], left: int, right: int
) -> None:
    """Against a list of all frames: frame i has level i."""
    columns, given_, forgotten = FrameColumns(), first, first
    for count, forget in steps:
        levels = np.arange(given_, given_ + count)
        columns.add(frames(levels, start=160 * given_))
        given_ += count
        forgotten = min(given_, max(forgotten, forgotten + forget))
        columns.forget(160 * forgotten + 159)
        packed = msgspec.msgpack.encode(columns.state)
        columns = FrameColumns(state=msgspec.msgpack.decode(packed, type=ColumnsState))
    if any(count for count, _ in steps):
        assert columns.end == 160 * given_
    low, high = sorted((left, right))
    found = columns.slice(16 * 10 * low + 16, 160 * high + 96)
    expected = [i for i in range(forgotten, given_) if 160 * low + 16 <= 160 * i + 80 < 160 * high + 96]
    assert found.rms_db.tolist() == expected
    assert not expected or found.start == 160 * expected[0]


def test_slices_are_views_and_stay_as_they_were() -> None:
    columns = FrameColumns()
    columns.add(frames(np.arange(10)))
    kept = columns.slice(160, 800)
    assert np.shares_memory(kept.rms_db, columns.slice(0, 1600).rms_db)
    for i in range(1, 50):
        columns.forget(1600 * i)
        columns.add(frames(np.full(10, -1), start=1600 * i))
    assert kept.rms_db.tolist() == [1, 2, 3, 4]


def test_what_is_forgotten_takes_no_room() -> None:
    columns = FrameColumns()
    for i in range(1000):
        columns.add(frames(np.zeros(50), start=8000 * i))
        columns.forget(8000 * i - 80_000)
    assert len(columns.state.values.data) == 5 * 4 * 550
    assert columns._values.nbytes <= 5 * 4 * 2 * 650


def test_frames_with_a_gap_are_refused() -> None:
    columns = FrameColumns()
    columns.add(frames(np.zeros(10)))
    with pytest.raises(ValueError, match="1760 do not follow those up to 1600"):
        columns.add(frames(np.zeros(10), start=1760))
