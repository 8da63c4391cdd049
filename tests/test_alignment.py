"""Alignment is what nested loops find, however turns overlap, in memory that grows with their number only."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.timeline.alignment import NONE, align, covered

Ints = NDArray[np.int64]
Spans = list[tuple[int, int]]

span = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
long_span = st.tuples(st.integers(0, 40), st.integers(0, 40)).map(lambda pair: (pair[0], pair[0] + pair[1]))
spans = st.lists(span | long_span, max_size=25)


def columns(stretches: Spans, turns: Spans) -> tuple[Ints, Ints, Ints, Ints]:
    both = [np.array(side, np.int64).reshape(-1, 2) for side in (stretches, turns)]
    return both[0][:, 0], both[0][:, 1], both[1][:, 0], both[1][:, 1]


def nested_loops(stretches: Spans, turns: Spans) -> list[tuple[int, int]]:
    """The turn and its overlap for each stretch, by looking at every pair."""
    found: list[tuple[int, int]] = []
    for start, end in stretches:
        best, most = NONE, 0
        for turn in sorted(range(len(turns)), key=lambda turn: (turns[turn][0], turn)):
            overlap = min(end, turns[turn][1]) - max(start, turns[turn][0])
            if overlap > most and turns[turn][1] > turns[turn][0]:
                best, most = turn, overlap
        found.append((best, most))
    return found


def crowd(count: int, longest: int, seed: int = 0) -> tuple[Ints, Ints, Ints, Ints]:
    """Stretches and turns over `count` seconds in milliseconds; the first turn spans all."""
    random = np.random.default_rng(seed)
    start, turn_start = (np.sort(random.integers(0, count * 1000, count)) for _ in range(2))
    end = start + random.integers(1, longest, count)
    turn_end = turn_start + random.integers(0, longest, count)
    turn_start[0], turn_end[0] = 0, count * 2000
    return start, end, turn_start, turn_end


@settings(max_examples=400, deadline=None)
@given(stretches=spans, turns=spans)
def test_the_turn_is_the_one_that_nested_loops_find(stretches: Spans, turns: Spans) -> None:
    turn, overlap = align(*columns(stretches, turns))
    assert list(zip(turn.tolist(), overlap.tolist(), strict=True)) == nested_loops(stretches, turns)


@pytest.mark.parametrize("longest", [300, 5_000, 100_000])
def test_hundreds_of_nested_turns_agree_with_nested_loops(longest: int) -> None:
    start, end, turn_start, turn_end = crowd(300, longest)
    turn, overlap = align(start, end, turn_start, turn_end)
    stretches, turns = (
        [(int(s), int(e)) for s, e in zip(*side, strict=True)]
        for side in ((start, end), (turn_start, turn_end))
    )
    assert list(zip(turn.tolist(), overlap.tolist(), strict=True)) == nested_loops(stretches, turns)


def test_a_stretch_beside_all_turns_has_none_and_not_the_nearest() -> None:
    turn, overlap = align(*columns([(10, 20), (30, 31), (25, 25)], [(0, 10), (20, 30), (25, 25)]))
    assert turn.tolist() == [NONE, NONE, NONE]
    assert overlap.tolist() == [0, 0, 0]


def test_of_equal_overlaps_the_turn_that_begins_first_wins_and_then_the_first_of_the_list() -> None:
    turn, _ = align(*columns([(10, 20)], [(12, 18), (14, 20), (9, 16), (9, 16)]))
    assert turn.tolist() == [2]


@settings(max_examples=200, deadline=None)
@given(stretches=spans, turns=spans)
def test_covered_counts_each_moment_once(stretches: Spans, turns: Spans) -> None:
    spoken = {moment for start, end in turns for moment in range(start, end)}
    expected = [len(spoken & set(range(start, end))) for start, end in stretches]
    assert covered(*columns(stretches, turns)).tolist() == expected


@settings(max_examples=60, deadline=None)
@given(stretches=spans, turns=spans)
def test_tensors_give_what_arrays_give(stretches: Spans, turns: Spans) -> None:
    agree_on("cpu", columns(stretches, turns))


@pytest.mark.needs_gpu
@pytest.mark.parametrize("longest", [300, 100_000])
def test_the_gpu_gives_what_arrays_give(longest: int) -> None:
    agree_on("cuda", crowd(5_000, longest))


def agree_on(device: str, arrays: tuple[Ints, Ints, Ints, Ints]) -> None:
    import torch

    tensors: Any = [torch.tensor(array, device=device) for array in arrays]
    for here, there in zip(align(*arrays), align(*tensors), strict=True):
        assert here.tolist() == there.tolist()
    assert covered(*arrays).tolist() == covered(*tensors).tolist()


def test_memory_is_that_of_the_lists_also_with_a_hundred_thousand_of_each() -> None:
    arrays = crowd(100_000, 100_000)
    tracemalloc.start()
    turn, _ = align(*arrays)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (turn >= 0).all()
    assert peak < 40 * 8 * 100_000, "more than some forty columns"


def test_columns_of_different_length_are_refused() -> None:
    one, two = np.zeros(1, np.int64), np.zeros(2, np.int64)
    with pytest.raises(ValueError, match="one length"):
        align(one, two, one, one)
