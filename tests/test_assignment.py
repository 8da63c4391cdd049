"""Pairs of rows and columns are the best there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment

from operators.speech.diarization.assignment import pairs

SHAPES = st.tuples(st.integers(0, 7), st.integers(0, 7))
WORTH = st.floats(0, 1e4, width=32) | st.just(0.0)  # speech that two have in common; often none


@given(SHAPES.flatmap(lambda shape: arrays(np.float64, shape, elements=WORTH)))
@example(np.zeros((0, 3)))
@example(np.zeros((3, 0)))
def test_no_other_pairs_are_worth_more(worth):
    found = pairs(worth)
    rows, columns = linear_sum_assignment(worth, maximize=True)
    assert len(found) == min(worth.shape)
    assert [row for row, _ in found] == sorted({row for row, _ in found})
    assert len({column for _, column in found}) == len(found)
    best = worth[rows, columns].sum()
    np.testing.assert_allclose(sum(worth[row, column] for row, column in found), best, rtol=1e-9)


@pytest.mark.parametrize("worth", [np.nan, np.inf])
def test_a_worth_that_is_no_number_is_told_and_not_paired(worth):
    with pytest.raises(ValueError, match="not finite"):
        pairs(np.array([[1.0, worth], [2.0, 3.0]]))
