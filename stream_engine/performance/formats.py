"""A report as JSON, as text, and as the summary on the console.

Lines that have room for more than one run say so at their end, and only then: how long all runs took
together, how many there were, how many failed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stream_engine.performance.bottlenecks import sentences
from stream_engine.performance.nodes import OVERLAPPED
from stream_engine.performance.report import Part, Report, every, percent

WIDE, NARROW = "=" * 80, "-" * 40
TOP, ENTRIES = 10, 20
OVERLAP_S = 0.0005  # busy and wall that differ by less are printed alike


# --- JSON ----------------------------------------------------------------------------------------


def as_json(report: Report) -> dict[str, Any]:
    """`performance_<session>.json`. Durations are wall time in seconds; `busy` adds all runs up."""
    return {
        "session_id": report.session_id,
        "pipeline_name": report.name,
        "metrics": {
            "start_time": _seconds(report.start_time),
            "end_time": _seconds(report.end_time),
            "total_duration": _seconds(report.total_s),
            "start_timestamp": report.start_timestamp,
            "end_timestamp": report.end_timestamp,
            "cpu": _seconds(report.cpu_s),
            "stages": {part.name: _stage(part, report.total_s) for part in report.stages},
            "subprocesses": report.runs,
            **_if_any(
                "in_no_stage", {sub.name: _subprocess(sub, report.total_s) for sub in report.subprocesses}
            ),
            "gpu_stats": report.gpu_stats,
            "memory_stats": {name: round(value, 3) for name, value in report.memory_stats.items()},
        },
        "timings": {name: [round(each, 6) for each in found] for name, found in report.timings.items()},
        **_if_any("timings_in_all", {name: _in_all(*each) for name, each in report.timed.items()}),
        "bottlenecks": sentences(report),
        **_if_any("paced", report.paced),
        **_if_any("not_measured", report.not_measured),
        "system_info": report.system_info,
    }


def _if_any(name: str, found: Any) -> dict[str, Any]:
    return {name: found} if found else {}


def _in_all(count: int, total_s: float) -> dict[str, Any]:
    return {"count": count, "total": _seconds(total_s)}


def as_summary(report: Report) -> dict[str, Any]:
    """The total, and of each stage its duration and its percentage of it; nested ones are within theirs."""
    return {
        "session_id": report.session_id,
        "pipeline_name": report.name,
        "total_duration": _seconds(report.total_s),
        "stages": _shares(report.stages, report.total_s),
        "gpu_stats": report.gpu_stats,
        "memory_stats": {name: round(value, 3) for name, value in report.memory_stats.items()},
        "bottlenecks": sentences(report),
    }


def _shares(stages: list[Part], total_s: float) -> dict[str, Any]:
    return {
        part.name: {
            "duration": _seconds(part.wall_s),
            "busy": _seconds(part.busy_s),
            "percentage": round(percent(part.wall_s, total_s), 1),
            **_if_any("idle", _seconds(part.idle_s)),
            **_if_any("stages", _shares(part.stages, total_s)),
        }
        for part in stages
    }


def _stage(part: Part, total_s: float) -> dict[str, Any]:
    found = _counted(part, total_s) | {
        "subprocesses": {sub.name: _subprocess(sub, part.wall_s) for sub in part.subprocesses},
        "gpu_stats": part.gpu_stats,
    }
    if part.stages:
        found["stages"] = {inner.name: _stage(inner, total_s) for inner in part.stages}
    return found


def _subprocess(part: Part, stage_s: float) -> dict[str, Any]:
    found = _counted(part, stage_s) | {"metadata": part.metadata}
    if part.subprocesses:
        found["subprocesses"] = {sub.name: _subprocess(sub, stage_s) for sub in part.subprocesses}
    return found


def _counted(part: Part, whole_s: float) -> dict[str, Any]:
    return {
        "duration": _seconds(part.wall_s),
        "timestamp": part.began,
        "percentage": round(percent(part.wall_s, whole_s), 1),
        "busy": _seconds(part.busy_s),
        "cpu": _seconds(part.cpu_s),
        "count": part.count,
        "failed": part.failed,
        "unfinished": part.unfinished,
        "memory_delta_mb": _megabytes(part.memory_delta_mb),
        "memory_after_mb": _megabytes(part.memory_after_mb),
        **_if_any("idle", _seconds(part.idle_s)),
        **_if_any("not_measured", part.not_measured),
    }


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _megabytes(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


# --- text ----------------------------------------------------------------------------------------


def as_text(report: Report) -> str:
    """`performance_<session>.txt`."""
    return "\n".join(_text(report)) + "\n"


def _text(report: Report) -> Iterator[str]:
    yield from (WIDE, f"Performance Report - {report.name}", WIDE)
    yield f"Session: {report.session_id}"
    yield f"Total Duration: {report.total_s:.2f}s"
    yield from ("", "Stage Breakdown:", NARROW)
    for stage in report.stages:
        yield from _stage_lines(stage, report.total_s, "  ")
    yield from (_sub_line(sub, report.total_s, "  ") for sub in report.subprocesses)
    if tops := tallies(report):
        yield from ("", "Top Subprocess Timings:", NARROW)
        for name, total, count in tops[:TOP]:
            yield f"  {name:30s} Total: {total:8.3f}s Count: {count:4d} Avg: {total / count:8.3f}s"
    if memory := report.memory_stats:
        yield from ("", "Memory Usage:", NARROW)
        yield f"  Peak: {memory['peak_mb']:.1f}MB"
        if "average_delta_mb" in memory:
            yield f"  Average Delta: {memory['average_delta_mb']:+.1f}MB"
        else:
            why = report.not_measured.get("memory_delta_mb", OVERLAPPED)
            yield f"  Average Delta: not measured: {why}; of the whole: {memory['delta_mb']:+.1f}MB"
    if named := sentences(report):
        yield from ("", "Bottlenecks:", NARROW, *(f"  {line}" for line in named))
    if report.log:
        yield from ("", "Recent Log Entries:", NARROW, *(f"  {line}" for line in report.log[-ENTRIES:]))


def _stage_line(stage: Part, total_s: float, indent: str) -> str:
    share = percent(stage.wall_s, total_s)
    return f"{indent}{stage.name:30s} {stage.wall_s:8.3f}s ({share:5.1f}%){_more(stage)}"


def _stage_lines(stage: Part, total_s: float, indent: str) -> Iterator[str]:
    yield _stage_line(stage, total_s, indent)
    for sub in stage.subprocesses:
        yield from _sub_lines(sub, stage.wall_s, f"{indent}  ")
    if gpu := stage.gpu_stats:
        used, memory = gpu["avg_utilization"], gpu["avg_memory_mb"]
        util = "n/a" if used is None else f"{used:.1f}%"
        held = "n/a" if memory is None else f"{memory:.1f}MB"
        yield f"{indent}  GPU: {gpu['device']} - Util: {util} Mem: {held}"
    for inner in stage.stages:
        yield from _stage_lines(inner, total_s, f"{indent}  ")


def _sub_lines(sub: Part, stage_s: float, indent: str) -> Iterator[str]:
    yield _sub_line(sub, stage_s, indent)
    for inner in sub.subprocesses:
        yield from _sub_lines(inner, stage_s, f"{indent}  ")


def _sub_line(sub: Part, stage_s: float, indent: str) -> str:
    share = percent(sub.wall_s, stage_s)
    return f"{indent}- {sub.name:26s} {sub.wall_s:8.3f}s ({share:5.1f}%){_more(sub)}"


def _more(part: Part) -> str:
    told = f"  busy {part.busy_s:.3f}s" if abs(part.busy_s - part.wall_s) > OVERLAP_S else ""
    told += f"  idle {part.idle_s:.3f}s" if part.idle_s else ""
    told += f"  {part.count} {part.unit}" if part.count > 1 else ""
    told += f"  {part.failed} failed" if part.failed else ""
    return told + (f"  {part.unfinished} unfinished" if part.unfinished else "")


def tallies(report: Report) -> list[tuple[str, float, int]]:
    """Of each name of a subprocess, wherever it ran: seconds of all runs and their number; longest first.

    What runs within a run of its own name is part of that.
    """
    found: dict[str, tuple[float, int]] = {}
    outermost = [sub for stage in every(report.stages) for sub in stage.subprocesses] + report.subprocesses
    left: list[tuple[Part, frozenset[str]]] = [(sub, frozenset()) for sub in outermost]
    while left:
        sub, within = left.pop()
        left += [(inner, within | {sub.name}) for inner in sub.subprocesses]
        if sub.name not in within:
            total, count = found.get(sub.name, (0.0, 0))
            found[sub.name] = total + sub.busy_s, count + sub.count
    rows = [(name, total, count) for name, (total, count) in found.items() if count]
    return sorted(rows, key=lambda row: (-row[1], row[0]))


# --- console -------------------------------------------------------------------------------------


def as_console(report: Report) -> str:
    """What ends a run on the console."""
    lines = ["", WIDE, f"PERFORMANCE SUMMARY - {report.name}", WIDE, f"Total Time: {report.total_s:.3f}s"]
    if report.stages:
        lines += ["", "Stage Timings:"]
    lines += _nested_lines(report.stages, report.total_s, "  ")
    if named := sentences(report):
        lines += ["", "Bottlenecks:", *(f"  {line}" for line in named)]
    return "\n".join([*lines, WIDE]) + "\n"


def _nested_lines(stages: list[Part], total_s: float, indent: str) -> Iterator[str]:
    for stage in stages:
        yield _stage_line(stage, total_s, indent)
        yield from _nested_lines(stage.stages, total_s, f"{indent}  ")
