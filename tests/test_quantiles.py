"""The sketch within the error that it states, and as mergeable as it says."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.timeline.quantiles import ERROR, SMALLEST, Distribution, distribution, merged

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60)
shares = st.floats(0, 1)


def of(numbers: Sequence[float | None], *, exact: bool = False) -> Distribution:
    found = distribution(exact=exact)
    for number in numbers:
        found.add(number)
    return found


@given(values, shares)
def test_a_quantile_is_within_the_stated_error(numbers, share):
    got = of(numbers).quantile(share)
    rank = share * (len(numbers) - 1)
    near = [abs(sorted(numbers)[i]) for i in (math.floor(rank), math.ceil(rank))]
    assert got == pytest.approx(
        float(np.quantile(numbers, share)), rel=0, abs=1.0001 * ERROR * max(near) + SMALLEST
    )


@given(values, shares)
def test_an_exact_quantile_is_that_of_numpy(numbers, share):
    assert of(numbers, exact=True).quantile(share) == pytest.approx(float(np.quantile(numbers, share)))


@given(values, values)
def test_merging_is_adding_all(one, other):
    together = merged([of(one), of(other)])
    assert together.bins == of([*one, *other]).bins
    assert together.count == len(one) + len(other)
    assert together.mean == pytest.approx(sum([*one, *other]) / together.count, abs=1e-6)


def test_missing_values_are_no_zeros_and_nothing_has_no_median():
    assert of([4.0, None, 6.0]).mean == 5.0
    assert (of([]).median, of([]).mean, of([None]).count) == (None, None, 0)


def test_the_size_does_not_grow_with_the_number_of_values():
    chance = np.random.default_rng(0)
    numbers = chance.lognormal(5, 0.5, 20_000).tolist()
    few, many = (len(msgspec.msgpack.encode(of(part))) for part in (numbers[:2000], numbers))
    assert many < 2 * few
    assert many < 2500
