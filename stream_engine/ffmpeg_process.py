"""One running ffmpeg: its pipe, read in whole frames by blocking calls, and its end.

The calls that read are for a worker thread. `reap` may be called while one of them waits: killing ffmpeg
ends its pipe, and with it the call.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import threading

import numpy as np
from numpy.typing import NDArray

from stream_engine.ffmpeg_log import Log
from stream_engine.wav import WavFormat, read_header

PIPE_BYTES = 1 << 20  # the most that a pipe holds without privileges


class FfmpegProcess:
    """ffmpeg started from an argument vector, writing a WAV stream of float32 to its stdout."""

    def __init__(self, command: list[str], *, stdin: int, whole_blocks: bool) -> None:
        self._popen = subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for us: ffmpeg goes on until we say
            bufsize=0,
        )
        assert self._popen.stdout is not None
        assert self._popen.stderr is not None
        self._pipe = self._popen.stdout.fileno()
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self.log = Log(self._popen.stderr)
        self._whole_blocks = whole_blocks
        self._frame_bytes = 4
        self._rest = b""
        self._reading = threading.Lock()
        self._closed = False

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        return self._popen.returncode

    def read_header(self) -> WavFormat | None:
        """Waits for the first bytes, and until what ffmpeg said before them is in the log."""
        with self._reading:
            header = None if self._closed else read_header(self._read_exactly)
        if header is not None:
            self._frame_bytes = 4 * header.channels
            self.log.banner.wait(timeout=5)
        return header

    def read_block(self, frames: int) -> NDArray[np.float32]:
        """Flat samples of whole frames: a full block, or what is ready at once; empty at the end."""
        with self._reading:
            if self._closed:
                return np.zeros(0, np.float32)
            block = np.empty(frames * self._frame_bytes // 4, np.float32)
            view = block.data.cast("B")
            filled = len(self._rest)
            view[:filled] = self._rest
            while filled < len(view) and (count := os.readv(self._pipe, [view[filled:]])):
                filled += count
                if not self._whole_blocks and filled >= self._frame_bytes:
                    break
            whole = filled - filled % self._frame_bytes
            self._rest = bytes(view[whole:filled])
            samples = block[: whole // 4]
            return samples if 2 * whole > len(view) else samples.copy()  # hold no block for a crumb

    def _read_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := os.read(self._pipe, size - len(data))):
            data += more
        return data

    def kill(self) -> None:
        self._popen.kill()

    def wait(self) -> None:
        """Until ffmpeg has ended and all that it said is in the log."""
        self._popen.wait()
        self.log.join()

    def reap(self) -> None:
        """Ends ffmpeg, if it has not ended, and gives back what it held. Safe to repeat."""
        self.kill()
        self.wait()
        with self._reading:  # a read that was given up has met the end of the pipe by now
            self._closed = True
            assert self._popen.stdout is not None
            self._popen.stdout.close()
