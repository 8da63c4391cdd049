"""The figures of a session (`performance.json`) as a report of stages and subprocesses.

The stages of a stream run side by side: what is known of each is the time that it computed, so shares are of
the session's wall time, and together they may be more than 100 %. Sources compute nothing: of these it is
the time that they were waited for. Models that were loaded before the session have no line.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, NamedTuple

from stream_engine.performance.report import Part, Report
from stream_engine.performance.system import system_info

Figures = dict[str, Any]


class Point(NamedTuple):
    """Where the time of an engine's stage is told."""

    stage: str
    subprocess: str
    spent: Literal["wait", "feed", "send"] = "feed"


LOADING, PREPROCESSING, ASR, DIARIZATION = "Audio Loading", "Preprocessing", "ASR", "Diarization"
ALIGNMENT, ANALYSIS, OUTPUT = "Speaker Alignment", "Analysis", "Output"
POINTS: dict[str, tuple[Point, ...]] = {
    "decode": (Point(LOADING, "decoding", "wait"),),
    "audio": (Point(LOADING, "reading", "wait"),),
    "earlier result": (Point(LOADING, "earlier result", "wait"),),
    "store": (Point(LOADING, "store"),),
    "to 16 kHz mono": (Point(PREPROCESSING, "validation, down-mix, resampling"),),
    "gaps": (Point(PREPROCESSING, "gaps"),),
    "envelope": (Point(PREPROCESSING, "envelope"),),
    "voice activity": (Point(PREPROCESSING, "silence"),),
    "signal chain": (Point(PREPROCESSING, "normalisation"),),
    "spectra": (Point(PREPROCESSING, "spectra"),),
    "utterances": (Point(ASR, "submit", "send"), Point(ALIGNMENT, "turns to utterances")),
    "language": (Point(ASR, "language"),),
    "recognition": (Point(ASR, "processing"),),
    "hypotheses": (Point(ASR, "hypotheses"),),
    "committed": (Point(ASR, "commit"),),
    "redaction": (Point(ASR, "redaction"),),
    "diarization": (Point(DIARIZATION, "inference"),),
    "speech turns": (Point(DIARIZATION, "speech turns"),),
    "word speakers": (Point(ALIGNMENT, "word speakers"),),
    "emission": (Point(OUTPUT, "emission"),),
    "event log": (Point(OUTPUT, "event log"),),
    "console": (Point(OUTPUT, "console"),),
    "live table": (Point(OUTPUT, "live table"),),
}
MODELS = {
    "voice activity": PREPROCESSING,
    "community-1": DIARIZATION,
    "pyannote": DIARIZATION,
    "moonshine": ASR,
    "faster-whisper": ASR,
}
ORDER = (LOADING, PREPROCESSING, DIARIZATION, ASR, ALIGNMENT, ANALYSIS, OUTPUT)


def session_report(
    figures: Figures, *, session_id: str, name: str = "Session", ended: datetime | None = None
) -> Report:
    """What `figures` tell, with `ended` as the end of the session.

    `figures["parts"]`, where it is there, has seconds by the engine's stage and the part of it: then these
    are told in the place of the whole. `models.load_s` and `warm_s` are a stage's model loading and warm-up.
    """
    total_s = figures["total_duration"]
    stages: dict[str, list[Part]] = {stage: [] for stage in ORDER}
    for stage, part in (*_loading(figures), *_computing(figures)):
        stages[stage].append(part)
    end = ended.timestamp() if ended else None
    return Report(
        session_id=session_id,
        name=name,
        total_s=total_s,
        audio_s=figures.get("audio_duration"),
        cpu_s=figures.get("cpu_s"),
        start_time=end - total_s if end is not None else None,
        end_time=end,
        start_timestamp=_stamp(end - total_s) if end is not None else None,
        end_timestamp=_stamp(end) if end is not None else None,
        stages=[_stage(stage, parts) for stage, parts in stages.items() if parts],
        timings=_timings(figures),
        gpu_stats=figures.get("gpu_stats", {}),
        memory_stats=figures.get("memory", {}),
        system_info=system_info(),
        overlapping=True,
    )


def _loading(figures: Figures) -> Iterator[tuple[str, Part]]:
    models = figures.get("models", {})
    for kind, what in (("load_s", "model loading"), ("warm_s", "warm-up")):
        by_stage: dict[str, dict[str, float]] = {}
        for model, seconds in models.get(kind, {}).items():
            by_stage.setdefault(MODELS.get(model.split(":")[0], ANALYSIS), {})[model] = seconds
        for stage, seconds in by_stage.items():
            spent = sum(seconds.values())
            yield stage, Part(name=what, wall_s=spent, busy_s=spent, count=len(seconds), metadata=seconds)


def _computing(figures: Figures) -> Iterator[tuple[str, Part]]:
    within: dict[str, dict[str, float]] = figures.get("parts", {})
    for name, stage in figures["stages"].items():
        if not stage["items"]:
            continue
        for point in POINTS.get(name, (Point(ANALYSIS, name),)):
            spent = stage[point.spent]["total_s"]
            more = {f"{kind}_ms": stage[point.spent][f"{kind}_ms"] for kind in ("p50", "p95", "p99")}
            metadata = {"stage": name, "time": point.spent, **more}
            count = stage["items"]
            whole = Part(name=point.subprocess, wall_s=spent, busy_s=spent, count=count, metadata=metadata)
            if point.spent == "feed" and name in within:
                for part, seconds in within[name].items():
                    yield (
                        point.stage,
                        Part(
                            name=part, wall_s=seconds, busy_s=seconds, count=count, metadata={"stage": name}
                        ),
                    )
            else:
                yield point.stage, whole


def _stage(name: str, parts: list[Part]) -> Part:
    spent = sum(part.busy_s for part in parts)
    return Part(name=name, wall_s=spent, busy_s=spent, subprocesses=parts)


def _timings(figures: Figures) -> dict[str, list[float]]:
    """First results, in seconds after the start."""
    return {f"first {name}": [at] for name, at in figures.get("first_s", {}).items()}


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")
