"""The figures of a run in a hierarchy, from which each format is rendered: seconds and megabytes.

The shares of stages are of the total, those of subprocesses of their stage, and all are of wall time: so none
is above the whole (save what was told to have begun before it), and stages that run at the same time add up
to more than 100 % together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from stream_engine.performance.nodes import OVERLAPPED, Node
from stream_engine.performance.spans import Run

Stamp = Callable[[float], str]  # of a Unix time


class Part(msgspec.Struct, kw_only=True):
    """A stage or a subprocess: what its runs took."""

    name: str
    wall_s: float  # while at least one run was going on
    busy_s: float  # of all runs
    cpu_s: float | None = None  # None: not measured
    count: int = 1
    unit: str = "runs"  # what is counted
    failed: int = 0
    unfinished: int = 0
    began: str | None = None  # ISO 8601, milliseconds
    memory_delta_mb: float | None = None
    memory_after_mb: float | None = None
    grew: int = 0  # runs after which memory was more
    idle_s: float = 0.0  # besides: waiting for a source that comes at its own pace
    not_measured: dict[str, str] = {}  # figures that are None, and why
    metadata: dict[str, Any] = {}
    gpu_stats: dict[str, Any] = {}
    subprocesses: list[Part] = []
    stages: list[Part] = []  # nested ones


class Report(msgspec.Struct, kw_only=True):
    """A run, or as much of it as there is so far."""

    session_id: str
    name: str
    total_s: float
    start_time: float | None = None  # Unix time
    end_time: float | None = None  # None: it goes on
    start_timestamp: str | None = None
    end_timestamp: str | None = None
    cpu_s: float | None = None
    audio_s: float | None = None
    stages: list[Part] = []
    subprocesses: list[Part] = []  # in no stage
    runs: dict[str, list[dict[str, Any]]] = {}
    timings: dict[str, list[float]] = {}  # the last ones
    timed: dict[str, tuple[int, float]] = {}  # count and sum of all, where those are not all
    gpu_stats: dict[str, Any] = {}
    memory_stats: dict[str, float] = {}
    not_measured: dict[str, str] = {}  # why, of figures that a reader may look for
    system_info: dict[str, Any] = {}
    log: list[str] = []
    paced: bool = False  # the source came at its own pace
    overlapping: bool = False  # what is known of stages are sums of work that ran side by side


def percent(part_s: float, whole_s: float) -> float:
    """Of the whole; 0 of nothing."""
    return 100 * part_s / whole_s if whole_s > 0 else 0.0


def parts(node: Node, kind: str, now: int, stamp: Stamp) -> list[Part]:
    """The children of `node` of one kind, in the order in which they first began."""
    return [_part(child, now, stamp) for child in node.children.values() if child.kind == kind]


def _part(node: Node, now: int, stamp: Stamp) -> Part:
    unknown = {"cpu": node.cpu_shared, "memory_delta_mb": node.memory_shared}
    return Part(
        name=node.name,
        wall_s=node.wall_ns(now) / 1e9,
        busy_s=node.busy_ns / 1e9 + node.running_ns(now) / 1e9,
        cpu_s=None if node.cpu_shared else node.cpu_ns / 1e9,
        count=node.count + node.running,
        failed=node.failed,
        unfinished=node.unfinished + node.running,
        began=None if node.began is None else stamp(node.began),
        memory_delta_mb=None if node.memory_shared else node.memory_delta_mb,
        memory_after_mb=node.memory_after_mb,
        grew=node.grew,
        not_measured={name: OVERLAPPED for name, shared in unknown.items() if shared},
        metadata=dict(node.metadata),
        gpu_stats=dict(node.gpu),
        subprocesses=parts(node, "subprocess", now, stamp),
        stages=parts(node, "stage", now, stamp),
    )


def told(run: Run, stamp: Stamp) -> dict[str, Any]:
    """A run of a subprocess as the JSON report lists it."""
    found: dict[str, Any] = {
        "stage": run.stage,
        "duration": round(run.duration_s, 6),
        "timestamp": stamp(run.at),
        "metadata": run.metadata,
    }
    if run.memory_mb is not None:
        grown = None if run.grown_mb is None else round(run.grown_mb, 3)
        found |= {"memory_delta_mb": grown, "memory_after_mb": round(run.memory_mb, 3)}
        found |= {"not_measured": {"memory_delta_mb": OVERLAPPED}} if grown is None else {}
    return found if run.error is None else {**found, "error": run.error}


def every(stages: list[Part]) -> list[Part]:
    """Stages with those that are nested in them."""
    return [inner for stage in stages for inner in (stage, *every(stage.stages))]
