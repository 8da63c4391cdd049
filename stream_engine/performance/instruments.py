"""What a performance logger reads beside the tracer's clock; a test brings its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psutil

MEGABYTE = 1024 * 1024
STATM = "/proc/self/statm"
PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def local_time() -> datetime:
    return datetime.now().astimezone()


def memory_mb() -> float:
    """Resident memory of this process; read twice a subprocess, and psutil takes three times as long."""
    try:
        descriptor = os.open(STATM, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return psutil.Process().memory_info().rss / MEGABYTE
    try:
        return int(os.read(descriptor, 128).split()[1]) * PAGE / MEGABYTE
    finally:
        os.close(descriptor)


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """Time of day, memory, and processor time of this thread and of the process."""

    now: Callable[[], datetime] = local_time
    memory_mb: Callable[[], float] = memory_mb
    thread_cpu: Callable[[], int] = time.thread_time_ns
    process_cpu: Callable[[], int] = time.process_time_ns
