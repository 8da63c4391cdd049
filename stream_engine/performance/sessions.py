"""The figures of a session (`performance.json`) as a report of stages and subprocesses.

The stages of a stream run side by side: what is known of each is the time that it computed, so shares are of
the session's wall time, and together they may be more than 100 %. Sources compute nothing: of these it is
the time that they were waited for. That is idle time where the source came at its own pace; else it is work,
and of sources that wait for the same at the same time the longest counts. Models that were loaded before the
session have no line. All items of a subprocess are told as one run of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from stream_engine.performance.report import Part, Report
from stream_engine.performance.session_log import Placed, session_log, worked_s
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
    "validation": (Point(LOADING, "validation"),),
    "validation, resampling": (Point(LOADING, "validation, resampling"),),
    "down-mix": (Point(PREPROCESSING, "down-mix"),),
    "resampling": (Point(PREPROCESSING, "resampling"),),
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
TORCH = "torch"  # among the models that were loaded: a library
MODELS = {
    "voice activity": PREPROCESSING,
    "community-1": DIARIZATION,
    "pyannote": DIARIZATION,
    "moonshine": ASR,
    "faster-whisper": ASR,
}
SIDE_BY_SIDE = "stages run side by side in one process"
NOT_MEASURED = {"memory_delta_mb": SIDE_BY_SIDE, "memory_after_mb": SIDE_BY_SIDE, "cpu": SIDE_BY_SIDE}
LENGTH_ONLY = "of imports, model loading, warm-up, and all that earlier versions ran, only the length is kept"
ORDER = (LOADING, PREPROCESSING, DIARIZATION, ASR, ALIGNMENT, ANALYSIS, OUTPUT)


def session_report(
    figures: Figures, *, session_id: str, name: str = "Session", ended: datetime | None = None
) -> Report:
    """What `figures` tell, with `ended` as the end of the session.

    `models.load_s` and `warm_s` are a stage's model loading and warm-up.
    """
    total_s = figures["total_duration"]
    began = ended - timedelta(seconds=total_s) if ended else None
    placed = [*_loading(figures), *_computing(figures)]
    stages: dict[str, list[Placed]] = {stage: [] for stage in ORDER}
    for each in placed:
        each.part.began = _after(began, each.began_s)
        stages[each.stage].append(each)
    timed = all(each.part.began for each in placed)
    return Report(
        session_id=session_id,
        name=name,
        total_s=total_s,
        audio_s=figures.get("audio_duration"),
        cpu_s=figures.get("cpu_s"),
        start_time=began.timestamp() if began else None,
        end_time=ended.timestamp() if ended else None,
        start_timestamp=_after(began, 0.0),
        end_timestamp=_after(began, total_s),
        stages=[_stage(stage, parts, began) for stage, parts in stages.items() if parts],
        runs=_runs(placed),
        timings=_timings(figures),
        gpu_stats=figures.get("gpu_stats", {}),
        memory_stats=figures.get("memory", {}),
        not_measured=NOT_MEASURED | ({} if timed else {"timestamp": LENGTH_ONLY}),
        system_info=system_info(),
        log=session_log(name, placed, total_s, lambda at: began + timedelta(seconds=at)) if began else [],
        paced=bool(figures.get("paced")),
        overlapping=True,
    )


def _loading(figures: Figures) -> Iterator[Placed]:
    models = figures.get("models", {})
    if seconds := models.get("load_s", {}).get(TORCH):
        yield Placed(ANALYSIS, Part(name="importing torch", wall_s=seconds, busy_s=seconds))
    for kind, what in (("load_s", "model loading"), ("warm_s", "warm-up")):
        by_stage: dict[str, dict[str, float]] = {}
        for model, seconds in models.get(kind, {}).items():
            if model == TORCH:
                continue
            by_stage.setdefault(MODELS.get(model.split(":")[0], ANALYSIS), {})[model] = seconds
        for stage, seconds in by_stage.items():
            spent = sum(seconds.values())
            loaded = Part(name=what, wall_s=spent, busy_s=spent, count=len(seconds), unit="models")
            loaded.metadata = dict(seconds)
            yield Placed(stage, loaded)


def _computing(figures: Figures) -> Iterator[Placed]:
    for name, stage in figures["stages"].items():
        if not stage["items"]:
            continue
        for point in POINTS.get(name, (Point(ANALYSIS, name),)):
            taken = stage[point.spent]
            spent, count = taken["total_s"], stage["items"]
            waits = point.spent == "wait"
            idle = spent if waits and figures.get("paced") else 0.0
            part = Part(name=point.subprocess, wall_s=spent - idle, busy_s=spent - idle, idle_s=idle)
            part.count, part.unit = count, "items"
            part.metadata = {"stage": name, "time": point.spent}
            part.metadata |= {f"{kind}_ms": taken[f"{kind}_ms"] for kind in ("p50", "p95", "p99")}
            yield Placed(point.stage, part, stage.get("began_s"), stage.get("ended_s"), waits)


def _stage(name: str, placed: list[Placed], began: datetime | None) -> Part:
    spent, idle = worked_s(placed), max(each.part.idle_s for each in placed)
    first = min((each.began_s for each in placed if each.began_s is not None), default=None)
    parts = [each.part for each in placed]
    found = Part(name=name, wall_s=spent, busy_s=spent, idle_s=idle, subprocesses=parts)
    found.began = _after(began, first)
    return found


def _runs(placed: list[Placed]) -> dict[str, list[dict[str, Any]]]:
    """Of each name of a subprocess: all its items as one run."""
    found: dict[str, list[dict[str, Any]]] = {}
    for stage, part, *_ in placed:
        run: dict[str, Any] = {"stage": stage, "duration": round(part.wall_s, 6), "timestamp": part.began}
        found.setdefault(part.name, []).append(run | {"metadata": {**part.metadata, part.unit: part.count}})
    return found


def _timings(figures: Figures) -> dict[str, list[float]]:
    """First results, in seconds after the start."""
    return {f"first {name}": [at] for name, at in figures.get("first_s", {}).items()}


def _after(began: datetime | None, seconds: float | None) -> str | None:
    if began is None or seconds is None:
        return None
    return (began + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
