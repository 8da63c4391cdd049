"""Whether an Ogg file has its end: it says nowhere how long it is, but its last page is marked as the last.

Source: RFC 3533, section 6: `OggS`, version 0, flags (4: last page), 14 + 4 + 4 bytes, number of segments,
their sizes.
"""

from __future__ import annotations

import os
from pathlib import Path

PAGE_BYTES = 27 + 255 + 255 * 255  # the most that a page can have
LAST = 4


def cut_off(path: Path) -> bool:
    """Whether this is an Ogg file, and what is at its end is not its last page."""
    with path.open("rb") as file:
        if file.read(5) != b"OggS\0":
            return False
        file.seek(max(0, os.fstat(file.fileno()).st_size - 2 * PAGE_BYTES))
        tail = file.read()
    start = tail.rfind(b"OggS\0")
    header = tail[start : start + 27]
    if start < 0 or len(header) < 27:
        return True
    sizes = tail[start + 27 : start + 27 + header[26]]
    whole = len(tail) - start >= 27 + header[26] + sum(sizes)
    return not (header[5] & LAST and whole)
