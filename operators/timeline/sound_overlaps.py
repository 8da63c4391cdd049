"""The join of `sound_join` over arrays, for intervals and events that are all there.

Two intervals overlap if one of them begins in the other; so each pair is found once, in one of two runs of a
sorted column, and no others are looked at:

    events that begin in [start, end)              a run of the events, in order of start
    intervals that begin in (event start, end)     a run of the intervals, in order of start
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class SoundOverlaps(NamedTuple):
    """A row for each interval and label that share time; by interval, the heaviest first, then by label."""

    interval: Ints  # [rows], index into the intervals
    label: Ints  # [rows]
    covered: Ints  # [rows], in the unit of the times
    weight: NDArray[np.float64]  # [rows], covered by score
    rank: Ints  # [rows], 0 for the heaviest of an interval

    @property
    def score(self) -> NDArray[np.float64]:
        """[rows], the mean over what is covered."""
        return self.weight / self.covered


def sound_overlaps(
    start: Ints,
    end: Ints,
    *,
    event_start: Ints,
    event_end: Ints,
    score: NDArray[np.float64],
    label: Ints,
) -> SoundOverlaps:
    """Which labels are heard during each interval, for how long and how surely.

    Shape: `start`, `end`: [intervals]; the others [events]; labels are numbered from 0. What has no length
    overlaps with nothing. O((N + E) log (N + E) + pairs that overlap) time, whatever the lengths.

    Raises:
        ValueError: columns of different length.
    """
    if len(start) != len(end) or not len(event_start) == len(event_end) == len(score) == len(label):
        raise ValueError("the columns of intervals, and those of events, must be of one length each")
    intervals = _by_start(start, end)
    events = _by_start(event_start, event_end)
    starts, event_starts = start[intervals], event_start[events]
    of_interval, at = _runs(
        np.searchsorted(event_starts, starts, "left"), np.searchsorted(event_starts, end[intervals], "left")
    )
    of_event, inside = _runs(
        np.searchsorted(starts, event_starts, "right"), np.searchsorted(starts, event_end[events], "left")
    )
    interval = intervals[np.concatenate((of_interval, inside))]
    event = events[np.concatenate((at, of_event))]
    shared = np.minimum(end[interval], event_end[event]) - np.maximum(start[interval], event_start[event])
    labels = int(label.max()) + 1 if len(label) else 1
    keys, row = np.unique(interval * labels + label[event], return_inverse=True)
    covered = np.bincount(row, shared, len(keys)).astype(np.int64)
    weight = np.bincount(row, shared * score[event], len(keys)).astype(np.float64)
    interval, found = keys // labels, keys % labels
    order = np.lexsort((found, -weight, interval))
    rank = np.arange(len(keys)) - np.searchsorted(interval, interval, "left")
    return SoundOverlaps(interval, found[order], covered[order], weight[order], rank)


def _by_start(start: Ints, end: Ints) -> Ints:
    """Indices of those that have a length, in order of start."""
    kept = np.flatnonzero(end > start)
    return kept[np.argsort(start[kept], kind="stable")]


def _runs(first: Ints, last: Ints) -> tuple[Ints, Ints]:
    """For runs `[first, last)`: the index of the run, and the place in it, of each member of each."""
    length = np.maximum(last - first, 0)
    run = np.repeat(np.arange(len(first)), length)
    return run, np.arange(len(run)) + np.repeat(first - np.cumsum(length) + length, length)
