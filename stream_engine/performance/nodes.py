"""What is counted of stages and subprocesses: a tree by name, of a size that names bound.

A stage or a subprocess may run again, inside itself, and at the same time as another of its name. So of each
both are counted: `wall`, the time during which at least one run was going on, and `busy`, the time of all
runs added up. One after the other they are the same; where runs overlap, busy is the larger.

Memory and a stage's processor time are the whole process's: they count once for a stretch of time in which
any run goes on, and are not known where others ran beside it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from stream_engine.performance.covered import Covered
from stream_engine.performance.gpu_monitor import Stats, merged

OVERLAPPED = "overlapped"  # why a figure is not measured: others ran beside

Kind = Literal["pipeline", "stage", "subprocess"]


@dataclass(slots=True, eq=False)
class Node:
    """What is known of all runs of one name in one place of the tree. Times in nanoseconds."""

    name: str
    kind: Kind
    count: int = 0  # runs that are over
    failed: int = 0
    unfinished: int = 0
    busy_ns: int = 0
    cpu_ns: int = 0
    memory_delta_mb: float = 0.0
    memory_after_mb: float | None = None
    grew: int = 0  # runs with none beside them after which the process was larger
    began: float | None = None  # Unix time
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])  # of the last run that had some
    gpu: Stats = field(default_factory=dict[str, Any])
    children: dict[tuple[Kind, str], Node] = field(default_factory=dict[Any, Any])
    memory_shared: bool = False  # runs of others went on beside it
    cpu_shared: bool = False
    begun: int = 0  # runs, of this node and within it
    running: int = 0
    _covered: Covered = field(default_factory=Covered)
    _since: int = 0  # of the stretch that goes on
    _reached: int = 0
    _beginnings: int = 0  # of the runs that go on, added up
    _before: tuple[float, int, int] = (0.0, 0, 0)  # the stretch: memory, processor time, runs of others

    def child(self, kind: Kind, name: str) -> Node:
        return self.children.setdefault((kind, name), Node(name, kind))

    def enter(self, began: int, memory_mb: float, cpu_ns: int, begun: int) -> None:
        """A run begins; `begun` are all that have begun, with this one."""
        if not self.running:
            self._since = self._reached = began
            self._before = memory_mb, cpu_ns, begun - self.begun
        self._since = min(self._since, began)
        self.running += 1
        self._beginnings += began

    def leave(self, began: int, until: int, memory_mb: float, cpu_ns: int, begun: int) -> None:
        """A run is over, which counts `until` then."""
        self.running -= 1
        self._beginnings -= began
        self._reached = max(self._reached, until)
        if self.running:
            return
        self._covered.add(self._since, self._reached)
        memory_before, cpu_before, others_before = self._before
        self.memory_delta_mb += memory_mb - memory_before
        if self.kind == "stage":
            self.cpu_ns += cpu_ns - cpu_before
        if begun - self.begun != others_before:
            self.beside_others()

    def beside_others(self) -> None:
        self.memory_shared = True
        self.cpu_shared = self.cpu_shared or self.kind == "stage"

    def told(self, duration_ns: int, now: int, at: float) -> None:
        """A run that somebody else has timed, and that has just ended."""
        self._covered.add(now - duration_ns, now)
        self.busy_ns += duration_ns
        self.count += 1
        self.began = at if self.began is None else self.began

    def absorb(self, other: Node, into: dict[Node, Node]) -> None:
        """The runs of `other` become this one's, and so within; `into` is told which has become which."""
        into[other] = self
        for key, inner in other.children.items():
            mine = self.children.setdefault(key, inner)
            if mine is not inner:
                mine.absorb(inner, into)
        if other.running and (not self.running or other._since < self._since):
            self._since, self._before = other._since, other._before
        self._reached = max(self._reached, other._reached)
        for name in ("count", "failed", "unfinished", "busy_ns", "cpu_ns", "memory_delta_mb", "grew",
                     "begun", "running", "_beginnings"):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.began = min((at for at in (self.began, other.began) if at is not None), default=None)
        self.memory_after_mb = (
            self.memory_after_mb if other.memory_after_mb is None else other.memory_after_mb
        )
        self.metadata, self.gpu = other.metadata or self.metadata, merged(self.gpu, other.gpu)
        self.memory_shared |= other.memory_shared
        self.cpu_shared |= other.cpu_shared
        self._covered.join(other._covered)

    def wall_ns(self, now: int) -> int:
        return self._covered.total_with(self._since, now) if self.running else self._covered.total()

    def running_ns(self, now: int) -> int:
        """Of the runs that go on, added up."""
        return max(0, self.running * now - self._beginnings)

    @property
    def key(self) -> tuple[Kind, str]:
        return self.kind, self.name
