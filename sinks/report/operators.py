"""Where the time went: a row for each operator, and what the machine had to give."""

from __future__ import annotations

from typing import Any, NamedTuple


class Stage(NamedTuple):
    """One operator; shares are of the run's time."""

    name: str
    items: int
    busy: float
    speed: float | None  # times real time
    p50_ms: float
    p95_ms: float
    p99_ms: float
    total_s: float
    starved: float
    held: float


def stages(performance: dict[str, Any]) -> list[Stage]:
    """Those that had something to do, in the order of the stream."""
    return [
        Stage(
            name=name,
            items=one["items"],
            busy=one["busy"],
            speed=one["times_real_time"],
            p50_ms=one["feed"]["p50_ms"],
            p95_ms=one["feed"]["p95_ms"],
            p99_ms=one["feed"]["p99_ms"],
            total_s=one["feed"]["total_s"],
            starved=one["starved"],
            held=one["held"],
        )
        for name, one in performance.get("stages", {}).items()
        if one["items"]
    ]


def resources(performance: dict[str, Any]) -> list[tuple[str, str]]:
    """What the machine had to give, as far as the run measured it."""
    told: dict[str, Any] = performance.get("resources", {})
    percent, mebibytes = "{:.0%}".format, "{:+,.0f} MB".format
    known = (
        ("compute bound share", "cpu_bound_share", percent),
        ("GPU idle", "gpu_idle_share", percent),
        ("memory delta", "memory_delta_mb", mebibytes),
        ("largest memory", "memory_peak_mb", "{:,.0f} MB".format),
    )
    return [(title, shown(told[name])) for title, name, shown in known if told.get(name) is not None]
