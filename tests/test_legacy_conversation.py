"""The old figures, faults and all, and what the new ones say of the same talk."""

from __future__ import annotations

import pytest

from operators.timeline.conversation import Conversation
from operators.timeline.legacy_conversation import LegacySegment, legacy_conversation
from operators.timeline.legacy_rollups import legacy_rollups
from stream_engine.clock import samples
from stream_engine.events import Statistics, Turn, Watermark
from stream_engine.testing import run


def rows(*rows: tuple[str, float, float]) -> list[LegacySegment]:
    return [LegacySegment(start, end, who) for who, start, end in rows]


def now(segments: list[LegacySegment], duration_s: float) -> Statistics:
    turns = [
        Turn(id=i, revision=0, final=True, start=samples(s.start), end=samples(s.end), speaker=s.speaker)
        for i, s in enumerate(segments)
    ]
    return run(Conversation(every_s=1000), [*turns, Watermark(source="audio", at=samples(duration_s))])[-1]


def test_legacy_turns_have_the_length_of_their_first_segment_and_lose_latencies():
    talk = rows(("A", 0, 5), ("A", 5, 20), ("B", 21, 25))
    old, new = legacy_conversation(talk, 25), now(talk, 25).conversation
    assert old.avg_turn_duration_sec == 4.5
    assert old.response_latency_stats["count"] == 0
    assert (new.turn_mean_s, new.response_latencies, new.response_latency_mean_s) == (12.0, 1, 1.0)


def test_legacy_drops_the_last_window_and_counts_speech_twice():
    talk = rows(("A", 0, 30), ("B", 10, 30), ("A", 31, 59))
    old, new = legacy_conversation(talk, 59), now(talk, 59)
    assert [round(w.speech_density, 2) for w in old.energy_flow] == [1.67]
    assert [w.speech_density for w in new.windows] == [1.0, round(28 / 29, 4)]
    assert old.silence_ratio == 0.0
    assert new.conversation.silence_ratio == round(1 / 59, 4)


def test_legacy_blames_contained_and_own_starts():
    old = legacy_conversation(rows(("A", 0, 10), ("A", 5, 12), ("B", 11, 20), ("C", 12.5, 13)), 60)
    assert old.interruption_rate_per_min == 3
    assert old.interruptions_per_speaker == {"A": 1, "B": 1, "C": 1}


def test_legacy_dominance_and_balance():
    old = legacy_conversation(rows(("A", 0, 30), ("B", 30, 60)), 60)
    assert (old.speaker_dominance, old.turn_taking_balance) == ({"A": 50.0, "B": 50.0}, 1.0)
    assert old.conversation_pace_turns_per_min == 2
    assert old.response_latency_stats == {"avg_sec": 0.0, "median_sec": 0.0, "count": 1}


def test_legacy_coherence_is_whole_without_pairs_and_minds_punctuation():
    talk = [LegacySegment(0, 1, "A", "about gardens,"), LegacySegment(1, 2, "B", "About gardens then")]
    assert legacy_conversation(talk, 2).topic_coherence_score == pytest.approx(1 / 4)
    assert legacy_conversation(talk[:1], 2).topic_coherence_score == 1.0


def test_legacy_of_nothing_is_zeros_and_silence():
    old = legacy_conversation([], 60)
    assert (old.silence_ratio, old.turn_taking_balance, old.energy_flow) == (1.0, 0.0, [])


def test_legacy_rollups_average_missing_values_as_zero():
    table = [
        {"speaker_id": "A", "start": 0, "end": 4, "words": 10, "f0_mean_hz": 200.0, "valence": 0.5},
        {"speaker_id": "A", "start": 4, "end": 6, "words": 5},
    ]
    row = legacy_rollups(table, {"A": {"made": 2, "received": 1, "overlap_sec": 9.0}})[0]
    assert (row["f0_mean_hz"], row["avg_valence"], row["avg_wpm"]) == (100.0, 0.25, 150.0)
    assert (row["overlap_ratio"], row["interruptions_made"]) == (1.5, 2)


def test_legacy_range_of_loudness_is_dbfs_times_20():
    table = [
        {"speaker_id": "A", "start": i, "end": i + 1, "loudness_rms": db}
        for i, db in enumerate((-45, -30, -30, -15, -15))
    ]
    assert legacy_rollups(table)[0]["loudness_dr_db"] == 300.0
