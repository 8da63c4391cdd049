"""What a session's logger would have said, line by line: from the times of its figures, once it is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from stream_engine.performance.report import Part


class Placed(NamedTuple):
    """A part of a stage, and when it began and ended: seconds after the start, where they are known."""

    stage: str
    part: Part
    began_s: float | None = None
    ended_s: float | None = None
    waits: bool = False  # for a source

    @property
    def completed(self) -> str:
        idle = f", idle {self.part.idle_s:.3f}s" if self.part.idle_s else ""
        return f"  [{self.part.name}] completed in {self.part.busy_s:.3f}s{idle}"


def worked_s(placed: Sequence[Placed]) -> float:
    """Of all; of those that wait for a source, at the same time, the longest."""
    waits = max((each.part.busy_s for each in placed if each.waits), default=0.0)
    return waits + sum(each.part.busy_s for each in placed if not each.waits)


def entry(at: datetime, level: str, said: str) -> str:
    """`[2026-11-20 09:30:00.155] [INFO] [ASR] Stage started`"""
    return f"[{at.isoformat(' ', 'milliseconds')[:23]}] [{level}] {' '.join(said.splitlines())}"


def session_log(
    name: str, placed: Sequence[Placed], total_s: float, local: Callable[[float], datetime]
) -> list[str]:
    """The lines in order of time; `local` is the time so many seconds after the start.

    A stage is started when it begins to wait for its first item. It is completed with its last one, in the
    time that it computed: stages of a stream run side by side.
    """
    told: list[tuple[float, str, str]] = [(0.0, "INFO", f"[{name}] Pipeline started")]
    stages: dict[str, list[Placed]] = {}
    for each in placed:
        if each.began_s is not None and each.ended_s is not None:
            stages.setdefault(each.stage, []).append(each)
            told.append((each.ended_s, "DEBUG", each.completed))
    for stage, parts in stages.items():
        began = min(each.began_s for each in parts if each.began_s is not None)
        ended = max(each.ended_s for each in parts if each.ended_s is not None)
        spent = worked_s([each for each in placed if each.stage == stage])
        told.append((began, "INFO", f"[{stage}] Stage started"))
        told.append((ended, "INFO", f"[{stage}] Stage completed in {spent:.3f}s"))
    told.sort(key=lambda line: line[0])
    told.append((total_s, "INFO", f"[{name}] Pipeline completed in {total_s:.3f}s"))
    return [entry(local(at), level, said) for at, level, said in told]
