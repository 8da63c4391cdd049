"""A run of a stage or a subprocess, and the names that they may have."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stream_engine.performance.gpu_monitor import Watch
from stream_engine.performance.nodes import Node

KEPT_RUNS = 1000  # of each name; all are counted


class Run(NamedTuple):
    """A run of a subprocess that is over."""

    stage: str | None
    duration_s: float
    at: float  # Unix time
    metadata: dict[str, Any]
    error: str | None = None
    grown_mb: float | None = None  # None: others ran beside it
    memory_mb: float | None = None  # None: timed elsewhere


@dataclass(slots=True)
class Scope:
    """Where runs may be beside each other: the process, or one of its threads."""

    running: int = 0
    begun: int = 0


@dataclass(slots=True, eq=False)
class Span:
    """One run."""

    node: Node
    above: Node  # in which its node is
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
    counts: bool = True  # as time of its node: until it ends, or its stage does
    stage: Span | None = None  # the innermost around or at it
    depth: int = 1
    here: Scope = field(default_factory=Scope)  # its thread
    crowded: bool = False  # others than those around it ran when it began, or it is known since
    crowded_here: bool = False  # in its thread
    before: int = 0  # runs that had begun, with this one
    before_here: int = 0
    within: int = 0  # runs that have begun within it
    within_here: int = 0


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
