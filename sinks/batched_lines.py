"""A file of JSON lines that costs its callers an append: a thread encodes and writes, many lines in one call.

It writes when enough lines wait or enough time has passed, and all that waits at the end, also at the end of
the process and after an error. When the disk cannot follow, lines are dropped and counted, and nobody waits.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

WAITING = 65_536  # records at most
ENOUGH = 512  # records that are worth a call
EVERY_S = 0.5


class BatchedLines:
    """Appends records to a file of mode 0600; callable from any thread."""

    def __init__(
        self, path: Path, *, waiting: int = WAITING, enough: int = ENOUGH, every_s: float = EVERY_S
    ) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, 0o600)
        self._most, self._enough, self._every_s = waiting, enough, every_s
        self._queue: deque[Any] = deque()
        self._encode = msgspec.json.Encoder(enc_hook=str).encode_lines
        self._wake = threading.Event()
        self._dropping = threading.Lock()
        self._ending = False
        self._error: OSError | None = None
        self.dropped = 0
        self.written = 0
        self.calls = 0  # of the system
        self._thread = threading.Thread(target=self._run, name="batched lines", daemon=True)
        self._thread.start()
        atexit.register(self._end)

    def put(self, record: Any) -> None:
        """Takes a record, anything that msgspec encodes, or drops it where too many wait."""
        if len(self._queue) >= self._most or self._ending:
            self._drop(1)
            return
        self._queue.append(record)
        if len(self._queue) >= self._enough:
            self._wake.set()

    def put_all(self, records: Sequence[Any]) -> None:
        """Takes many at once; those for which there is no room are dropped."""
        room = 0 if self._ending else max(0, self._most - len(self._queue))
        self._queue.extend(records[:room])
        self._drop(max(0, len(records) - room))
        if len(self._queue) >= self._enough:
            self._wake.set()

    def close(self) -> None:
        """Writes what waits, and ends.

        Raises:
            OSError: some of it could not be written; `dropped` tells how many.
        """
        self._end()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> BatchedLines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        if error is None:
            self.close()

    def _end(self) -> None:
        atexit.unregister(self._end)
        self._ending = True
        self._wake.set()
        self._thread.join()
        if self._descriptor >= 0:
            self._flush()  # what came between the last look and the end
            os.close(self._descriptor)
            self._descriptor = -1

    def _drop(self, count: int) -> None:
        with self._dropping:
            self.dropped += count

    def _run(self) -> None:
        while not self._ending:
            self._wake.wait(self._every_s)
            self._wake.clear()
            self._flush()

    def _flush(self) -> None:
        while records := [self._queue.popleft() for _ in range(min(len(self._queue), 8 * self._enough))]:
            if self._error is not None:
                self._drop(len(records))
                continue
            try:
                lines = memoryview(self._encode(records))
                while lines:
                    lines = lines[os.write(self._descriptor, lines) :]
                    self.calls += 1
                self.written += len(records)
            except OSError as error:
                self._error = error
                self._drop(len(records))
