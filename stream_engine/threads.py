"""One thread for each small matrix product.

OpenBLAS gives even small products to all cores, and its threads then spin for 30 ms in case there is more: it
made the CPU time of diarization 1.6 x as much (0.137 for 0.083 s per second of speech), on cores that other
stages want.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any, cast

from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]


def one_blas_thread() -> AbstractContextManager[Any]:
    """Keeps numpy's BLAS on one thread, in the whole process, while the context lasts."""
    return cast("AbstractContextManager[Any]", threadpool_limits(1, user_api="blas"))
