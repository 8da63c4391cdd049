"""What a GPU did while something ran, sampled in the background; without one there is no thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from stream_engine.performance.gpu_device import Device, Reading, find_gpu

INTERVAL = 0.1  # s

Stats = dict[str, Any]


class Watch:
    """Sums over the samples of some stretch of time."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.samples = 0
        self._sums: dict[str, tuple[int, float, float]] = {}  # count, sum, largest
        self._energy_before = device.energy_j()

    def add(self, reading: Reading) -> None:
        self.samples += 1
        for name, value in zip(("utilization", "memory_mb"), reading, strict=True):
            if value is not None:
                count, total, largest = self._sums.get(name, (0, 0.0, 0.0))
                self._sums[name] = (count + 1, total + value, max(largest, value))

    def stats(self) -> Stats:
        told: Stats = {"device": self._device.kind, "samples": self.samples}
        for name in ("utilization", "memory_mb"):
            count, total, largest = self._sums.get(name, (0, 0.0, 0.0))
            told[f"avg_{name}"] = round(total / count, 3) if count else None
            told[f"max_{name}"] = round(largest, 3) if count else None
        after = self._device.energy_j()
        if self._energy_before is not None and after is not None:
            told["energy_j"] = round(after - self._energy_before, 3)
        return told


def merged(before: Stats, more: Stats) -> Stats:
    """GPU figures of two stretches of time as those of one."""
    if not before or not more:
        return before or more
    counts = before["samples"], more["samples"]
    found: Stats = {"device": more["device"], "samples": sum(counts)}
    for name in ("utilization", "memory_mb"):
        means = before[f"avg_{name}"], more[f"avg_{name}"]
        known = [(mean, count) for mean, count in zip(means, counts, strict=True) if mean is not None]
        weight = sum(count for _, count in known)
        found[f"avg_{name}"] = (
            round(sum(mean * count for mean, count in known) / weight, 3) if weight else None
        )
        tops = [stats[f"max_{name}"] for stats in (before, more) if stats[f"max_{name}"] is not None]
        found[f"max_{name}"] = max(tops, default=None)
    if "energy_j" in before and "energy_j" in more:
        found["energy_j"] = round(before["energy_j"] + more["energy_j"], 3)
    return found


class GPUMonitor:
    """Samples the GPU every `interval` seconds between `start` and `stop`; does nothing without one.

    `nvml` and `torch` stand for the modules of these names; `on_sample` is called in the sampling thread.
    """

    def __init__(
        self,
        interval: float = INTERVAL,
        *,
        nvml: Any = None,
        torch: Any = None,
        on_sample: Callable[[Reading], None] | None = None,
    ) -> None:
        if not interval > 0:
            raise ValueError(f"interval must be above 0 s, not {interval}")
        self.interval = interval
        self.on_sample = on_sample
        self._modules = nvml, torch
        self._device: Device | None = None
        self._lock = threading.Lock()
        self._watches: list[Watch] = []
        self._whole: Watch | None = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to sample; one that runs already goes on."""
        if self._thread is not None:
            return
        self._device = find_gpu(*self._modules)
        if self._device is None:
            return
        self._ended.clear()
        self._whole = self.watch()
        self._thread = threading.Thread(target=self._run, name="GPU monitor", daemon=True)
        self._thread.start()

    def stop(self) -> Stats:
        """Ends the thread; gives the figures since `start`, or {} without a GPU.

        Where the device tells it: `energy_j`, joules. `avg_utilization` is None where it does not tell that.
        """
        if self._thread is None or self._device is None:
            return {}
        self._ended.set()
        self._thread.join()
        self._thread = None
        told = self.ended(self._whole)
        self._watches.clear()
        self._device.close()
        self._device = self._whole = None
        return told

    def watch(self) -> Watch | None:
        """Begins figures of their own, for `ended`; None without a GPU."""
        if self._device is None:
            return None
        watch = Watch(self._device)
        with self._lock:
            self._watches.append(watch)
        return watch

    def ended(self, watch: Watch | None) -> Stats:
        """The figures of `watch`, at the least of this moment."""
        if watch is None or self._device is None:
            return {}
        with self._lock:
            if watch not in self._watches:
                return {}
            self._watches.remove(watch)
            if not watch.samples:
                watch.add(self._device.read())
            return watch.stats()

    def _run(self) -> None:
        device = self._device
        assert device is not None
        while True:
            reading = device.read()
            with self._lock:
                for watch in self._watches:
                    watch.add(reading)
            if self.on_sample is not None:
                self.on_sample(reading)
            if self._ended.wait(self.interval):
                return
