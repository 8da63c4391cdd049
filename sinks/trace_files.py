"""Figures of runs from their files: a session's performance.json, or the JSON of a performance logger."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stream_engine.errors import InputError

Figures = dict[str, Any]
Named = tuple[str, Figures]  # a run
SHARES = {"busy": "feed", "starved": "wait", "held": "send"}  # what is told of each kind of time


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


def heard_s(figures: Figures) -> float:
    """Seconds of audio that the run itself heard; of its whole duration, where there is no audio."""
    heard = (figures["audio_duration"] or 0.0) - (figures.get("resumed_at_s") or 0.0)
    return heard if heard > 0 else figures["total_duration"]


def computed(runs: list[Named]) -> list[Named]:
    """Those that were not answered from an earlier result."""
    return [run for run in runs if not run[1].get("known")]


def comparable(runs: list[Named]) -> None:
    """Whether there is something to compare.

    Raises:
        InputError: two runs have no stage in common, as a session's and a performance logger's.
    """
    name, first = runs[0]
    for other, figures in runs[1:]:
        if not first["stages"].keys() & figures["stages"].keys():
            raise InputError(
                f"{name} and {other} have no stage in common: a session's performance.json compares with"
                " another one, and so does a logger's performance_*.json"
            )


def from_logger(report: dict[str, Any]) -> Figures:
    """The figures of a performance logger in the shape of a session's: a stage for each path of names.

    What a stage or a subprocess does in none of its own is a stage of its path. Percentiles are of the runs
    that were kept.
    """
    metrics = report["metrics"]
    outermost = {"stages": metrics["stages"], "subprocesses": metrics.get("in_no_stage", {})}
    of_session = "not_measured" in report  # of a logger's own, parts tell that
    stages = dict(_inside(outermost, "", None, metrics, of_session=of_session))
    busiest = max(stages, key=lambda name: stages[name]["feed"]["total_s"], default=None)
    memory = metrics["memory_stats"]
    return {
        "total_duration": metrics["total_duration"],
        "audio_duration": None,
        "audio_seconds_per_second": None,
        "first_s": {},
        "lag": {},
        "word_latency": {},
        "bottleneck": busiest,
        "stages": stages,
        "paced": report.get("paced", False),
        **({"memory": memory} if memory else {}),
    }


def _inside(
    outer: Figures, path: str, within: str | None, metrics: Figures, *, of_session: bool
) -> Iterator[tuple[str, Figures]]:
    """What is in `outer`, each followed by what is in it; `within` is the stage that it belongs to."""
    for kind in ("subprocesses", "stages"):
        for name, part in outer.get(kind, {}).items():
            inner = [*part.get("subprocesses", {}).values(), *part.get("stages", {}).values()]
            own_s = round(max(0.0, part["busy"] - sum(each["busy"] for each in inner)), 6)
            if own_s or not inner:
                taken = [own_s / max(1, part["count"])]
                if kind == "subprocesses" and not inner:
                    runs = metrics["subprocesses"].get(name, [])
                    taken = [run["duration"] for run in runs if run["stage"] == within] or taken
                known: Figures = part.get("metadata", {}) if of_session else {}
                own_s, total_s = own_s + part.get("idle", 0.0), metrics["total_duration"]
                yield f"{path}{name}", _stage(part["count"], own_s, total_s, taken, known)
            stage = name if kind == "stages" else within
            yield from _inside(part, f"{path}{name}/", stage, metrics, of_session=of_session)


def _stage(count: int, spent_s: float, total_s: float, runs: list[float], known: Figures) -> Figures:
    """`known`, where they are: percentiles in milliseconds, and which `time` it was, one of `SHARES`."""
    nothing = {"count": 0, "total_s": 0.0, "p50_ms": 0.0, "p95_ms": 0.0, "p99_ms": 0.0, "max_ms": 0.0}
    keys = ("p50_ms", "p95_ms", "p99_ms")
    found = (round(1000 * float(each), 3) for each in np.percentile(runs, (50, 95, 99)))
    percentiles = {key: known.get(key, each) for key, each in zip(keys, found, strict=True)}
    largest = percentiles["p99_ms"] if "p99_ms" in known else round(1000 * max(runs), 3)
    kind = known.get("time", "feed")
    taken = {"count": count, "total_s": round(spent_s, 6), **percentiles, "max_ms": largest}
    share = round(spent_s / total_s, 4) if total_s else 0.0
    shares = {told: share if each == kind else 0.0 for told, each in SHARES.items()}
    times = {each: taken if each == kind else nothing for each in SHARES.values()}
    return {"items": count, **shares, "times_real_time": None, **times}
