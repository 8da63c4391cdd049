"""The figures of the batch pipeline before this one, for regression tests; prefer `conversation`.

Kept with their faults: a turn is the first segment of a speaker only; silence counts overlap twice; a segment
that starts before the one before ends is an interruption, the same speaker's too; the last shorter window is
dropped, and density is not a share; without segments all is 0, and silence 1; without pairs coherence is 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple


class LegacySegment(NamedTuple):
    """Times in seconds; `arousal` 0.0 where it was not known."""

    start: float
    end: float
    speaker: str
    text: str = ""
    arousal: float = 0.0


class LegacyWindow(NamedTuple):
    window_start_sec: float
    window_end_sec: float
    energy_score: float
    active_speakers: int
    speech_density: float


class LegacyConversation(NamedTuple):
    speaker_dominance: dict[str, float]  # percent
    turn_taking_balance: float
    avg_turn_duration_sec: float
    conversation_pace_turns_per_min: float
    interruption_rate_per_min: float
    interruptions_per_speaker: dict[str, float]  # per minute
    response_latency_stats: dict[str, float]
    silence_ratio: float
    topic_coherence_score: float
    energy_flow: list[LegacyWindow]


def legacy_conversation(
    segments: Sequence[LegacySegment],
    duration_s: float,
    *,
    window_s: float = 30.0,
    latency_max_s: float = 5.0,
) -> LegacyConversation:
    """`segments` in any order; O(segments x windows) time."""
    nothing = {"avg_sec": 0.0, "median_sec": 0.0, "count": 0}
    if not segments or duration_s <= 0:
        return LegacyConversation({}, 0.0, 0.0, 0.0, 0.0, {}, nothing, 1.0, 0.0, [])
    rows = sorted(segments, key=lambda row: row.start)
    minutes = duration_s / 60
    time: dict[str, float] = {}
    for row in rows:
        time[row.speaker] = time.get(row.speaker, 0.0) + row.end - row.start
    total = sum(time.values())
    shares = [seconds / total for seconds in time.values() if seconds > 0]
    entropy = -sum(share * math.log2(share) for share in shares)
    turns = [
        row
        for before, row in zip([None, *rows], rows, strict=False)
        if (before is None or before.speaker != row.speaker) and row.end > row.start
    ]
    cut_in = [row.speaker for before, row in pairwise(rows) if row.start < before.end]
    waits = [b.start - a.end for a, b in pairwise(turns) if 0 <= b.start - a.end <= latency_max_s]
    return LegacyConversation(
        {who: 100 * seconds / total for who, seconds in time.items()} if total else {},
        entropy / math.log2(len(shares)) if len(shares) > 1 else 0.0,
        sum(turn.end - turn.start for turn in turns) / len(turns) if turns else 0.0,
        len(turns) / minutes,
        len(cut_in) / minutes,
        {who: cut_in.count(who) / minutes for who in dict.fromkeys(cut_in)},
        {"avg_sec": sum(waits) / len(waits), "median_sec": median(waits), "count": len(waits)}
        if waits
        else nothing,
        min(1.0, max(0.0, (duration_s - total) / duration_s)),
        _coherence(rows),
        [_window(rows, i * window_s, window_s) for i in range(max(1, int(duration_s / window_s)))],
    )


def _coherence(rows: list[LegacySegment]) -> float:
    if len(rows) < 2:
        return 1.0
    words = [{word for word in row.text.lower().split() if len(word) > 3} for row in rows]
    scores = [len(a & b) / len(a | b) for a, b in pairwise(words) if a and b]
    return sum(scores) / len(scores) if scores else 0.0


def _window(rows: list[LegacySegment], start: float, length: float) -> LegacyWindow:
    touching = [row for row in rows if row.start < start + length and row.end > start]
    speech = sum(min(row.end, start + length) - max(row.start, start) for row in touching)
    arousal = sum(row.arousal for row in touching) / len(touching) if touching else 0.0
    speakers = len({row.speaker for row in touching})
    return LegacyWindow(start, start + length, arousal * speech / length, speakers, speech / length)
