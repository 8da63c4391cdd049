"""What a report means, in words: what took most, what grew, and what stood idle. The gravest comes first."""

from __future__ import annotations

from collections.abc import Iterator

from stream_engine.performance.report import Part, Report, every, percent

STAGE_SHARE = 5.0  # %: of a stage that takes less, nothing is said
SUB_SHARE = 25.0  # %: of a stage, to be named as what it mostly does
LEAK_RUNS, LEAK_MB, LEAK_OFTEN = 5, 32.0, 0.8  # as many runs, growth in all, and share of runs that grew
GROWTH_MB = 64.0  # of the whole, to be told
HOUR_S = 3600


def sentences(report: Report) -> list[str]:
    """One line each; shares are of wall time."""
    return [*_leaks(report), *_stages(report), *_resources(report)]


def _leaks(report: Report) -> Iterator[str]:
    """A subprocess after almost each run of which the process was larger, with none beside it."""
    for stage in every(report.stages):
        for sub in _subprocesses(stage.subprocesses):
            grown = sub.memory_delta_mb or 0.0
            if sub.count >= LEAK_RUNS and grown >= LEAK_MB and sub.grew >= LEAK_OFTEN * sub.count:
                yield (
                    f"{sub.name} of {stage.name} may leak: memory grew in {sub.grew} of its {sub.count} runs,"
                    f" by {grown:.0f} MB in all"
                )


def _stages(report: Report) -> Iterator[str]:
    whole = report.total_s
    if report.paced:
        waited = max((stage.idle_s for stage in report.stages), default=0.0)
        yield f"the source came at its own pace: waits for it are {percent(waited, whole):.0f} % of the total"
    told = sorted(every(report.stages), key=lambda stage: -stage.wall_s)
    told = [stage for stage in told if percent(stage.wall_s, whole) >= STAGE_SHARE]
    for stage in told[:1]:
        yield f"{stage.name} is {percent(stage.wall_s, whole):.0f} % of the total"
    for stage in told:
        main = max(stage.subprocesses, key=lambda sub: sub.wall_s, default=None)
        if main is not None and percent(main.wall_s, stage.wall_s) >= SUB_SHARE:
            yield f"{main.name} is {percent(main.wall_s, stage.wall_s):.0f} % of {stage.name}"
    together = percent(sum(stage.wall_s for stage in report.stages), whole)
    if together > 101 or report.overlapping:
        yield f"stages run side by side: together they are {together:.0f} % of the total"
    elif report.stages and together < 100 - STAGE_SHARE:
        named = [f"{sub.name} {percent(sub.wall_s, whole):.0f} %" for sub in report.subprocesses]
        yield f"{100 - together:.0f} % of the total is in no stage{': ' if named else ''}{', '.join(named)}"
    if failed := [stage.name for stage in every(report.stages) if stage.failed]:
        yield f"failed: {', '.join(failed)}"


def _resources(report: Report) -> Iterator[str]:
    gpu = report.gpu_stats
    if gpu.get("avg_utilization") is not None:
        yield f"GPU idle {100 - gpu['avg_utilization']:.0f} % of the time ({gpu['device']})"
    if "energy_j" in gpu:
        hour = (
            f", {gpu['energy_j'] * HOUR_S / report.audio_s:.0f} J an hour of audio" if report.audio_s else ""
        )
        yield f"energy of the GPU: {gpu['energy_j']:.0f} J{hour}"
    if report.cpu_s is not None and report.total_s > 0:
        yield f"used {report.cpu_s / report.total_s:.2f} cores on average"
    grown = report.memory_stats.get("delta_mb", 0.0)
    if grown >= GROWTH_MB:
        subs = [sub for stage in every(report.stages) for sub in _subprocesses(stage.subprocesses)]
        most = max(subs, key=lambda sub: sub.memory_delta_mb or 0.0, default=None)
        where = f", by {most.memory_delta_mb:.0f} MB in {most.name}" if most and most.memory_delta_mb else ""
        yield f"memory grew by {grown:.0f} MB{where}"


def _subprocesses(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _subprocesses(part.subprocesses)
