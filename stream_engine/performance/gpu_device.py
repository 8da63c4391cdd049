"""What a GPU tells of itself: utilization, memory and energy.

NVML tells of an NVIDIA GPU, torch of Apple's (memory only: nothing tells its utilization without root). What
a device does not tell is None; one reading that fails leaves the others as they are. Definitions: "NVML API
Reference", NVIDIA.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, NamedTuple, Protocol

MEGABYTE = 1024 * 1024


class Reading(NamedTuple):
    """What a device tells at a moment; None: it does not."""

    utilization: float | None  # percent of the last sample period with a kernel running
    memory_mb: float | None


class Device(Protocol):
    """A GPU that can be asked."""

    kind: str

    def read(self) -> Reading: ...

    def energy_j(self) -> float | None:
        """Joules since some moment in the past."""
        ...

    def close(self) -> None: ...


class Nvidia:
    """The first GPU that CUDA may use, through NVML.

    Raises:
        nvml.NVMLError: there is no driver or no such GPU.
    """

    kind = "cuda"

    def __init__(self, nvml: Any) -> None:
        self._nvml = nvml
        nvml.nvmlInit()
        first = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
        try:
            if first.startswith(("GPU-", "MIG-")):
                self._handle = nvml.nvmlDeviceGetHandleByUUID(first)
            else:
                self._handle = nvml.nvmlDeviceGetHandleByIndex(int(first) if first.isdecimal() else 0)
        except nvml.NVMLError:
            nvml.nvmlShutdown()
            raise

    def read(self) -> Reading:
        rates = self._asked("nvmlDeviceGetUtilizationRates")
        memory = self._asked("nvmlDeviceGetMemoryInfo")
        return Reading(
            utilization=None if rates is None else float(rates.gpu),
            memory_mb=None if memory is None else memory.used / MEGABYTE,
        )

    def energy_j(self) -> float | None:
        millijoules = self._asked("nvmlDeviceGetTotalEnergyConsumption")
        return None if millijoules is None else millijoules / 1000

    def close(self) -> None:
        self._nvml.nvmlShutdown()

    def _asked(self, function: str) -> Any:
        try:
            return getattr(self._nvml, function)(self._handle)
        except self._nvml.NVMLError:
            return None


class Apple:
    """Apple's GPU, through a torch that is imported already."""

    kind = "mps"

    def __init__(self, torch: Any) -> None:
        self._torch = torch

    def read(self) -> Reading:
        try:
            return Reading(None, self._torch.mps.driver_allocated_memory() / MEGABYTE)
        except RuntimeError:
            return Reading(None, None)

    def energy_j(self) -> float | None:
        return None

    def close(self) -> None:
        pass


def find_gpu(nvml: Any = None, torch: Any = None) -> Device | None:
    """The GPU of this machine; None where there is none, or nothing that could ask it."""
    if nvml is None:
        try:
            nvml = importlib.import_module("pynvml")  # of nvidia-ml-py
        except ImportError:
            nvml = None
    if nvml is not None:
        try:
            return Nvidia(nvml)
        except nvml.NVMLError:
            pass
    torch = torch or sys.modules.get("torch")
    backends = getattr(torch, "backends", None)  # None also where another thread is still importing torch
    mps = getattr(backends, "mps", None)
    return Apple(torch) if mps is not None and mps.is_available() else None
