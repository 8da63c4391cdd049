"""All segments of a log under their last labels, worked out once and read again from a file without a name.

A dozen formats go over them. In the log they are found, parsed and labelled one by one each time; here they
lie in a row, ready.
"""

from __future__ import annotations

import os
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from stream_engine.events import Segment

_BLOCK = 256  # segments in memory at a time
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[Segment]).decode


class KeptSegments:
    """What went by once, in order; the file lies in `folder`, and goes with the process."""

    def __init__(self, folder: Path, segments: Iterable[Segment]) -> None:
        self._sizes: list[int] = []
        self._file = tempfile.TemporaryFile(dir=folder)
        weakref.finalize(self, self._file.close)
        coming = iter(segments)
        while block := list(islice(coming, _BLOCK)):
            self._sizes.append(self._file.write(_encode(block)))
        self._file.flush()

    def __iter__(self) -> Iterator[Segment]:
        place = 0
        for size in self._sizes:
            yield from _decode(os.pread(self._file.fileno(), size, place))
            place += size
