"""Roll-ups of speakers as the batch pipeline before this one made them, for regression tests.

Kept with their faults: columns named `avg_` are medians; a missing value counts as 0.0, an unvoiced segment
as 0 Hz; the range of loudness is multiplied by 20 though it is in dB; `overlap_ratio` can be above 1; a
speaker without segments is dropped. Prefer `speaker_totals`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median, quantiles
from typing import Any

MEDIANS = {
    "avg_valence": ("valence", 3),
    "avg_arousal": ("arousal", 3),
    "avg_dominance": ("dominance", 3),
    "f0_mean_hz": ("f0_mean_hz", 2),
    "f0_std_hz": ("f0_std_hz", 2),
    "loudness_rms_med": ("loudness_rms", 2),
    "vq_jitter_pct_med": ("vq_jitter_pct", 3),
    "vq_shimmer_db_med": ("vq_shimmer_db", 3),
    "vq_hnr_db_med": ("vq_hnr_db", 3),
    "vq_cpps_db_med": ("vq_cpps_db", 3),
}


def legacy_rollups(
    rows: Sequence[Mapping[str, Any]], overlaps: Mapping[str, Mapping[str, float]] | None = None
) -> list[dict[str, Any]]:
    """Rows of the old main table (its column names) to one row for each speaker, in order of name.

    Args:
        rows: `speaker_id start end words wpm valence ...`; what is missing counts as 0.
        overlaps: `made received overlap_sec` of each speaker, as `legacy_overlaps` gives them.
    """
    speakers = sorted({str(row["speaker_id"]) for row in rows})
    return [
        _speaker(who, [row for row in rows if row["speaker_id"] == who], (overlaps or {}).get(who))
        for who in speakers
    ]


def _speaker(who: str, rows: list[Mapping[str, Any]], overlap: Mapping[str, float] | None) -> dict[str, Any]:
    def values(name: str) -> list[float]:
        return [float(row.get(name) or 0.0) for row in rows]

    duration = sum(float(row["end"]) - float(row["start"]) for row in rows)
    words = int(sum(values("words")))
    paused = sum(values("pause_time_s"))
    loudness = values("loudness_rms")
    low, _, high = quantiles(loudness, n=4, method="inclusive") if len(loudness) >= 4 else (0.0, 0.0, 0.0)
    wpm = words / (duration / 60) if duration and words else median(values("wpm"))
    return {
        "speaker_id": who,
        "speaker_name": rows[0].get("speaker_name") or who,
        "total_duration": round(duration, 3),
        "word_count": words,
        "avg_wpm": round(wpm, 1),
        **{column: round(median(values(name)), digits) for column, (name, digits) in MEDIANS.items()},
        "dominant_speech_emotion": _majority(rows, "emotion_top"),
        "voice_quality_hint": _majority(rows, "voice_quality_hint"),
        "interruptions_made": int(overlap["made"]) if overlap else 0,
        "interruptions_received": int(overlap["received"]) if overlap else 0,
        "overlap_ratio": round(overlap["overlap_sec"] / duration, 3) if overlap and duration else "",
        "loudness_dr_db": max(0.0, (high - low) * 20),
        "pause_total_sec": round(paused, 3),
        "pause_count": int(sum(values("pause_count"))),
        "pause_ratio": round(paused / duration, 3) if duration else 0.0,
    }


def _majority(rows: list[Mapping[str, Any]], name: str) -> str:
    votes = Counter(str(row[name]) for row in rows if row.get(name))
    return votes.most_common(1)[0][0] if votes else ""
