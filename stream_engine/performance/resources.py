"""What a session took of the machine: processor time, memory, GPU."""

from __future__ import annotations

import os
from typing import Any

from stream_engine.performance.gpu_monitor import GPUMonitor
from stream_engine.performance.instruments import Instruments
from stream_engine.tracer import Tracer

SAMPLES = 512


class Resources:
    """From its making to `figures`; `sample` is called now and then, for the peak and the trace."""

    def __init__(
        self, tracer: Tracer, *, gpu: GPUMonitor | None = None, instruments: Instruments | None = None
    ) -> None:
        self._tracer = tracer
        self._read = instruments or Instruments()
        self._gpu = gpu
        self._cpu = self._read.process_cpu()
        self._first = self._last = self._peak = self._read.memory_mb()
        self._every, self._taken = 1, 0
        self._samples = [self._first]  # at even distances, thinned out as they become many
        if gpu is not None:
            gpu.start()

    def sample(self) -> None:
        memory = self._last = self._read.memory_mb()
        self._peak = max(self._peak, memory)
        self._taken += 1
        if self._taken % self._every == 0:
            self._samples.append(memory)
        if len(self._samples) > SAMPLES:
            self._samples = self._samples[::2]
            self._every *= 2
        self._tracer.counter("memory MB", memory)

    def close(self) -> None:
        """Ends the GPU's monitor, if `figures` has not."""
        if self._gpu is not None:
            self._gpu.stop()

    def figures(self, wall_s: float) -> dict[str, Any]:
        """`ended_at` (Unix time), `cpu_s`, `resources`, `memory` and `gpu_stats`, to be joined to `metrics`.

        All are of the whole process, over a run of `wall_s` seconds: other sessions in it count too.
        `cores_used` is processor time by wall time, and `cpu_bound_share` that of all cores there are.
        Memory is that of the samples, while operators still have theirs. `second_half_mb` is the growth in
        the second half of them: models are loaded by then.
        """
        last = self._last
        cpu_s = (self._read.process_cpu() - self._cpu) / 1e9
        gpu = self._gpu.stop() if self._gpu is not None else {}
        used = gpu.get("avg_utilization")
        cores = os.cpu_count() or 1
        return {
            "ended_at": self._read.now(),
            "cpu_s": round(cpu_s, 3),
            "resources": {
                "cores_used": round(cpu_s / wall_s, 4) if wall_s else None,
                "cpu_bound_share": round(min(1.0, cpu_s / wall_s / cores), 4) if wall_s else None,
                "gpu_idle_share": None if used is None else round(1 - used / 100, 4),
                "memory_delta_mb": round(last - self._first, 1),
                "memory_peak_mb": round(self._peak, 1),
            },
            "memory": {
                "start_mb": round(self._first, 1),
                "end_mb": round(last, 1),
                "peak_mb": round(self._peak, 1),
                "delta_mb": round(last - self._first, 1),
                "second_half_mb": round(last - self._samples[len(self._samples) // 2], 1),
            },
            "gpu_stats": gpu,
        }
