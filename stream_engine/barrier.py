"""Checkpoints as barriers in the stream: a consistent cut through a running graph, without stopping it.

    source ── chunk chunk ▐ chunk chunk ▐ ──► stage ──► sink
                          1             2

The source puts a barrier between two items. A stage that meets it saves its operator's state and passes
it on; a fan-in lets no input run past it before all have it; a sink says how far it has written. When
everybody has saved for one barrier, that cut is complete and is committed at once. Method: Carbone et al.,
Lightweight Asynchronous Snapshots for Distributed Dataflows, 2015 (as in Flink).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Barrier:
    """A cut through the stream: everything before `position` (samples) is on its left."""

    number: int
    position: int


Commit = Callable[[Barrier, dict[str, Any]], None]


@dataclass
class Checkpoints:
    """Collects the states of one cut after the other, from any thread; `commit` gets the complete ones.

    `commit(barrier, states)` is called by whoever saved last, and never at the same time as itself.
    """

    commit: Commit
    names: set[str] = field(default_factory=set[str])  # who must save
    _open: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, name: str) -> None:
        """Every cut needs the state of `name`; said before the first barrier."""
        self.names.add(name)

    def save(self, name: str, barrier: Barrier, state: Any) -> None:
        """The state of `name` as it was when it met `barrier`."""
        with self._lock:
            states = self._open.setdefault(barrier.number, {})
            states[name] = state
            if states.keys() >= self.names:
                del self._open[barrier.number]
                self.commit(barrier, states)
