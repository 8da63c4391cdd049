"""A live session at the speed of life: how far text and labels are behind the talker, and what grows.

Bars: over 5 min of joined clips, final text comes p95 <= 3.5 s after its end, no later in the second half
than in the first; a provisional speaker is shown <= 3 s after a voice starts (p90); at most 10 % of speech
time is relabelled later.

    python -m benches.live
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benches.session import Watched, joined
from sinks.labelled import LabelledLog
from stream_engine.clock import RATE
from stream_engine.events import Event, Segment, Turn

LIVE_S = 300


def lags(events: list[Event]) -> tuple[list[float], list[float]]:
    """Seconds from the end of what was said to its final text, in order; and from the start of each turn
    to its first provisional or final label."""
    text: list[float] = []
    shown: dict[int, float] = {}
    for event in events:
        match event:
            case Segment(final=True, emitted_at=float(at)):
                text.append(at - event.end / RATE)
            case Turn(speaker=str(), emitted_at=float(at)):
                shown.setdefault(event.id, at - event.start / RATE)
            case _:
                pass
    return text, list(shown.values())


def relabelled_share(run: Watched) -> float:
    """Share of final speech time whose label was corrected afterwards."""
    first = {event.id: event for event in run.events if isinstance(event, Turn) and event.final}
    last = {turn.id: turn.speaker for turn in LabelledLog(run.folder / "events.jsonl").turns()}
    total = sum(turn.end - turn.start for turn in first.values())
    moved = sum(
        turn.end - turn.start for turn in first.values() if last.get(turn.id, turn.speaker) != turn.speaker
    )
    return moved / total if total else 0.0


def percentiles(values: list[float], *wanted: int) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in wanted} if values else {}


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        live = Watched(joined(folder, LIVE_S), folder / "live", "--pace", "1", "--no-cache")
        text, labels = lags(live.events)
        half = len(text) // 2
        memory = live.anon_mb
        return {
            "final_text_lag_s": percentiles(text, 50, 95, 99),
            "final_text_lag_p95_first_half_s": percentiles(text[:half], 95).get("p95"),
            "final_text_lag_p95_second_half_s": percentiles(text[half:], 95).get("p95"),
            "label_after_voice_start_s": percentiles(labels, 50, 90),
            "speech_relabelled_share": round(relabelled_share(live), 3),
            "memory_last_minute_minus_second_mb": round(
                float(np.median(memory[-120:]) - np.median(memory[120:240])), 1
            ),
            "audio_s": max(event.end for event in live.events if isinstance(event, Turn)) / RATE,
            "busy_share": {
                stage: figures["busy"]
                for stage, figures in live.performance["stages"].items()
                if figures["busy"] >= 0.005
            },
        }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
