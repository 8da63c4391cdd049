"""ffmpeg as a source: samples out of its pipe as they come, and a verdict on the decode at the end.

    async with Decoder(Input.parse("talk.mp3")) as decoder:
        async for chunk in decoder: ...
    decoder.report

Reading the pipe is a blocking call on a worker thread. Whatever ends the scope (end of stream, error,
cancellation) kills ffmpeg, which ends that call, and reaps it: no process, thread or descriptor stays.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

import anyio
import msgspec
import numpy as np
from anyio import CapacityLimiter, to_thread
from numpy.typing import NDArray

from stream_engine.errors import InputError
from stream_engine.events import SourceChunk
from stream_engine.ffmpeg_command import command
from stream_engine.ffmpeg_log import Log, damage
from stream_engine.inputs import Input
from stream_engine.wav import WavFormat, promised_seconds, read_header

PIPE_BYTES = 1 << 20  # the most that a pipe holds without privileges
STALL_S = 30.0

Result = TypeVar("Result")


class DecodeReport(msgspec.Struct, frozen=True):
    """What came out of a source, against what it promised."""

    frames: int  # at the rate that was delivered
    rate: int  # Hz
    promised_s: float | None  # None: it promised nothing that can be relied on
    damage: str | None  # what was lost, in words; None: all is there


class Decoder:
    """One decode of one input.

    Args:
        source: what to decode.
        resample: True: 16 kHz mono by ffmpeg; False: the input's own rate and channels.
        block_s: the longest chunk, in seconds. A file is read in whole blocks; a live input gives what is
            there, at once.
        stall_timeout_s: how long a live input may stay silent on the wire; None: for ever. By default 30 s,
            and for ever on files and stdin, whose writer may think.
        stdin: the descriptor that the input `-` stands for.

    Raises:
        InputError: the input cannot be read or holds no audio; on entering, or with the first chunk.
        BackendError: there is no ffmpeg.
    """

    rate: int
    channels: int

    def __init__(
        self,
        source: Input,
        *,
        resample: bool = True,
        block_s: float = 4.0,
        stall_timeout_s: float | None = -1.0,
        stdin: int = 0,
    ) -> None:
        self.source = source
        self.report: DecodeReport | None = None
        self.frames = 0
        self._resample = resample
        self._stdin = stdin
        self._block_s = block_s
        default = None if source.kind in ("file", "stdin") else STALL_S
        self._stall_s = default if stall_timeout_s == -1.0 else stall_timeout_s
        self._limiter = CapacityLimiter(2)
        self._reading = threading.Lock()
        self._rest = b""
        self._promised_s: float | None = None

    async def __aenter__(self) -> Decoder:
        self.source.check()
        self._spawn()
        try:
            header, stalled = await self._in_worker(self._read_header)
            if header is None:
                await self._end(kill=stalled)
                raise InputError(self._refusal(stalled))
        except BaseException:
            await self._close()
            raise
        self.rate, self.channels = header.rate, header.channels
        self._frame_bytes = 4 * self.channels
        self._block = max(1, int(self._block_s * self.rate)) * self._frame_bytes
        path = self.source.path if self.source.kind == "file" else None
        wav = promised_seconds(path) if path else None
        self._promised_s = wav if wav is not None else self._log.promised_s
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def promised_s(self) -> float | None:
        """The duration that the container claims, where the claim means anything."""
        return self._promised_s

    def __aiter__(self) -> Decoder:
        return self

    async def __anext__(self) -> SourceChunk:
        if self.report is not None:
            raise StopAsyncIteration
        data, stalled = await self._in_worker(self._read_block)
        if data is None or not len(data):
            await self._end(kill=stalled)
            self._judge(stalled)
            raise StopAsyncIteration
        samples = data.reshape(-1, self.channels)
        chunk = SourceChunk(start=self.frames, rate=self.rate, samples=samples)
        self.frames = chunk.end
        return chunk

    def _judge(self, stalled: bool) -> None:
        if self.frames == 0:
            raise InputError(self._refusal(stalled))
        self.report = DecodeReport(
            frames=self.frames,
            rate=self.rate,
            promised_s=self._promised_s,
            damage=damage(
                self._log,
                seconds=self.frames / self.rate,
                promised_s=self._promised_s,
                returncode=self._process.returncode,
                stalled_s=self._stall_s if stalled else None,
            ),
        )

    def _refusal(self, stalled: bool) -> str:
        name = self.source.shown
        if stalled:
            return f"{name}: no data came for {self._stall_s:g} s; check that it is being sent"
        reason = self._log.reason()
        if "matches no streams" in " ".join(self._log.tail):
            return f"{name}: has no audio track; give a recording with sound"
        if self._process.returncode == 0:
            return f"{name}: holds no audio, not one sample; check how it was recorded"
        if "Invalid data found" in reason:
            return f"{name}: is not audio that ffmpeg can read; check that it is a recording"
        detail = reason.removeprefix(f"{self.source.location}: ")
        return f"{name}: ffmpeg cannot read it ({detail}); check the input"

    # --- the process and its pipe -------------------------------------------------------------------

    def _spawn(self) -> None:
        self._process = subprocess.Popen(
            command(self.source, resample=self._resample),
            stdin=self._stdin if self.source.kind == "stdin" else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for us: ffmpeg goes on until we say
            bufsize=0,
        )
        self._closed = False
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._pipe = self._process.stdout.fileno()
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._log = Log(self._process.stderr)

    async def _in_worker(self, read: Callable[[], Result | None]) -> tuple[Result | None, bool]:
        """A blocking read on a thread, and whether it was given up because nothing came in time."""
        with anyio.move_on_after(self._stall_s) as patience:
            return await to_thread.run_sync(read, abandon_on_cancel=True, limiter=self._limiter), False
        return None, patience.cancelled_caught

    def _read_header(self) -> WavFormat | None:
        with self._reading:
            return None if self._closed else read_header(self._read_exactly)

    def _read_exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := os.read(self._pipe, size - len(data))):
            data += more
        return data

    def _read_block(self) -> NDArray[np.float32] | None:
        """Whole frames, flat: a full block of a file, or what a live input has ready; empty at the end."""
        with self._reading:
            if self._closed:
                return None
            block = np.empty(self._block // 4, np.float32)
            view = block.data.cast("B")
            filled = len(self._rest)
            view[:filled] = self._rest
            while filled < self._block and (count := os.readv(self._pipe, [view[filled:]])):
                filled += count
                if self.source.live and filled >= self._frame_bytes:
                    break
            whole = filled - filled % self._frame_bytes
            self._rest = bytes(view[whole:filled])
            samples = block[: whole // 4]
            return samples if 2 * whole > self._block else samples.copy()  # do not hold a block for a crumb

    async def _end(self, *, kill: bool) -> None:
        """ffmpeg has closed its pipe, or is to: waits for its exit code and its last words."""
        if kill:
            self._process.kill()
        await to_thread.run_sync(self._process.wait, abandon_on_cancel=True, limiter=self._limiter)
        self._log.join()

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._reap, limiter=CapacityLimiter(1))

    def _reap(self) -> None:
        self._process.kill()  # does nothing to one that has ended and was waited for
        self._process.wait()
        self._log.join()
        with self._reading:  # a read that was given up has met the end of the pipe by now
            self._closed = True
            assert self._process.stdout is not None
            self._process.stdout.close()
