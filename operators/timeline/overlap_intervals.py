"""The sweep of `overlap` over arrays, for turns that are all there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class OverlapIntervals(NamedTuple):
    """Intervals with one unchanging set of two or more speakers, in order of time."""

    start: Ints  # [intervals]
    end: Ints  # [intervals]
    speakers: Ints  # [intervals], how many are active


def overlap_intervals(start: Ints, end: Ints, speaker: Ints) -> OverlapIntervals:
    """Where two or more distinct speakers are active; speakers are numbered, in any order.

    Shape: all [turns], integers; turns without length are left out. O(N log N).

    Raises:
        ValueError: columns of different length.
    """
    if not len(start) == len(end) == len(speaker):
        raise ValueError(f"columns must be of one length, got {len(start)}, {len(end)}, {len(speaker)}")
    start, end = _stretches(start, end, speaker)
    times, where = np.unique(np.concatenate([start, end]), return_inverse=True)
    steps = np.concatenate([np.ones(len(start), np.int64), -np.ones(len(end), np.int64)])
    active = np.cumsum(np.bincount(where, weights=steps, minlength=len(times)).astype(np.int64))
    (several,) = np.nonzero(active >= 2)
    return OverlapIntervals(times[several], times[several + 1], active[several])


def _stretches(start: Ints, end: Ints, speaker: Ints) -> tuple[Ints, Ints]:
    """Turns of one speaker that touch or overlap, joined: after this every boundary changes the set."""
    kept = np.flatnonzero(end > start)
    kept = kept[np.lexsort((start[kept], speaker[kept]))]
    start, end, speaker = start[kept], end[kept], speaker[kept]
    if not len(start):
        return start, end
    # Speakers follow one another on one long axis, a sample apart, so that one running maximum serves all.
    low, width = start.min(), end.max() - start.min() + 2
    offset = np.cumsum(np.diff(speaker, prepend=speaker[0]) != 0) * width - low
    reach = np.maximum.accumulate(end + offset)
    first = np.concatenate([[True], start[1:] + offset[1:] > reach[:-1]])
    last = np.concatenate([first[1:], [True]])
    return start[first], reach[last] - offset[last]
