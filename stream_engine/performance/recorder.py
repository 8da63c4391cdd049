"""Measures runs from any thread or task, in a tree by name; each is a span of a tracer too.

What is innermost is known by context: tasks and worker threads of asyncio and anyio inherit it. A bare thread
inherits nothing: what it measures belongs to the one stage that is open, and to none where there are several.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from contextvars import ContextVar
from typing import Any

from stream_engine.performance.gpu_monitor import GPUMonitor, Stats, merged
from stream_engine.performance.instruments import Instruments
from stream_engine.performance.report import Report, parts, told
from stream_engine.performance.spans import KEPT_RUNS, Kind, Node, Run, Span, still_open
from stream_engine.tracer import Tracer, packed

_innermost: ContextVar[Span | None] = ContextVar("innermost span", default=None)


class Recorder:
    """One pipeline, from its making to `close`."""

    def __init__(self, name: str, tracer: Tracer, instruments: Instruments, gpu: GPUMonitor) -> None:
        self._tracer = tracer
        self._read = instruments
        self._gpu = gpu
        self._lock = threading.Lock()
        self._open: dict[Span, None] = {}
        self._runs: dict[str, deque[Run]] = {}
        self._timings: dict[str, deque[float]] = {}
        memory = instruments.memory_mb()
        self._memory_mb = [memory, memory, memory]  # first, largest, last
        self._deltas: tuple[int, float] = (0, 0.0)  # of subprocesses: count, sum
        self._at, self._ended_at = instruments.now(), None
        self._cpu, self._cpu_spent = instruments.process_cpu(), None
        self.began = tracer.clock()
        self.ended: int | None = None
        self._root = Node(name, "pipeline")
        self._gpu_stats: Stats = {}

    # --- runs ---------------------------------------------------------------------------------

    def begin(self, kind: Kind, name: str, metadata: dict[str, Any] | None, within: Span | None) -> Span:
        """A run begins, in the innermost open one (a stage: in the innermost stage) or `within`."""
        outer = still_open(_innermost.get())
        parent = within or self._parent(kind, outer)
        is_stage = kind == "stage"
        memory = self._read.memory_mb()
        at, watch = self._read.now(), self._gpu.watch() if is_stage else None
        cpu = self._read.process_cpu() if is_stage else self._read.thread_cpu()
        now = self._tracer.clock()
        with self._lock:
            node = (parent.node if parent else self._root).child(kind, name)
            node.enter(now, at)
            span = Span(
                node=node,
                owner=self,
                parent=parent,
                outer=outer,
                path=f"{parent.path}/{name}" if parent else name,
                began=now,
                began_cpu=cpu,
                began_memory_mb=memory,
                at=at,
                thread=threading.get_ident(),
                metadata=metadata,
                watch=watch,
                raised=sys.exc_info()[1],
            )
            self._open[span] = None
            self._saw(memory)
        _innermost.set(span)
        return span

    def end(self, span: Span, error: str | None, *, unfinished: bool = False) -> float | None:
        """A run is over; gives its seconds, or None where it was over already."""
        now = self._tracer.clock()
        is_stage = span.node.kind == "stage"
        memory = self._read.memory_mb()
        cpu = self._read.process_cpu() if is_stage else self._read.thread_cpu()
        stats = self._gpu.ended(span.watch)
        with self._lock:
            if span.ended is not None:
                return None
            span.ended = now
            del self._open[span]
            if is_stage:
                self._not_nested(span)
            node, grown = span.node, memory - span.began_memory_mb
            node.leave(span.began, _stage_end(span, now))
            node.count += 1
            node.failed += error is not None
            node.unfinished += unfinished
            node.busy_ns += now - span.began
            if is_stage or span.thread == threading.get_ident():
                node.cpu_ns += cpu - span.began_cpu
            node.memory_delta_mb += grown
            node.memory_after_mb = memory
            node.grew += grown > 0
            node.metadata = span.metadata or node.metadata
            node.gpu = merged(node.gpu, stats)
            self._saw(memory)
            if not is_stage:
                took_s = (now - span.began) / 1e9
                run = Run(span.stage(), took_s, span.at, span.metadata or {}, error, grown, memory)
                self._keep(node.name, run)
                self._deltas = self._deltas[0] + 1, self._deltas[1] + grown
            self._tracer.stage(span.path).record(packed(-1, span.began, span.began, now, now))
            self._tracer.counter("memory MB", memory)
        if _innermost.get() is span:
            _innermost.set(still_open(span))
        return (now - span.began) / 1e9

    def told(
        self, name: str, duration_s: float, metadata: dict[str, Any] | None, within: Span | None
    ) -> None:
        """A subprocess that somebody else has timed, and that has just ended."""
        parent = within or self._parent("subprocess", still_open(_innermost.get()))
        at, now, duration = self._read.now(), self._tracer.clock(), round(duration_s * 1e9)
        with self._lock:
            node = (parent.node if parent else self._root).child("subprocess", name)
            node.told(duration, at)
            node.metadata = metadata or node.metadata
            stage = parent.stage() if parent else None
            self._keep(name, Run(stage, duration_s, at, metadata or {}))
            path = f"{parent.path}/{name}" if parent else name
            self._tracer.stage(path).record(packed(-1, now - duration, now - duration, now, now))

    def timed(self, name: str, duration_s: float) -> None:
        """A duration that belongs to no stage."""
        with self._lock:
            self._timings.setdefault(name, deque(maxlen=KEPT_RUNS)).append(duration_s)
            self._tracer.observe(name, round(duration_s * 1e9))

    # --- which is meant -----------------------------------------------------------------------

    def open_stage(self, name: str | None) -> Span:
        """The open stage of that name, or the innermost one: of this context, else the only one there is.

        Raises:
            ValueError: there is none, or several of other contexts.
        """
        with self._lock:
            everywhere = [span for span in self._open if span.node.kind == "stage"]
        here: list[Span] = []
        span = self._mine(still_open(_innermost.get()))
        while span is not None:
            here += [span] if span.node.kind == "stage" and span.ended is None else []
            span = span.parent
        for found in (here, everywhere):
            fits = [span for span in found if name is None or span.node.name == name]
            if fits and (len(fits) == 1 or found is here):
                return fits[0]
            if fits:
                raise ValueError(f"which of {len(fits)} open stages: begun by others, {_names(fits)}")
        wanted = "no stage is open" if name is None else f"stage {name!r} is not open"
        raise ValueError(f"{wanted}; open: {_names(everywhere) or 'none'}")

    def _parent(self, kind: Kind, innermost: Span | None) -> Span | None:
        span = self._mine(innermost)
        while span is not None and (
            span.ended is not None or (kind == "stage" and span.node.kind != "stage")
        ):
            span = span.parent
        if span is None and kind == "subprocess":
            with self._lock:
                stages = [each for each in self._open if each.node.kind == "stage"]
            span = stages[0] if len(stages) == 1 else None
        return span

    def _mine(self, span: Span | None) -> Span | None:
        while span is not None and span.owner is not self:
            span = still_open(span.outer)
        return span

    def _not_nested(self, ended: Span) -> None:
        """What began within a stage and outlives it runs beside it: it moves up in the tree."""
        for span in self._open:
            if span.parent is not ended or span.node.kind != "stage":
                continue
            old, above = span.node, ended.parent.node if ended.parent else self._root
            span.parent = ended.parent
            new = above.child("stage", old.name)
            new.enter(span.began, span.at)
            old.withdraw(span.began)
            if not old.count and not old.running and not (old.children.keys() & new.children.keys()):
                new.children.update(old.children)
                del ended.node.children[old.key]
            span.node = new

    # --- figures ------------------------------------------------------------------------------

    def close(self) -> tuple[list[Span], float]:
        """Ends what is open, as unfinished; gives it, innermost first, and the seconds of the whole."""
        left = list(reversed(self._open))
        for span in left:
            self.end(span, None, unfinished=True)
        memory, stats = self._read.memory_mb(), self._gpu.stop()
        with self._lock:
            self._saw(memory)
            self.ended, self._ended_at = self._tracer.clock(), self._read.now()
            self._cpu_spent = self._read.process_cpu() - self._cpu
            self._gpu_stats = stats
        return left, (self.ended - self.began) / 1e9

    def report(self, session_id: str, name: str, audio_s: float | None) -> Report:
        """The figures so far; changes nothing."""
        with self._lock:
            now = self._tracer.clock() if self.ended is None else self.ended
            cpu = self._read.process_cpu() - self._cpu if self._cpu_spent is None else self._cpu_spent
            first, largest, last = self._memory_mb
            count, grown = self._deltas
            ended = self._ended_at
            return Report(
                session_id=session_id,
                name=name,
                audio_s=audio_s,
                total_s=(now - self.began) / 1e9,
                start_time=self._at,
                end_time=ended,
                start_timestamp=self._stamp(self._at),
                end_timestamp=None if ended is None else self._stamp(ended),
                cpu_s=cpu / 1e9,
                stages=parts(self._root, "stage", now, self._stamp),
                subprocesses=parts(self._root, "subprocess", now, self._stamp),
                runs={name: [told(run, self._stamp) for run in runs] for name, runs in self._runs.items()},
                timings={name: list(durations) for name, durations in self._timings.items()},
                gpu_stats=dict(self._gpu_stats),
                memory_stats={
                    "start_mb": first,
                    "end_mb": last,
                    "peak_mb": largest,  # of what was seen as runs began and ended
                    "delta_mb": last - first,
                    "average_delta_mb": grown / count if count else 0.0,
                },
            )

    def _stamp(self, at: float) -> str:
        return self._read.local(at).isoformat(timespec="milliseconds")

    def _saw(self, memory_mb: float) -> None:
        self._memory_mb[1:] = max(self._memory_mb[1], memory_mb), memory_mb

    def _keep(self, name: str, run: Run) -> None:
        self._runs.setdefault(name, deque(maxlen=KEPT_RUNS)).append(run)


def _stage_end(span: Span, now: int) -> int:
    """Until when a run counts: what a subprocess does after its stage is over is no time of the stage."""
    if span.node.kind == "stage":
        return now
    outer = span.parent
    while outer is not None and outer.node.kind == "subprocess":
        outer = outer.parent
    return now if outer is None or outer.ended is None else outer.ended


def _names(spans: list[Span]) -> str:
    return ", ".join(repr(span.node.name) for span in spans)
