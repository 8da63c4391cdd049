"""One thread for each small matrix product.

OpenBLAS gives even small products to all cores, and its threads then spin for 30 ms in case there is more: it
made the CPU time of diarization 1.6 x as much (0.137 for 0.083 s per second of speech), on cores that other
stages want.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

_lock = threading.Lock()
_users = 0
_limits: Any = None


def import_torch_beside(took: Callable[[float], None]) -> Callable[[], None]:
    """Imports torch in a thread of its own (1.5 s), and gives it one thread a call on the CPU.

    Beside other stages on the same cores, a second thread made small calls of torch up to 14 x slower. What
    is returned waits until torch is there; `took` is told how many seconds that was, if it was not there.
    """

    def load() -> None:
        there, began = "torch" in sys.modules, time.perf_counter()
        import torch

        torch.set_num_threads(1)
        if not there:
            took(time.perf_counter() - began)

    importing = threading.Thread(target=load, name="import torch", daemon=True)
    importing.start()
    return importing.join


@contextmanager
def one_blas_thread() -> Generator[None]:
    """Keeps numpy's BLAS on one thread, in the whole process, until the last who wants it has left."""
    global _users, _limits
    with _lock:
        _users += 1
        if _users == 1:
            _limits = threadpool_limits(1, user_api="blas")
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if _users == 0:
                _limits.restore_original_limits()
