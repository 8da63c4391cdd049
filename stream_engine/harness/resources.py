"""What runs took of the machine: memory, processor, GPU."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Any

import psutil

from stream_engine.harness.measured import Absent, Largest, Measured, ratio_of
from stream_engine.performance import GPUMonitor

INTERVAL_S = 0.05
NO_GPU = "no GPU on this machine"
MEGABYTE = 1e6


class Taken:
    """From `with` to its end: `rss_mb`, the most memory of this process; `cpu_s`, of it and its children."""

    def __init__(self, gpu: GPUMonitor | None = None) -> None:
        self.rss_mb = self.cpu_s = 0.0
        self.gpu: dict[str, Any] = {}
        self._monitor = gpu or GPUMonitor()
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="bench memory", daemon=True)

    def __enter__(self) -> Taken:
        self._cpu_before = _cpu_s()
        self._monitor.start()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self.gpu = self._monitor.stop()
        self.cpu_s = _cpu_s() - self._cpu_before

    def _watch(self) -> None:
        while True:
            self.rss_mb = max(self.rss_mb, self._process.memory_info().rss / MEGABYTE)
            if self._over.wait(INTERVAL_S):
                return


def gpu_values(stats: dict[str, Any], audio_s: float) -> dict[str, Measured]:
    """`vram` and `joules`, as far as the GPU tells them."""
    if not stats:
        return dict.fromkeys(("vram", "joules"), Absent(NO_GPU))
    memory, energy = stats.get("max_memory_mb"), stats.get("energy_j")
    silent = "the GPU does not tell"
    return {
        "vram": Absent(silent) if memory is None else Largest(memory),
        "joules": Absent(silent) if energy is None else ratio_of(energy, audio_s / 3600, "no audio"),
    }


def _cpu_s() -> float:
    return sum(os.times()[:4])
