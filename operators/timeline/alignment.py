"""Which turn a stretch of text belongs to, for sets of any size: the most overlap wins, and none is none.

The turn with the most overlap with `[s, e)` is one of three kinds, each with one best candidate:

    s├───────────────┤e
    ├────────┤            begins by s:  the one that ends last; of several that reach e, the first
          ├────────────┤  ends from e on:  the one that begins first
         ├───┤            lies inside:  the longest, found in a tree over the turns in order of start

The tree is never stored: its levels are made one after another, each in O(turns), so memory is
O(stretches + turns) however the turns lie, and time O((stretches + turns) log² turns). Nothing loops over
stretches or turns. Arrays are numpy's, or torch tensors on any device, by the functions both have.
"""

from __future__ import annotations

import sys
from typing import Any, NamedTuple

import numpy as np

NONE = -1

Ints = Any  # NDArray[np.int64], or a torch.Tensor of int64


class Aligned(NamedTuple):
    """For each stretch: the turn with the most overlap, and how much; `NONE` and 0 where none overlaps."""

    turn: Ints  # [stretches], index into the turns, or NONE
    overlap: Ints  # [stretches], in the unit of the times


class _Turns(NamedTuple):
    """Turns in order of start, and in order of end."""

    start: Ints  # [turns]
    end: Ints  # [turns]
    by_end: Ints  # [turns], the turn at each place of the order of ends
    ends: Ints  # [turns], in order


def align(start: Ints, end: Ints, turn_start: Ints, turn_end: Ints) -> Aligned:
    """The turn with the most overlap for each stretch `[start, end)`; of equals the one that begins first.

    Turns may overlap, lie in one another and come in any order; equal in overlap and in start, the first
    counts. What has no length overlaps with nothing.

    Shape: `start`, `end`: [stretches]; `turn_start`, `turn_end`: [turns]; all numpy or all on one device.

    Raises:
        ValueError: columns of different length.
    """
    if len(start) != len(end) or len(turn_start) != len(turn_end):
        raise ValueError("starts and ends must be of one length")
    xp = _namespace(start)
    order = _indices(xp, turn_end > turn_start)
    order = order[xp.argsort(turn_start[order], stable=True)]
    nothing = xp.zeros_like(start)
    if not len(order) or not len(start):
        return Aligned(nothing + NONE, nothing)
    ends = turn_end[order]
    by_end = xp.argsort(ends, stable=True)
    turns = _Turns(turn_start[order], ends, by_end, ends[by_end])
    best = _better(xp, start, end, turns, _early(xp, start, end, turns), _late(xp, end, turns))
    first = xp.searchsorted(turns.start, start, side="right")
    last = xp.searchsorted(turns.start, end, side="left")
    some = _indices(xp, first < last)  # the others have no turn that begins within
    inside = _longest_inside(xp, first[some], last[some], end[some], turns)
    best[some] = _better(xp, start[some], end[some], turns, best[some], inside)
    overlap = _gain(xp, start, end, turns, best)
    return Aligned(xp.where(overlap > 0, order[xp.clip(best, min=0)], NONE), overlap)


def covered(start: Ints, end: Ints, turn_start: Ints, turn_end: Ints) -> Ints:
    """How much of each stretch lies in any of the turns, once where turns overlap.

    Shape: as `align` -> [stretches]. Turns end after they begin. O((stretches + turns) log turns) time.
    """
    xp = _namespace(start)
    if not len(turn_start):
        return xp.zeros_like(start)
    order = xp.argsort(turn_start, stable=True)
    begins = turn_start[order]
    reach = _running_max(xp, turn_end[order])
    before = xp.concatenate((begins[:1], reach[:-1]))
    added = xp.clip(reach - xp.maximum(begins, before), min=0)
    total = xp.concatenate((added[:1] * 0, xp.cumsum(added, 0)))

    def until(time: Ints) -> Ints:
        """What the turns that began before `time` cover in all, less what they will cover after it."""
        begun = xp.searchsorted(begins, time, side="left")
        return total[begun] - xp.where(begun > 0, xp.clip(reach[xp.clip(begun - 1, min=0)] - time, min=0), 0)

    return xp.clip(until(end) - until(start), min=0)


def _early(xp: Any, start: Ints, end: Ints, turns: _Turns) -> Ints:
    """Of the turns that begin by `start`, the first of those that reach furthest towards `end`."""
    furthest = _running_max(xp, turns.end)
    begun = xp.searchsorted(turns.start, start, side="right")
    reached = xp.minimum(end, furthest[xp.clip(begun - 1, min=0)])
    return xp.where(begun > 0, xp.searchsorted(furthest, reached, side="left"), NONE)


def _late(xp: Any, end: Ints, turns: _Turns) -> Ints:
    """Of the turns that end at `end` or later, the one that begins first."""
    firsts = xp.flip(-_running_max(xp, xp.flip(-turns.by_end, (0,))), (0,))
    ended = xp.searchsorted(turns.ends, end, side="left")
    count = len(turns.end)
    return xp.where(ended < count, firsts[xp.clip(ended, max=count - 1)], NONE)


def _longest_inside(xp: Any, first: Ints, last: Ints, end: Ints, turns: _Turns) -> Ints:
    """Of the turns `[first, last)` in order of start, the longest that ends before `end`, or NONE.

    Level k of the tree has blocks of 2^k turns; a block is in order of end, and knows its longest so far. The
    range is the sum of up to two blocks of each level, as in any segment tree.
    """
    count = len(turns.end)
    place = _inverse(xp, turns.by_end)
    longest = xp.argsort(turns.start - turns.end, stable=True)  # the longest first
    worth = count - 1 - _inverse(xp, longest)
    below = xp.searchsorted(turns.ends, end, side="left")  # places that end before
    best = xp.zeros_like(end) + NONE
    ranks = xp.cumsum(xp.zeros_like(place) + 1, 0) - 1
    order, level = ranks, 0
    while bool((first < last).any()):
        blocks = (order >> level) * count
        keys, so_far = blocks + place[order], _running_max(xp, blocks + worth[order])
        odd = (first < last) & (first % 2 == 1)
        best = xp.maximum(best, _ask(xp, keys, so_far, first, odd, below, count))
        first = xp.where(odd, first + 1, first)
        odd = (first < last) & (last % 2 == 1)
        best = xp.maximum(best, _ask(xp, keys, so_far, last - 1, odd, below, count))
        first, last, level = first >> 1, xp.where(odd, last - 1, last) >> 1, level + 1
        order = order[xp.argsort((order >> level) * count + place[order], stable=True)]
    return xp.where(best >= 0, longest[xp.clip(count - 1 - best, max=count - 1)], NONE)


def _ask(xp: Any, keys: Ints, so_far: Ints, block: Ints, wanted: Ints, below: Ints, count: int) -> Ints:
    """The worth of the longest in `block` among places smaller than `below`; NONE without any."""
    base = block * count
    found = xp.searchsorted(keys, base + below, side="left") - 1
    at = xp.clip(found, min=0)
    return xp.where(wanted & (found >= 0) & (keys[at] >= base), so_far[at] - base, NONE)


def _better(xp: Any, start: Ints, end: Ints, turns: _Turns, one: Ints, other: Ints) -> Ints:
    """Of two candidates the one with more overlap; of equals the one that begins first."""
    gain, others = (_gain(xp, start, end, turns, which) for which in (one, other))
    return xp.where((others > gain) | ((others == gain) & (other < one)), other, one)


def _gain(xp: Any, start: Ints, end: Ints, turns: _Turns, which: Ints) -> Ints:
    """The overlap of each stretch with its candidate; 0 with NONE."""
    at = xp.clip(which, min=0)
    shared = xp.minimum(end, turns.end[at]) - xp.maximum(start, turns.start[at])
    return xp.where(which >= 0, xp.clip(shared, min=0), 0)


def _inverse(xp: Any, order: Ints) -> Ints:
    return xp.argsort(order, stable=True)


def _indices(xp: Any, flags: Any) -> Ints:
    return xp.argwhere(flags)[:, 0]


def _running_max(xp: Any, values: Ints) -> Ints:
    return np.maximum.accumulate(values) if xp is np else xp.cummax(values, 0).values


def _namespace(array: Ints) -> Any:
    """numpy, or torch, which must be imported already where there is a tensor."""
    return np if isinstance(array, np.ndarray) else sys.modules["torch"]
