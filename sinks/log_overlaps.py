"""Overlaps under the last labels: a sweep over the turns that cover them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator

import msgspec

from sinks.log_index import LogIndex
from sinks.log_labels import Labels
from stream_engine.events import Overlap


def labelled_overlaps(index: LogIndex, overlaps: Iterable[Overlap], first: int) -> Iterator[Overlap]:
    """`overlaps`, which come in order of start, none before `first`; without those of one speaker."""
    turns, labels = index.turns, Labels(index)
    ordered: list[int] = turns.by_time(turns.during(first, 1 << 62)).tolist()
    coming = iter(ordered)
    following = next(coming, None)
    active: list[tuple[int, int]] = []  # heap of (end, row)
    for overlap in overlaps:
        while following is not None and turns.start[following] <= overlap.start:
            heapq.heappush(active, (turns.end[following], following))
            following = next(coming, None)
        while active and active[0][0] <= overlap.start:
            heapq.heappop(active)
        speakers = {labels.of_turn(row) for end, row in active if end >= overlap.end} - {None}
        if len(speakers) > 1:
            yield msgspec.structs.replace(overlap, speakers=tuple(sorted(filter(None, speakers))))
