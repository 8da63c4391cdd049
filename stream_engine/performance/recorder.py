"""Measures runs from any thread or task, in a tree by name; each is a span of a tracer too."""

from __future__ import annotations

import sys
import threading
from collections import deque
from typing import Any

from stream_engine.performance.gpu_monitor import GPUMonitor, Stats, merged
from stream_engine.performance.instruments import Instruments
from stream_engine.performance.nodes import Kind, Node
from stream_engine.performance.open_runs import OpenRuns, innermost
from stream_engine.performance.report import Report, parts, told
from stream_engine.performance.spans import KEPT_RUNS, Run, Span, still_open
from stream_engine.tracer import Tracer, packed

DEEPEST = 64  # levels of the tree: what nests deeper is told at the last one


class Recorder:
    """One pipeline, from its making to `close`."""

    def __init__(self, name: str, tracer: Tracer, instruments: Instruments, gpu: GPUMonitor) -> None:
        self._tracer = tracer
        self._read = instruments
        self._gpu = gpu
        self._open = OpenRuns(self)
        self._lock = self._open.lock
        self._runs: dict[str, deque[Run]] = {}
        self._timings: dict[str, deque[float]] = {}
        self._timed: dict[str, tuple[int, float]] = {}  # of each name: count, sum
        memory = instruments.memory_mb()
        self._memory_mb = [memory, memory, memory]  # first, largest, last
        self._deltas: tuple[int, float] = (0, 0.0)  # of subprocesses that ran alone: count, sum
        self._at, self._ended_at = instruments.now(), None
        self._cpu, self._cpu_spent = instruments.process_cpu(), None
        self.began = tracer.clock()
        self.ended: int | None = None
        self._root = Node(name, "pipeline")
        self._gpu_stats: Stats = {}

    # --- runs ---------------------------------------------------------------------------------

    def begin(self, kind: Kind, name: str, metadata: dict[str, Any] | None, within: Span | None) -> Span:
        """A run begins, in the innermost open one (a stage: in the innermost stage) or `within`."""
        outer = still_open(innermost.get())
        parent = within or self._open.parent(kind, outer)
        is_stage = kind == "stage"
        memory = self._read.memory_mb()
        at, watch = self._read.now(), self._gpu.watch() if is_stage else None
        cpu = self._read.process_cpu() if is_stage else self._read.thread_cpu()
        now = self._tracer.clock()
        with self._lock:
            depth = parent.depth + 1 if parent else 1
            above = self._root if parent is None else parent.node if depth <= DEEPEST else parent.above
            node = above.child(kind, name)
            span = Span(
                node=node,
                above=above,
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
                depth=depth,
            )
            span.stage = span if is_stage else parent.stage if parent else None
            self._open.begin(span)
            span.counts = span.stage is None or span.stage.ended is None
            if span.counts:
                node.enter(now, memory, cpu, self._open.everywhere.begun)
            node.began = at if node.began is None else node.began
            self._saw(memory)
        innermost.set(span)
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
            self._open.end(span)
            if is_stage:
                self._open.left_behind(span)
                for each in [each for each in self._open.spans if each.counts and each.stage is span]:
                    self._leave(each, now, memory, cpu)  # its further time is none of the stage
            node, alone = span.node, self._open.alone(span)
            grown = memory - span.began_memory_mb if alone else None
            if span.counts:
                self._leave(span, now, memory, cpu)
            if not alone:
                stats.pop("energy_j", None)  # the whole device's
            node.count += 1
            node.failed += error is not None
            node.unfinished += unfinished
            node.busy_ns += now - span.began
            node.memory_after_mb = memory
            node.grew += grown is not None and grown > 0
            node.metadata = span.metadata or node.metadata
            node.gpu = merged(node.gpu, stats)
            self._saw(memory)
            if not is_stage:
                if span.thread == threading.get_ident() and self._open.alone_here(span):
                    node.cpu_ns += cpu - span.began_cpu
                else:
                    node.cpu_shared = True
                took_s = (now - span.began) / 1e9
                run = Run(_name(span.stage), took_s, span.at, span.metadata or {}, error, grown, memory)
                self._keep(node.name, run)
                if grown is not None:
                    self._deltas = self._deltas[0] + 1, self._deltas[1] + grown
            self._tracer.stage(span.path).record(packed(-1, span.began, span.began, now, now))
            self._tracer.counter("memory MB", memory)
        if innermost.get() is span:
            innermost.set(still_open(span))
        return (now - span.began) / 1e9

    def told(
        self, name: str, duration_s: float, metadata: dict[str, Any] | None, within: Span | None
    ) -> None:
        """A subprocess that somebody else has timed, and that has just ended."""
        parent = within or self._open.parent("subprocess", still_open(innermost.get()))
        at, now, duration = self._read.now(), self._tracer.clock(), round(duration_s * 1e9)
        with self._lock:
            node = (parent.node if parent else self._root).child("subprocess", name)
            node.told(duration, now, at)
            node.metadata = metadata or node.metadata
            stage = _name(parent.stage) if parent else None
            self._keep(name, Run(stage, duration_s, at, metadata or {}))
            path = f"{parent.path}/{name}" if parent else name
            self._tracer.stage(path).record(packed(-1, now - duration, now - duration, now, now))

    def timed(self, name: str, duration_s: float) -> None:
        """A duration that belongs to no stage."""
        with self._lock:
            self._timings.setdefault(name, deque(maxlen=KEPT_RUNS)).append(duration_s)
            count, total_s = self._timed.get(name, (0, 0.0))
            self._timed[name] = count + 1, total_s + duration_s
            self._tracer.observe(name, round(duration_s * 1e9))

    def open_stage(self, name: str | None) -> Span:
        """The open stage of that name, or the innermost one.

        Raises:
            ValueError: there is none, or several of other contexts.
        """
        return self._open.stage(name)

    def _leave(self, span: Span, now: int, memory: float, cpu: int) -> None:
        span.counts = False
        span.node.leave(span.began, now, memory, cpu, self._open.everywhere.begun)

    # --- figures ------------------------------------------------------------------------------

    def close(self) -> tuple[list[Span], float]:
        """Ends what is open, as unfinished; gives it, innermost first, and the seconds of the whole."""
        left = list(reversed(self._open.spans))
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
                timed={name: each for name, each in self._timed.items() if each[0] > KEPT_RUNS},
                gpu_stats=dict(self._gpu_stats),
                memory_stats=self._memory_stats(),
            )

    def _memory_stats(self) -> dict[str, float]:
        """The peak is of what was seen as runs began and ended; the average of runs that ran alone."""
        first, largest, last = self._memory_mb
        count, grown = self._deltas
        found = {"start_mb": first, "end_mb": last, "peak_mb": largest, "delta_mb": last - first}
        if count or all(run.memory_mb is None for runs in self._runs.values() for run in runs):
            found["average_delta_mb"] = grown / count if count else 0.0
        return found

    def _stamp(self, at: float) -> str:
        return self._read.local(at).isoformat(timespec="milliseconds")

    def _saw(self, memory_mb: float) -> None:
        self._memory_mb[1:] = max(self._memory_mb[1], memory_mb), memory_mb

    def _keep(self, name: str, run: Run) -> None:
        self._runs.setdefault(name, deque(maxlen=KEPT_RUNS)).append(run)


def _name(stage: Span | None) -> str | None:
    return stage.node.name if stage else None
