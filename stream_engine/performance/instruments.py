"""What a performance logger reads beside the tracer's clock; a test brings its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psutil

MEGABYTE = 1024 * 1024
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def local_time(at: float) -> datetime:
    return datetime.fromtimestamp(at).astimezone()


def memory_mb() -> float:
    """Resident memory of this process: read twice a subprocess, so from an open file where there is one."""
    if _statm < 0:
        return psutil.Process().memory_info().rss / MEGABYTE
    return int(os.pread(_statm, 128, 0).split()[1]) * PAGE / MEGABYTE


def _opened() -> int:
    try:
        return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _opened_by_a_child() -> None:
    global _statm
    if _statm >= 0:
        os.close(_statm)
    _statm = _opened()


_statm = _opened()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_opened_by_a_child)


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """Unix time, how to show it, memory, and processor time of this thread and of the process."""

    now: Callable[[], float] = time.time
    local: Callable[[float], datetime] = local_time
    memory_mb: Callable[[], float] = memory_mb
    thread_cpu: Callable[[], int] = time.thread_time_ns
    process_cpu: Callable[[], int] = time.process_time_ns
