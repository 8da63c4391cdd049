"""One heap for all threads, and none of the large blocks in it.

glibc gives each thread a heap of its own. Audio and tensors that worker threads make by turns then leave
holes in every one of them: over 30 min of recognition 140 MB, against 10 MB in one heap, at the same speed
(`benches.session`).

By itself glibc puts ever larger blocks into the heap, once it has seen such a block freed. The tensors of
models then come and go between small things that stay, and leave holes: 60 to 85 MB, against 33 to 46 where
each block of 1 MB and more is mapped on its own, for 3 % of the processor's time.
"""

from __future__ import annotations

import ctypes
import sys
from functools import cache

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of malloc.h
_LARGE = 1 << 20  # bytes


@cache
def one_heap() -> None:
    """Keeps glibc from opening more heaps; nothing happens with another C library."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "gnu_get_libc_version"):
        libc.mallopt(_ARENA_MAX, 1)
        libc.mallopt(_MMAP_THRESHOLD, _LARGE)


def give_back() -> None:
    """Returns freed memory to the system, which glibc keeps where something above it is still in use."""
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        libc.malloc_trim(0)
