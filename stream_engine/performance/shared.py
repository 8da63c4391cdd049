"""One logger for a whole process."""

from __future__ import annotations

import threading
from typing import Any

from stream_engine.performance.logger import PerformanceLogger

_shared: PerformanceLogger | None = None
_sharing = threading.Lock()


def get_logger(name: str = "Pipeline", **options: Any) -> PerformanceLogger:
    """The logger of this process; made at the first call, with the options of that call."""
    global _shared
    with _sharing:
        if _shared is None:
            _shared = PerformanceLogger(name, **options)
        return _shared


def reset_logger() -> None:
    """Forgets it; the next `get_logger` makes another. What runs is stopped, and nothing is written."""
    global _shared
    with _sharing:
        if _shared is not None:
            _shared.abandon()
        _shared = None
