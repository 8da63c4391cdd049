"""Memory that is freed goes back to the system, however large the blocks were before."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from stream_engine.malloc import one_heap

def anon_kb():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

if sys.argv[1] == "ours":
    one_heap()
np.ones(30 << 20, np.uint8)  # freed at once: from now on glibc wants blocks of that size in the heap
before = anon_kb()
blocks = [np.ones(100 << 10 if number % 2 else 2 << 20, np.uint8) for number in range(40)]
del blocks[::2]  # the large ones
print(anon_kb() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="about glibc")
def test_large_blocks_between_small_ones_leave_no_holes() -> None:
    left_kb = {}
    for whose in ("ours", "glibc's own"):
        command = [sys.executable, "-c", PROGRAM, whose]
        left_kb[whose] = int(subprocess.run(command, check=True, capture_output=True).stdout)
    assert left_kb["ours"] < 4_000 < 30_000 < left_kb["glibc's own"]  # 2 MB of small ones are kept
