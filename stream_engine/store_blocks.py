"""Whether a store holds what was written: a digest for each block, checked when it is first looked at.

A disk that went wrong, or a power cut after the name and before the data, is seen where it matters, and a
long recording is not read through before its first second is at hand. SHA-256: 2 GB/s, 2 ms a block.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

BLOCK_BYTES = 4 << 20  # 66 s of mono: the most that a run which was cut short leaves to be decoded again
PIECE_BYTES = 1 << 20


class BlockDigests:
    """Digests of the blocks of a file that is written from its first byte on."""

    def __init__(self) -> None:
        self._whole: list[str] = []
        self._open = hashlib.sha256()
        self._room = BLOCK_BYTES

    def update(self, data: memoryview) -> None:
        """Takes the bytes that follow."""
        while data:
            self._open.update(data[: self._room])
            taken = min(self._room, len(data))
            data, self._room = data[taken:], self._room - taken
            if not self._room:
                self._whole.append(self._open.hexdigest())
                self._open, self._room = hashlib.sha256(), BLOCK_BYTES

    @property
    def whole(self) -> int:
        """How many blocks are whole."""
        return len(self._whole)

    def all(self) -> tuple[str, ...]:
        """One for each block so far, the last as far as it goes."""
        return (*self._whole, *([self._open.hexdigest()] if self._room < BLOCK_BYTES else ()))


class BlockCheck:
    """Checks the blocks of an open file against their digests, each once.

    Args:
        descriptor: of the file; it stays its owner's.
        digests: one for each block.
        damaged: called for a block that is not what was written; raises.
    """

    def __init__(self, descriptor: int, digests: tuple[str, ...], damaged: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._unchecked = dict(enumerate(digests))
        self._damaged = damaged

    def check(self, first: int, last: int) -> None:
        """Checks the blocks that hold the bytes `[first, last)`; raises what `damaged` raises."""
        for block in range(first // BLOCK_BYTES, -(-last // BLOCK_BYTES)):
            expected = self._unchecked.get(block)
            if expected is not None and self._digest(block) != expected:
                self._damaged()
            self._unchecked.pop(block, None)

    def _digest(self, block: int) -> str:
        digest = hashlib.sha256()
        end = (block + 1) * BLOCK_BYTES
        for offset in range(block * BLOCK_BYTES, end, PIECE_BYTES):
            digest.update(os.pread(self._descriptor, PIECE_BYTES, offset))
        return digest.hexdigest()
