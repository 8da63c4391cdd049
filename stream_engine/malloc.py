"""One heap for all threads.

glibc gives each thread a heap of its own. Audio and tensors that worker threads make by turns then leave
holes in every one of them: over 30 min of recognition 140 MB, against 10 MB in one heap, at the same speed
(`benches.session`).
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_ARENA_MAX = -8  # M_ARENA_MAX of malloc.h


@cache
def one_heap() -> None:
    """Keeps glibc from opening more heaps; nothing happens with another C library."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "gnu_get_libc_version"):
        libc.mallopt(_ARENA_MAX, 1)
