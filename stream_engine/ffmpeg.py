"""ffmpeg as a source: samples out of its pipe as they come, and a verdict on the decode at the end.

    async with Decoder(Input.parse("talk.mp3")) as decoder:
        async for chunk in decoder: ...
    decoder.report

Whatever ends the scope (end of stream, error, cancellation) kills ffmpeg and reaps it: no process, thread
or descriptor stays.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import partial
from math import gcd
from types import TracebackType
from typing import TypeVar

import anyio
import msgspec
import numpy as np
from anyio import CapacityLimiter, to_thread
from numpy.typing import NDArray

from stream_engine.clock import RATE, snap
from stream_engine.errors import InputError
from stream_engine.events import Gap, SourceChunk
from stream_engine.ffmpeg_command import LEAST_GAP_S, command
from stream_engine.ffmpeg_log import damage
from stream_engine.ffmpeg_process import FfmpegProcess
from stream_engine.inputs import Input
from stream_engine.new_store import NewStore
from stream_engine.ogg import cut_off
from stream_engine.wav import WavFormat, promised_seconds

STALL_S = 30.0
OVERLAP_S = 5  # that is decoded again and compared where an earlier run was cut short
_BY_KIND = -1.0

Result = TypeVar("Result")


class DecodeReport(msgspec.Struct, frozen=True):
    """What came out of a source, against what it promised."""

    frames: int  # at the rate that was delivered
    rate: int  # Hz
    promised_s: float | None  # None: it promised nothing that can be relied on
    damage: str | None  # what was lost, in words; None: all is there


class Decoder:
    """One decode of one input; `rate`, `channels` and `promised_s` are known once it is entered.

    Args:
        source: what to decode.
        resample: True: 16 kHz by ffmpeg, mono where the input has one or two channels (more stay, since
            ffmpeg would mix them by the places of loudspeakers); False: as the input has it, unless its
            rate is one that no operator can resample.
        mix: False: all channels stay apart.
        block_s: the longest chunk, in seconds. A file is read in whole blocks; a live input gives what is
            there, at once.
        stall_timeout_s: how long a live input may send nothing; None: for ever. By default 30 s, and for
            ever for a file and for stdin, whose writer may think.
        stdin: the descriptor that the input `-` stands for.
        reconnect: open a web address again that breaks off; a file goes on where it was, a broadcast with
            what is sent by then.

    Raises:
        InputError: the input cannot be read or holds no audio; on entering, or with the first chunk.
        BackendError: there is no ffmpeg.
    """

    rate: int
    channels: int
    promised_s: float | None
    gaps: list[Gap]  # silence stands where nothing could be decoded; grows with what was read

    def __init__(
        self,
        source: Input,
        *,
        resample: bool = True,
        mix: bool = True,
        block_s: float = 4.0,
        stall_timeout_s: float | None = _BY_KIND,
        stdin: int = 0,
        reconnect: bool = False,
    ) -> None:
        self.source = source
        self.report: DecodeReport | None = None
        self.gaps = []
        self.frames = 0
        self._begin = 0  # s; where ffmpeg began
        self._stored: NewStore | None = None  # has the first `_there` frames
        self._there = 0
        self._told = 0  # how many of ffmpeg's gaps are in `gaps`
        self._late = 0  # frames of silence that are due before the first sample
        self._resample = resample
        self._mix = mix
        self._block_s = block_s
        by_kind = None if source.kind in ("file", "stdin") else STALL_S
        self._stall_s = by_kind if stall_timeout_s == _BY_KIND else stall_timeout_s
        self._stdin = stdin if source.kind == "stdin" else subprocess.DEVNULL
        self._reconnect = reconnect
        self._limiter = CapacityLimiter(2)  # of our own: intake never waits for a model's worker

    async def __aenter__(self) -> Decoder:
        self.source.check()
        if self.source.kind == "stdin" and os.isatty(self._stdin):
            raise InputError("stdin: is a terminal; pipe a recording into it, or name a file")
        many = self.source.pcm is not None and self.source.pcm.channels > 2
        try:
            header = await self._start(mix=self._mix and not many)
        except InputError:
            if not (self._resample and self._process.log.channels > 2) or self.source.live:
                raise
            self._resample = (
                False  # so many that ffmpeg has no name for them: it resamples named layouts only
            )
            header = await self._start(mix=False)
        if self._resample and not self.source.live and self._process.log.channels > 2:
            await self._close()
            header = await self._start(mix=False)
        elif not self._resample and not self.source.live and not _has_useful_factor(header.rate):
            await self._close()
            self._resample = True
            header = await self._start(mix=False)
        self.rate, self.channels = header.rate, header.channels
        log = self._process.log
        late_s = log.first_s or 0.0
        self._late = 0 if self.source.live or late_s < LEAST_GAP_S else round(late_s * self.rate)
        if self._late:
            self.gaps.append(Gap(start=0, end=snap(round(late_s * RATE)), reason="the sound begins later"))
        path = self.source.path if self.source.kind == "file" else None
        claimed = promised_seconds(path) if path else None
        self.promised_s = self._process.log.promised_s if claimed is None else claimed
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    @property
    def pid(self) -> int:
        """The process id of ffmpeg."""
        return self._process.pid

    async def go_on_from(self, store: NewStore) -> None:
        """Decodes only what an earlier run, cut short, has not left in `store`; the chunks are the same.

        ffmpeg begins five seconds before the end of what is there. If, after a second of warming up, all
        samples are the very same, what is there is given first and ffmpeg goes on behind it; else the store
        is emptied. WAV, FLAC, MP3, Ogg and Opus always agree; AAC does not where it makes up its noise.
        """
        store.sound = lambda: not (self.gaps or self._late or self._process.log.losses)
        if not store.frames:
            return
        begin = store.frames // RATE - OVERLAP_S
        if not (self._resample and self.channels == 1 and not self._late):
            return store.forget()
        other = FfmpegProcess(
            command(self.source, resample=True, start_s=begin), stdin=self._stdin, whole_blocks=True
        )
        await self._patiently(other.read_header)
        samples, _ = await self._patiently(partial(other.read_block, store.frames - begin * RATE))
        known = store.view((begin + 1) * RATE, store.frames)
        if samples is not None and np.array_equal(samples[RATE:], known):
            self._process, other = other, self._process
            self._begin, self._stored = begin, store
            self._there = store.frames
        else:
            store.forget()
        await to_thread.run_sync(other.reap, limiter=CapacityLimiter(1))

    def __aiter__(self) -> Decoder:
        return self

    async def __anext__(self) -> SourceChunk:
        if self.report is not None:
            raise StopAsyncIteration
        frames = max(1, int(self._block_s * self.rate))
        if self._late > self.frames:
            return self._chunk(np.zeros((min(frames, self._late - self.frames), self.channels), np.float32))
        if self._stored is not None and self.frames < self._there:
            end = min(self.frames + frames, self._there)
            return self._chunk(self._stored.view(self.frames, end)[:, None])
        data, stalled = await self._patiently(partial(self._process.read_block, frames))
        if data is None or not data.size:
            await self._end(stalled)
            self._judge(stalled)
            raise StopAsyncIteration
        self._learn_gaps()
        return self._chunk(data.reshape(-1, self.channels))

    def _chunk(self, samples: NDArray[np.float32]) -> SourceChunk:
        chunk = SourceChunk(start=self.frames, rate=self.rate, samples=samples)
        self.frames = chunk.end
        return chunk

    def _learn_gaps(self) -> None:
        """Those that ffmpeg has told of, on the session clock, which begins with what comes first."""
        log = self._process.log
        first_s = log.first_s or 0.0
        shift = snap(round(first_s * RATE)) if self.source.live or first_s < LEAST_GAP_S else 0
        shift -= self._begin * RATE
        for gap in log.gaps[self._told :]:
            self.gaps.append(Gap(start=gap.start - shift, end=gap.end - shift, reason=gap.reason))
            self._told += 1

    async def _start(self, *, mix: bool) -> WavFormat:
        arguments = command(self.source, resample=self._resample, mix=mix, reconnect=self._reconnect)
        self._process = FfmpegProcess(arguments, stdin=self._stdin, whole_blocks=not self.source.live)
        try:
            header, stalled = await self._patiently(self._process.read_header)
            if header is not None:
                return header
            await self._end(stalled)
            raise InputError(self._refusal(stalled))
        except BaseException:
            await self._close()
            raise

    async def _patiently(self, read: Callable[[], Result]) -> tuple[Result | None, bool]:
        """A blocking read on a thread, and whether it was given up because nothing came in time."""
        with anyio.move_on_after(self._stall_s) as patience:
            return await to_thread.run_sync(read, abandon_on_cancel=True, limiter=self._limiter), False
        return None, patience.cancelled_caught

    async def _end(self, stalled: bool) -> None:
        """ffmpeg has closed its pipe, or has to go: waits for its exit code and its last words."""
        if stalled:
            self._process.kill()
        await to_thread.run_sync(self._process.wait, abandon_on_cancel=True, limiter=self._limiter)

    async def _close(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._process.reap, limiter=CapacityLimiter(1))

    def _judge(self, stalled: bool) -> None:
        self._learn_gaps()
        if self.frames == self._late:
            raise InputError(self._refusal(stalled))
        gaps_s = sum(gap.end - gap.start for gap in self._process.log.gaps) / RATE
        lost = damage(
            self._process.log,
            seconds=self.frames / self.rate - gaps_s,
            gaps_s=gaps_s,
            promised_s=self.promised_s,
            returncode=self._process.returncode,
            stalled_s=self._stall_s if stalled else None,
        )
        path = self.source.path if self.source.kind == "file" else None
        if lost is None and path is not None and cut_off(path):
            lost = f"it breaks off after {self.frames / self.rate:.1f} s: its last page is missing"
        self.report = DecodeReport(self.frames, self.rate, self.promised_s, lost)

    def _refusal(self, stalled: bool) -> str:
        """Why there is no audio, and what to do, on one line."""
        name, log = self.source.shown, self._process.log
        if stalled:
            return f"{name}: no data came for {self._stall_s:g} s; check that it is being sent"
        if log.without_audio:
            return f"{name}: has no audio track; give a recording with sound"
        if self._process.returncode == 0:
            return f"{name}: holds no audio, not one sample; check how it was recorded"
        reason = log.reason().replace(self.source.location, name).removeprefix(f"{name}: ")
        if self.source.kind == "file" or "Invalid data found" in reason:
            return f"{name}: is not audio that ffmpeg can read ({reason}); check that it is a recording"
        return f"{name}: ffmpeg cannot read it ({reason}); check the input"


def _has_useful_factor(rate: int) -> bool:
    """Whether a resampler with one filter per output phase is of a reasonable size (64 MB)."""
    common = gcd(rate, RATE)
    return rate // common * (RATE // common) <= 16 << 20
