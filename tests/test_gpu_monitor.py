"""The GPU monitor: against a library that behaves like NVML, against torch's MPS calls, and a real GPU."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stream_engine.performance import GPUMonitor, PerformanceLogger
from stream_engine.performance.gpu_monitor import merged

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


class Nvml:
    """NVML of a machine with one GPU, as far as the monitor calls it; `broken` functions fail."""

    class NVMLError(Exception):
        pass

    def __init__(self, *, broken: tuple[str, ...] = ()) -> None:
        self.broken = broken
        self.readings = 0
        self.open = 0
        self.asked: object = None

    def _check(self, function: str) -> None:
        if function in self.broken:
            raise self.NVMLError(function)

    def nvmlInit(self) -> None:
        self._check("nvmlInit")
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        self._check("nvmlDeviceGetHandleByIndex")
        self.asked = index
        return f"gpu {index}"

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self.asked = uuid
        return "gpu"

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        self._check("nvmlDeviceGetUtilizationRates")
        self.readings += 1
        return SimpleNamespace(gpu=10 if self.readings % 2 else 30)

    def nvmlDeviceGetMemoryInfo(self, handle: str) -> Any:
        self._check("nvmlDeviceGetMemoryInfo")
        return SimpleNamespace(used=512 * 1024 * 1024)

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: str) -> int:
        self._check("nvmlDeviceGetTotalEnergyConsumption")
        return 5_000_000 + 1_000 * self.readings


def watched(nvml: Nvml, *, seconds: float = 0.2) -> dict[str, Any]:
    monitor = GPUMonitor(0.01, nvml=nvml)
    monitor.start()
    time.sleep(seconds)
    return monitor.stop()


def test_utilization_memory_and_energy_are_those_of_the_samples() -> None:
    nvml = Nvml()
    stats = watched(nvml)
    assert stats["device"] == "cuda"
    count = stats["samples"]
    assert count == nvml.readings >= 2
    assert stats["avg_utilization"] == pytest.approx(
        (10 * (count - count // 2) + 30 * (count // 2)) / count, abs=0.001
    )
    assert (stats["max_utilization"], stats["avg_memory_mb"], stats["max_memory_mb"]) == (30, 512, 512)
    assert stats["energy_j"] == stats["samples"]
    assert nvml.open == 0


@pytest.mark.parametrize(
    ("broken", "lost"),
    [
        ("nvmlDeviceGetUtilizationRates", {"avg_utilization", "max_utilization"}),
        ("nvmlDeviceGetMemoryInfo", {"avg_memory_mb", "max_memory_mb"}),
        ("nvmlDeviceGetTotalEnergyConsumption", set[str]()),
    ],
)
def test_a_reading_that_fails_leaves_the_others(broken: str, lost: set[str]) -> None:
    stats = watched(Nvml(broken=(broken,)), seconds=0.05)
    assert stats["samples"] > 0
    assert {name for name, value in stats.items() if value is None} == lost
    assert ("energy_j" in stats) == (broken != "nvmlDeviceGetTotalEnergyConsumption")


@pytest.mark.parametrize("broken", ["nvmlInit", "nvmlDeviceGetHandleByIndex"])
def test_without_a_gpu_there_is_no_thread_and_nothing_to_tell(broken: str) -> None:
    nvml = Nvml(broken=(broken,))
    monitor = GPUMonitor(0.01, nvml=nvml, torch=SimpleNamespace(backends=_mps(available=False)))
    threads = threading.active_count()
    monitor.start()
    assert threading.active_count() == threads
    assert monitor.stop() == {}
    assert nvml.open == 0


def test_it_starts_and_stops_as_often_as_one_likes() -> None:
    nvml = Nvml()
    monitor = GPUMonitor(0.01, nvml=nvml)
    assert monitor.stop() == {}
    for _ in range(3):
        monitor.start()
        monitor.start()
        assert nvml.open == 1
        assert monitor.stop()["samples"] >= 1
        assert monitor.stop() == {}
    with pytest.raises(ValueError, match="above 0 s"):
        GPUMonitor(0)


def test_when_it_has_stopped_its_thread_is_gone_and_no_sample_follows() -> None:
    ended: list[object] = []

    def slow(reading: object) -> None:
        time.sleep(0.2)  # as a driver may be
        ended.append(reading)

    monitor = GPUMonitor(0.01, nvml=Nvml(), on_sample=slow)
    before = set(threading.enumerate())
    monitor.start()
    (thread,) = set(threading.enumerate()) - before
    time.sleep(0.05)
    monitor.stop()
    assert not thread.is_alive()
    assert len(ended) == 1


def test_it_is_the_gpu_that_cuda_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    for visible, asked in (("2,3", 2), ("GPU-8932f937", "GPU-8932f937"), ("", 0)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        nvml = Nvml()
        watched(nvml, seconds=0.01)
        assert nvml.asked == asked


def _mps(*, available: bool) -> Any:
    return SimpleNamespace(mps=SimpleNamespace(is_available=lambda: available))


def test_apple_tells_memory_and_no_utilization() -> None:
    nothing = Nvml(broken=("nvmlInit",))
    torch = SimpleNamespace(
        backends=_mps(available=True),
        mps=SimpleNamespace(driver_allocated_memory=lambda: 64 * 1024 * 1024),
    )
    monitor = GPUMonitor(0.01, nvml=nothing, torch=torch)
    monitor.start()
    stats = monitor.stop()
    assert stats["device"] == "mps"
    assert (stats["avg_memory_mb"], stats["max_memory_mb"]) == (64, 64)
    assert stats["avg_utilization"] is None
    assert "energy_j" not in stats


def test_each_stage_has_figures_of_its_own_and_the_report_names_idle_time(tmp_path: Path) -> None:
    nvml = Nvml()
    logger = PerformanceLogger(
        "GPU", tmp_path, verbose=False, gpu=GPUMonitor(0.01, nvml=nvml), audio_s=3600.0
    )
    with logger:
        with logger.stage("A"):
            time.sleep(0.1)
        for _ in range(2):
            with logger.stage("B"):
                time.sleep(0.05)
    report = logger.generate_json_report()["metrics"]
    a, b = (report["stages"][name]["gpu_stats"] for name in "AB")
    assert 0 < a["samples"] < report["gpu_stats"]["samples"]
    assert 0 < b["samples"] < report["gpu_stats"]["samples"]
    assert b["max_memory_mb"] == 512
    assert "    GPU: cuda - Util: " in logger.generate_text_report()
    named = logger.get_summary()["bottlenecks"]
    assert any(line.startswith("GPU idle ") and line.endswith("of the time (cuda)") for line in named)
    assert any(line.endswith("J an hour of audio") for line in named)


def test_figures_of_two_stretches_are_weighed_by_their_samples() -> None:
    one = {"device": "cuda", "samples": 1, "avg_utilization": 10.0, "max_utilization": 10.0}
    two = {"device": "cuda", "samples": 3, "avg_utilization": 50.0, "max_utilization": 90.0}
    memory = {"avg_memory_mb": None, "max_memory_mb": None}
    found = merged({**one, **memory}, {**two, **memory})
    assert (found["samples"], found["avg_utilization"], found["max_utilization"]) == (4, 40.0, 90.0)
    assert found["avg_memory_mb"] is None


@pytest.mark.needs_gpu
def test_a_real_gpu_is_seen_at_work() -> None:
    import torch

    monitor = GPUMonitor(0.05)
    monitor.start()
    work = torch.randn(4096, 4096, device="cuda")
    until = time.monotonic() + 2
    while time.monotonic() < until:
        work = work @ work / 64
        torch.cuda.synchronize()
    stats = monitor.stop()
    assert stats["device"] == "cuda"
    assert stats["samples"] >= 20
    assert stats["max_utilization"] > 50
    assert stats["max_memory_mb"] > 64
