"""events.jsonl: grows while the session runs, one whole line at a time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from sinks.gone_reader import to_nobody
from stream_engine.events import Event
from stream_engine.log import encode

_BLOCK = 65_536


class EventLog:
    """Appends events to a log of mode 0600; a torn last line of an earlier run is cut off first.

    What is written can be read by others at once. A log without `session_end` is of a session cut short;
    `discard` keeps it, since finished work is not thrown away.
    """

    def __init__(self, *, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.fchmod(self._descriptor, 0o600)  # one that was there before may be open to others
        _cut_torn_line(self._descriptor)

    def write(self, item: Event, /) -> None:
        """Raises: OSError: no space; what was written before stays readable."""
        line = memoryview(encode(item) + b"\n")
        while line:
            line = line[os.write(self._descriptor, line) :]

    def checkpoint(self) -> int:
        """Brings all lines to the disk; gives the length of the log in bytes."""
        os.fsync(self._descriptor)
        return os.fstat(self._descriptor).st_size

    def commit(self) -> None:
        os.fsync(self._descriptor)
        os.close(self._descriptor)

    def discard(self) -> None:
        os.close(self._descriptor)


def _cut_torn_line(descriptor: int) -> None:
    """Shortens the file to the end of its last whole line."""
    size = end = os.fstat(descriptor).st_size
    while end > 0:
        start = max(0, end - _BLOCK)
        newline = os.pread(descriptor, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    if end < size:
        os.ftruncate(descriptor, end)


class JsonLines:
    """The same lines to a stream, such as standard output; a reader that leaves costs no session its end."""

    def __init__(self, *, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, item: Event, /) -> None:
        try:
            self._stream.write(encode(item) + b"\n")
            self._stream.flush()
        except BrokenPipeError:
            to_nobody(self._stream)

    def commit(self) -> None:
        """Nothing waits: each line was sent at once."""

    def discard(self) -> None:
        """What was sent is gone."""
