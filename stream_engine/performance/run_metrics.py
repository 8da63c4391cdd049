"""What a trace says of a run, as one plain value: `performance.json`, the table, the result's metrics."""

from __future__ import annotations

from typing import Any

from stream_engine.tracer import Histogram, StageTrace, Tracer


def metrics(
    tracer: Tracer, *, audio_s: float, first: dict[str, float], resumed_at_s: float = 0.0
) -> dict[str, Any]:
    """Durations of the run and of each stage; speeds are of the audio from where the run was resumed on.

    In `stages`, `began_s` and `ended_s` are when it began to wait for its first item and had passed on its
    last one, in seconds after the start; `busy` is the share of the wall time spent computing, `starved`
    waiting for items, and `held` waiting for what follows; `times_real_time` is audio over compute time.
    `lag` is emission minus the end of what was said.
    """
    wall_s = tracer.wall_ns() / 1e9
    heard_s = audio_s - resumed_at_s
    stages = {name: _stage(stage, tracer.began, wall_s, heard_s) for name, stage in tracer.stages.items()}
    busiest = max(stages, key=lambda name: stages[name]["feed"]["total_s"], default=None)
    return {
        "total_duration": round(wall_s, 3),
        "audio_duration": round(audio_s, 3),
        "audio_seconds_per_second": round(heard_s / wall_s, 2) if wall_s else None,
        "first_s": {name: round(at, 3) for name, at in first.items()},
        "lag": {name: _summary(lag) for name, lag in tracer.metrics.items()},
        "word_latency": {part: _summary(taken) for part, taken in tracer.word_latency.items()},
        "bottleneck": busiest,
        "stages": stages,
    }


def _stage(stage: StageTrace, began: int, wall_s: float, audio_s: float) -> dict[str, Any]:
    stage.fold()
    busy_s = stage.feed.total / 1e9
    return {
        "items": stage.feed.count,
        "began_s": round((stage.first_ns - began) / 1e9, 3) if stage.feed.count else None,
        "ended_s": round((stage.last_ns - began) / 1e9, 3) if stage.feed.count else None,
        "busy": round(busy_s / wall_s, 4) if wall_s else 0.0,
        "starved": round(stage.wait.total / 1e9 / wall_s, 4) if wall_s else 0.0,
        "held": round(stage.send.total / 1e9 / wall_s, 4) if wall_s else 0.0,
        "times_real_time": round(audio_s / busy_s, 1) if busy_s else None,
        "wait": _summary(stage.wait),
        "feed": _summary(stage.feed),
        "send": _summary(stage.send),
    }


def _summary(durations: Histogram) -> dict[str, float | int]:
    return {
        "count": durations.count,
        "total_s": round(durations.total / 1e9, 4),
        "p50_ms": round(durations.percentile(50) / 1e6, 3),
        "p95_ms": round(durations.percentile(95) / 1e6, 3),
        "p99_ms": round(durations.percentile(99) / 1e6, 3),
        "max_ms": round(durations.largest / 1e6, 3),
    }
