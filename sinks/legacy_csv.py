"""diarized_transcript_with_emotion.csv: the 39 columns of earlier versions, in their order.

What was not measured is empty; the old program wrote neutral constants there. Names that say another thing
than they mean keep the meaning that they had:

    f0_mean_hz      median of F0            f0_std_hz       interquartile range of F0
    loudness_rms    median level in dBFS    noise_tag       the heaviest sound event of the whole file
    snr_db          of the whole recording  error_flags     why a figure of prosody is missing
    snr_db_sed      35 dB less up to 35 by how much of the segment sound events cover, and how surely
    words, wpm      of the text             vad_unstable    of the whole recording
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import compress, repeat
from pathlib import Path
from typing import Any

import msgspec

from sinks.csv_cells import csv_table
from sinks.labelled import LabelledLog
from sinks.segment_table import segment_table
from sinks.table_schemas import SEGMENTS, Column, Kind

Cells = dict[str, Any]
Columns = dict[str, list[Any]]  # of the table of segments, by name
_TEXT = "file_id speaker_id speaker_name text emotion_top intent_top noise_tag affect_hint error_flags"
_BOOL = "low_confidence_ser vad_unstable"
_JSON = (
    "emotion_scores_json text_emotions_top5_json text_emotions_full_json intent_top3_json events_top3_json"
)
NAMES = (
    *("file_id", "start", "end", "speaker_id", "speaker_name", "text"),
    *("valence", "arousal", "dominance", "emotion_top", "emotion_scores_json"),
    *("text_emotions_top5_json", "text_emotions_full_json", "intent_top", "intent_top3_json"),
    *("events_top3_json", "noise_tag", "asr_logprob_avg", "snr_db", "snr_db_sed"),
    *("wpm", "duration_s", "words", "pause_ratio", "low_confidence_ser", "vad_unstable", "affect_hint"),
    *("pause_count", "pause_time_s", "f0_mean_hz", "f0_std_hz", "loudness_rms", "disfluency_count"),
    *("error_flags", "vq_jitter_pct", "vq_shimmer_db", "vq_hnr_db", "vq_cpps_db", "voice_quality_hint"),
)
_SAME = {  # column there: column of the table of segments
    "start": "start_s",
    "end": "end_s",
    "speaker_id": "speaker",
    "speaker_name": "speaker",
    "text": "text",
    "valence": "valence",
    "arousal": "arousal",
    "dominance": "dominance",
    "emotion_top": "emotion",
    "intent_top": "intent",
    "asr_logprob_avg": "asr_logprob_mean",
    "wpm": "wpm",
    "duration_s": "duration_s",
    "words": "word_count",
    "pause_ratio": "pause_ratio",
    "low_confidence_ser": "emotion_unsure",
    "affect_hint": "affect_hint",
    "pause_count": "pauses",
    "pause_time_s": "pause_s",
    "f0_mean_hz": "f0_median_hz",
    "f0_std_hz": "f0_iqr_hz",
    "loudness_rms": "loudness_dbfs_med",
    "vq_jitter_pct": "jitter_pct",
    "vq_shimmer_db": "shimmer_db",
    "vq_hnr_db": "hnr_db",
    "vq_cpps_db": "cpps_db",
}


def write_legacy_csv(log: LabelledLog, out: Path) -> None:
    """A row for each segment with text."""
    health = log.session_end.health if log.session_end else {}
    unstable = health.get("vad_unstable")
    whole: Cells = {
        "file_id": log.path.resolve().parent.name,
        "noise_tag": _noise(log),
        "snr_db": health.get("snr_db"),
        "vad_unstable": None if unstable is None else bool(unstable),
    }
    names = [column.name for column in SEGMENTS if column.name != "words"]
    with csv_table(out, [Column(name, _kind(name), "") for name in NAMES]) as add:
        for columns in segment_table(log).cells(names):
            said = [bool(text.strip()) for text in columns[names.index("text")]]
            cells = {name: list(compress(column, said)) for name, column in zip(names, columns, strict=True)}
            shown = {name: cells[source] for name, source in _SAME.items()} | _made_of(cells)
            add([shown[name] if name in shown else repeat(whole.get(name), sum(said)) for name in NAMES])


def _kind(name: str) -> Kind:
    if name in _JSON.split():
        return "scores"
    return "text" if name in _TEXT.split() else "bool" if name in _BOOL.split() else "float"


def _made_of(cells: Columns) -> Columns:
    """The columns that no column of the table says as it is."""
    sounds = [_read(cell) for cell in cells["sounds"]]
    slips = zip(*(cells[name] for name in ("fillers", "repetitions", "false_starts")), strict=True)
    notes = [_read(cell) for cell in cells["prosody_notes"]]
    return {
        "emotion_scores_json": cells["emotions"],
        "text_emotions_top5_json": [_top(cell, 5) for cell in cells["text_emotions"]],
        "text_emotions_full_json": cells["text_emotions"],
        "intent_top3_json": [_top(cell, 3) for cell in cells["intents"]],
        "events_top3_json": [_written(heard[:3]) if heard else None for heard in sounds],
        "snr_db_sed": [
            _covered(heard, length) if heard else None
            for heard, length in zip(sounds, cells["duration_s"], strict=True)
        ],
        "disfluency_count": [None if None in counted else sum(counted) for counted in slips],
        "error_flags": ["; ".join(found) if found else None for found in notes],
    }


def _read(cell: str | None) -> Any:
    return None if cell is None else msgspec.json.decode(cell)


def _written(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _top(cell: str | None, count: int) -> str | None:
    scores: dict[str, float] | None = _read(cell)
    if scores is None:
        return None
    best = sorted(scores, key=scores.__getitem__, reverse=True)[:count]
    return _written([{"label": label, "score": scores[label]} for label in best])


def _covered(sounds: list[Cells], duration_s: float) -> float | None:
    """The old estimate of the signal-to-noise ratio from sound events, in dB."""
    if duration_s <= 0:
        return None
    time = sum(sound["seconds"] for sound in sounds) / duration_s
    weight = sum(sound["seconds"] * sound["score"] for sound in sounds) / duration_s
    return round(35.0 - 35.0 * min(1.0, 0.5 * min(1.0, time) + 0.5 * min(1.0, weight)), 2)


def _noise(log: LabelledLog) -> str | None:
    """The label with the most time, by score, in the whole recording."""
    weight: dict[str, float] = {}
    for event in log.sound_events():
        weight[event.label] = weight.get(event.label, 0.0) + (event.end - event.start) * event.score
    best: Callable[[str], float] = weight.__getitem__
    return max(sorted(weight), key=best, default=None)
