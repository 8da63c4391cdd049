"""Runs of stages and subprocesses, and what is counted of them: a tree by name, of a size that names bound.

A stage or a subprocess may run again, inside itself, and at the same time as another of its name. So of each
both are counted: `wall`, the time during which at least one run was going on, and `busy`, the time of all
runs added up. One after the other they are the same; where runs overlap, busy is the larger.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from stream_engine.performance.gpu_monitor import Stats, Watch

KEPT_RUNS = 1000  # of each name; all are counted

Kind = Literal["pipeline", "stage", "subprocess"]


@dataclass(slots=True)
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
    grew: int = 0  # runs after which the process was larger
    began: float | None = None  # Unix time
    metadata: dict[str, Any] = field(default_factory=dict[str, Any])  # of the last run that had some
    gpu: Stats = field(default_factory=dict[str, Any])
    children: dict[tuple[Kind, str], Node] = field(default_factory=dict[Any, Any])
    _wall_ns: int = 0
    _running: int = 0
    _since: int = 0
    _reached: int = 0
    _begun: int = 0  # the beginnings of those that run, added up

    def child(self, kind: Kind, name: str) -> Node:
        return self.children.setdefault((kind, name), Node(name, kind))

    def enter(self, began: int, at: float) -> None:
        self._since = min(self._since, began) if self._running else began
        self._reached = max(self._reached, began) if self._running else began
        self._running += 1
        self._begun += began
        self.began = at if self.began is None else self.began

    def leave(self, began: int, until: int) -> None:
        self._running -= 1
        self._begun -= began
        self._reached = max(self._reached, until)
        if not self._running:
            self._wall_ns += max(0, self._reached - self._since)

    def withdraw(self, began: int) -> None:
        """Takes a run back, as if it had not begun here."""
        self._running -= 1
        self._begun -= began
        if not self._running:
            self._wall_ns += self._reached - self._since if self.count else 0

    def told(self, duration_ns: int, at: float) -> None:
        """A run that somebody else has timed: nobody knows when it was, so it overlaps with none."""
        self._wall_ns += duration_ns
        self.busy_ns += duration_ns
        self.count += 1
        self.began = at if self.began is None else self.began

    def wall_ns(self, now: int) -> int:
        return self._wall_ns + (max(0, now - self._since) if self._running else 0)

    def running_ns(self, now: int) -> int:
        """Of the runs that go on, added up."""
        return max(0, self._running * now - self._begun)

    @property
    def running(self) -> int:
        return self._running

    @property
    def key(self) -> tuple[Kind, str]:
        return self.kind, self.name


class Run(NamedTuple):
    """A run of a subprocess that is over."""

    stage: str | None
    duration_s: float
    at: float  # Unix time
    metadata: dict[str, Any]
    error: str | None = None
    grown_mb: float | None = None
    memory_mb: float | None = None


@dataclass(slots=True, eq=False)
class Span:
    """One run."""

    node: Node
    owner: object  # the logger
    parent: Span | None
    outer: Span | None  # what was innermost in this context before, of whichever logger
    path: str  # names from the stage down
    began: int  # ns
    began_cpu: int  # ns
    began_memory_mb: float
    at: float  # Unix time
    thread: int
    metadata: dict[str, Any] | None = None
    watch: Watch | None = None
    raised: BaseException | None = None  # what was being handled when it began
    ended: int | None = None  # ns; None: it runs

    def stage(self) -> str | None:
        """The innermost stage around or at it."""
        span: Span | None = self
        while span is not None and span.node.kind == "subprocess":
            span = span.parent
        return span.node.name if span is not None and span.node.kind == "stage" else None


def still_open(span: Span | None) -> Span | None:
    """The innermost span around `span` that has not ended."""
    while span is not None and span.ended is not None:
        span = span.outer
    return span


def checked(name: object) -> str:
    """The name of a stage or a subprocess.

    Raises:
        ValueError: it is no text, empty, more than a line, or holds control characters.
    """
    if not isinstance(name, str) or not name.strip() or not (name.isprintable() or _on_one_line(name)):
        raise ValueError(f"a name is one line of text, not {name!r}")
    return name


def _on_one_line(text: str) -> bool:
    """Joiners, no-break spaces and soft hyphens are text; controls, line ends and lone surrogates are not."""
    return not {unicodedata.category(each) for each in text} & {"Cc", "Cs", "Zl", "Zp"}
