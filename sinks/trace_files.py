"""Figures of runs from their files: a session's performance.json, or the JSON of a performance logger."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stream_engine.errors import InputError

Figures = dict[str, Any]
Named = tuple[str, Figures]  # a run


def read_runs(paths: list[Path]) -> list[Named]:
    """The figures in each file, or in each folder of a session, under names that tell them apart.

    Raises:
        InputError: a file cannot be read, or holds no such figures.
    """
    runs = [_read(path) for path in paths]
    names = [path.name if path.is_dir() else path.parent.name or path.stem for path in paths]
    if len(set(names)) < len(names):
        names = [str(path) for path in paths]
    return list(zip(names, runs, strict=True))


def _read(path: Path) -> Figures:
    file = path / "performance.json" if path.is_dir() else path
    try:
        found: Any = msgspec.json.decode(file.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{file}: {error}; name the folder of a finished session") from None
    if isinstance(found, dict) and "metrics" in found and "pipeline_name" in found:
        return from_logger(found)  # pyright: ignore[reportUnknownArgumentType]
    if not (isinstance(found, dict) and "stages" in found and "total_duration" in found):
        raise InputError(f"{file}: holds no figures of a run; name a performance.json")
    return found  # pyright: ignore[reportUnknownVariableType]


def from_logger(report: dict[str, Any]) -> Figures:
    """The figures of a performance logger in the shape of a session's: a stage for each subprocess.

    What a stage does in no subprocess is a stage of its name. Percentiles are of the runs that were kept.
    """
    metrics = report["metrics"]
    total_s: float = metrics["total_duration"]
    stages: dict[str, Any] = {}
    for name, stage in metrics["stages"].items():
        inside = 0.0
        for sub, found in stage["subprocesses"].items():
            runs = [
                run["duration"] for run in metrics["subprocesses"].get(sub, []) if run["stage"] == name
            ] or [found["duration"]]
            stages[f"{name}/{sub}"] = _stage(found["count"], found["busy"], total_s, runs)
            inside += found["duration"]
        rest = max(0.0, stage["duration"] - inside)
        stages[name] = _stage(stage["count"], rest, total_s, [rest / max(1, stage["count"])])
    busiest = max(stages, key=lambda name: stages[name]["feed"]["total_s"], default=None)
    memory = metrics["memory_stats"]
    return {
        "total_duration": total_s,
        "audio_duration": None,
        "audio_seconds_per_second": None,
        "first_s": {},
        "lag": {},
        "word_latency": {},
        "bottleneck": busiest,
        "stages": stages,
        **({"memory": memory} if memory else {}),
    }


def _stage(count: int, busy_s: float, total_s: float, runs: list[float]) -> dict[str, Any]:
    nothing = {"count": 0, "total_s": 0.0, "p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
    p50, p95, p99 = (round(1000 * float(each), 3) for each in np.percentile(runs, (50, 95, 99)))
    feed = {"count": count, "total_s": busy_s, "p50_ms": p50, "p95_ms": p95, "p99_ms": p99}
    return {
        "items": count,
        "busy": round(busy_s / total_s, 4) if total_s else 0.0,
        "starved": 0.0,
        "held": 0.0,
        "times_real_time": None,
        "wait": nothing,
        "feed": {**feed, "max_ms": round(1000 * max(runs), 3)},
        "send": nothing,
    }
