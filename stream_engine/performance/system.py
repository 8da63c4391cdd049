"""What a run ran on; asks torch only where it is imported already."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import psutil

GIGABYTE = 1024**3


def system_info() -> dict[str, Any]:
    """None: it could not be told without importing torch."""
    info: dict[str, Any] = {
        "python_version": platform.python_version(),
        "platform": platform.platform(),
        "torch_version": _torch_version(),
        "cuda_available": None,
        "mps_available": None if sys.platform == "darwin" else False,
        "cpu_count": os.cpu_count(),
        "memory_total_gb": round(psutil.virtual_memory().total / GIGABYTE, 2),
    }
    if (torch := sys.modules.get("torch")) is not None:
        info["cuda_available"] = torch.cuda.is_available()
        info["mps_available"] = torch.backends.mps.is_available()
        if info["cuda_available"]:
            info["cuda_device_count"] = torch.cuda.device_count()
            info["cuda_device_name"] = torch.cuda.get_device_name(0)
    return info


def _torch_version() -> str | None:
    try:
        return version("torch")
    except PackageNotFoundError:
        return None
