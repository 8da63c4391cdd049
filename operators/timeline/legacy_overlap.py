"""The pair semantics of the batch pipeline before this one, for regression tests; prefer `overlap`.

Every pair of turns counts: three speakers at once are three pairs, two turns of one speaker overlap too, and
an interruption is a start at most `interruption_gap_s` after another's, whoever goes on speaking.
O(pairs of turns of which the second starts before the first ends): quadratic where one turn spans all.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from stream_engine.clock import seconds
from stream_engine.events import Turn


class LegacyInterruption(NamedTuple):
    """Times and lengths in seconds, as they were."""

    at: float
    interrupter: str
    interrupted: str
    overlap_sec: float


class LegacyOverlaps(NamedTuple):
    """Totals in seconds; `speakers` has made, received and overlap_sec of each."""

    overlap_total_sec: float
    overlap_ratio: float
    speakers: dict[str, dict[str, float]]
    interruptions: list[LegacyInterruption]


def legacy_overlaps(
    turns: Iterable[Turn], *, min_overlap_s: float = 0.05, interruption_gap_s: float = 0.15
) -> LegacyOverlaps:
    """All pairs that share `min_overlap_s` at least; of two equal starts the first is blamed."""
    rows = sorted(
        ((seconds(t.start), seconds(t.end), t.speaker or "") for t in turns), key=lambda row: row[0]
    )
    speakers = {who: {"made": 0, "received": 0, "overlap_sec": 0.0} for _, _, who in rows}
    interruptions: list[LegacyInterruption] = []
    total = 0.0
    for i, (start, end, who) in enumerate(rows):
        for other_start, other_end, other in rows[i + 1 :]:
            if other_start >= end:
                break
            overlap = min(end, other_end) - max(start, other_start)
            if overlap < min_overlap_s:
                continue
            total += overlap
            speakers[who]["overlap_sec"] += overlap
            speakers[other]["overlap_sec"] += overlap
            if who != other and 0 <= other_start - start <= interruption_gap_s:
                later, earlier = (other, who) if other_start > start else (who, other)
                speakers[later]["made"] += 1
                speakers[earlier]["received"] += 1
                interruptions.append(LegacyInterruption(other_start, later, earlier, overlap))
    span = max((row[1] for row in rows), default=0.0) - min((row[0] for row in rows), default=0.0)
    return LegacyOverlaps(total, total / span if span > 0 else 0.0, speakers, interruptions)
