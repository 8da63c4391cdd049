"""summary.json: a session and its quality on one page: what it ran on, what came out, what to look at."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from sinks.attention import warnings_of
from sinks.labelled import LabelledLog
from sinks.manifest import MANIFEST, read_manifest
from sinks.whole_file import replacing
from stream_engine.clock import RATE

SCHEMA = 1


def write_summary(log: LabelledLog, out: Path) -> None:
    """Configuration, models, health, counts, figures, timings, warnings and failures, as one JSON object.

    Options, models and timings come from the manifest and performance.json beside the log, where these are.
    """
    with replacing(out) as file:
        encoded = msgspec.json.encode(summary(log))
        file.write(msgspec.json.format(encoded, indent=2).decode() + "\n")


def summary(log: LabelledLog) -> dict[str, Any]:
    """The same as plain values."""
    start, end, figures = log.session_start, log.session_end, log.statistics()
    folder = log.path.parent
    manifest = read_manifest(folder) if (folder / MANIFEST).exists() else None
    performance = _json(folder / "performance.json")
    health = end.health if end else {}
    return {
        "schema": SCHEMA,
        "source": start.source if start else None,
        "complete": end is not None,
        "stopped": bool(end and end.stopped),
        "damage": end.damage if end else None,
        "duration_s": end.duration / RATE if end else None,
        "configuration": manifest.options if manifest else {},
        "models": {
            "recogniser": start.recogniser if start else None,
            "diarizer": start.diarizer if start else None,
            "weights": manifest.models.get("weights") if manifest else None,
            "notes": list(start.notes) if start else [],
        },
        "dependencies": start.dependencies if start else {},
        "audio_health": health,
        "counts": _counts(log),
        "sounds": performance.get("sounds"),
        "conversation": figures.conversation if figures else None,
        "speakers": figures.speakers if figures else [],
        "interruptions": figures.interruptions if figures else [],
        "stage_timings_s": {
            name: stage["feed"]["total_s"] for name, stage in performance.get("stages", {}).items()
        },
        "total_duration_s": performance.get("total_duration"),
        "warnings": warnings_of(log, performance),
        "failures": log.failures,
    }


def _counts(log: LabelledLog) -> dict[str, Any]:
    turns = segments = words = 0
    speakers: set[str] = set()
    for turn in log.turns():
        turns += 1
        speakers |= {turn.speaker} if turn.speaker else set()
    for segment in log.segments():
        segments += 1
        words += len(segment.text.split())
    interruptions = list(log.interruptions())
    return {
        "speakers": len(speakers),
        "turns": turns,
        "segments": segments,
        "words": words,
        "overlaps": sum(1 for _ in log.overlaps()),
        "interruptions": len(interruptions),
        "successful_interruptions": sum(one.successful for one in interruptions),
        "backchannels": sum(1 for _ in log.backchannels()),
        "sound_events": dict(sorted(Counter(event.label for event in log.sound_events()).items())),
        "gaps": sum(1 for _ in log.gaps()),
    }


def _json(path: Path) -> dict[str, Any]:
    return msgspec.json.decode(path.read_bytes()) if path.exists() else {}
