"""What runs took of the machine: memory, processor, GPU."""

from __future__ import annotations

import os
import threading
import time
from types import TracebackType
from typing import Any

import psutil

from stream_engine.harness.measured import Absent, Largest, Measured, ratio_of
from stream_engine.performance import GPUMonitor
from stream_engine.performance.instruments import MEGABYTE

INTERVAL_S = 0.05
NO_GPU = "no GPU on this machine"


class Taken:
    """From `with` to its end: `rss_mb`, the most memory of this process; `cpu_s`, of it and its children;
    `others_cpu_s`, of all other programs; `wall_s`."""

    def __init__(self, gpu: GPUMonitor | None = None) -> None:
        self.rss_mb = self.cpu_s = self.others_cpu_s = self.wall_s = 0.0
        self.gpu: dict[str, Any] = {}
        self._monitor = gpu or GPUMonitor()
        self._process = psutil.Process()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="bench memory", daemon=True)

    def __enter__(self) -> Taken:
        self._before = time.perf_counter(), _cpu_s(), _busy_s()
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
        now = time.perf_counter(), _cpu_s(), _busy_s()
        self.wall_s, self.cpu_s, busy_s = (b - a for a, b in zip(self._before, now, strict=True))
        self.others_cpu_s = max(0.0, busy_s - self.cpu_s)

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


def _busy_s() -> float:
    """Of all cores, whoever it was for."""
    times = psutil.cpu_times()._asdict()
    idle = ("idle", "iowait", "guest", "guest_nice")  # guests are in the users' times, too
    return sum(seconds for name, seconds in times.items() if name not in idle)


def _cpu_s() -> float:
    return sum(os.times()[:4])
