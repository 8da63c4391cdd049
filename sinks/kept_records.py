"""Records that are worked out once and read again from a file without a name, by all formats that need them.

A dozen go over the segments of a log. There they are found, parsed and labelled one by one each time; here
they lie in a row, ready.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

R = TypeVar("R")
_BLOCK = 256  # records in memory at a time
_encode = msgspec.msgpack.Encoder().encode


class KeptRecords(Generic[R]):
    """What went by once, in order; the file lies in `folder`, and goes with the process."""

    def __init__(self, folder: Path, kind: type[R], records: Iterable[R]) -> None:
        self._decode = msgspec.msgpack.Decoder(list[kind]).decode
        self._sizes: list[int] = []
        self._file = tempfile.TemporaryFile(dir=folder)
        weakref.finalize(self, self._file.close)
        coming = iter(records)
        try:
            while block := list(islice(coming, _BLOCK)):
                self._sizes.append(self._file.write(_encode(block)))
            self._file.flush()
        except OSError:
            with suppress(OSError):  # what waits to be written is refused again
                self._file.close()
            raise

    def __iter__(self) -> Iterator[R]:
        place = 0
        for size in self._sizes:
            yield from self._decode(os.pread(self._file.fileno(), size, place))
            place += size
