"""Any rate to 16 kHz, as a stream: julius' windowed sinc with carried samples.

With `old` and `new` the rates without their common factor, output j of julius is

    y[j] = sum over k of x[(j // new) * old + k - width] * kernel[j % new][k]     0 <= k < old + 2 * width

so `new` outputs need `old` new inputs and `width` more on both sides. Beyond its ends the signal keeps its
first and last value (julius pads so). Several such periods make a row, so that a row's inputs are not few
beside the width: julius' kernel, shifted, for each period of the row. A block is 64 rows:

    input    ──width──┤ row 0 │ row 1 │ ...         │ row 63 ├───width──
    released          ◄─── done ──►◄─ now ─►

A block is convolved whole whenever more of its rows are complete, with zeros for the rest: one shape and one
place for each row, so the same sums, to the bit, for any chunking. (oneDNN takes other ways for other
shapes. 64 rows of 44.1 kHz are 0.64 s and take 0.2 ms; 20 ms chunks then run at 120 x real time.)

Source: J. O. Smith, Digital Audio Resampling Home Page; A. Défossez, julius (MIT).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.tensor_chunks import Transfers
from stream_engine.clock import RATE
from stream_engine.events import Chunk, SourceChunk
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

ROWS = 64  # in a block
KERNEL_LIMIT = 16 << 20  # weights; a rate that shares no factor with 16 kHz would need gigabytes


class ResampleState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    rate: int  # Hz; 0: nothing has come yet
    received: int  # input frames
    sent: int  # output frames
    carry: Array  # input that a later output needs, the padding before the first sample included


class Resample:
    """Mono at any rate to `Chunk`s at 16 kHz; what is already at 16 kHz passes.

    Shape: `[frames, 1]` to `[frames]`. n input frames at `rate` give `n * 16000 // rate` in all.

    Raises:
        ValueError: more than one channel, the rate changes, or it shares no useful factor with 16 kHz.
    """

    def __init__(self, *, device: str = "cpu", state: ResampleState | None = None) -> None:
        self._device = device
        self.transfers = Transfers()
        self._rate = state.rate if state else 0
        self._received = state.received if state else 0
        self._sent = state.sent if state else 0
        self._carry: NDArray[np.float32] = state.carry.numpy() if state else np.zeros(0, np.float32)
        if self._rate:
            self._prepare(self._rate)

    @property
    def state(self) -> ResampleState:
        return ResampleState(self._rate, self._received, self._sent, Array.of(self._carry))

    def feed(self, item: SourceChunk, /) -> Iterator[Chunk]:
        if item.samples.ndim != 2 or item.samples.shape[1] != 1:
            raise ValueError(f"samples of shape {item.samples.shape}; expected [frames, 1]")
        if item.rate != self._rate:
            if self._rate:
                raise ValueError(f"the rate changed from {self._rate} to {item.rate} Hz")
            self._prepare(item.rate)
        samples = item.samples[:, 0]
        if not len(samples):
            return
        if item.rate == RATE:
            yield self._out(samples)
            return
        if not self._received:
            self._carry = np.full(self._width, samples[0], np.float32)
        self._received += len(samples)
        self._carry = np.concatenate((self._carry, samples))
        yield from self._release()

    def flush(self) -> Iterator[Chunk]:
        if self._received and self._rate != RATE:
            total = self._received * self._new // self._old
            tail = np.full(2 * self._width + self._hop, self._carry[-1])
            self._carry = np.concatenate((self._carry, tail))
            yield from self._release(total)

    def _release(self, total: int | None = None) -> Iterator[Chunk]:
        """The output of all rows that are complete and were not released before."""
        while (rows := min(ROWS, (len(self._carry) - 2 * self._width) // self._hop)) > 0:
            done = self._sent % (ROWS * self._row)
            end = rows * self._row
            if total is not None:
                end = min(end, done + total - self._sent)
            if end > done:
                yield self._out(self._convolve()[done:end])
            if rows < ROWS:
                return
            self._carry = self._carry[ROWS * self._hop :]

    def _prepare(self, rate: int) -> None:
        if rate < 1:
            raise ValueError(f"a rate of {rate} Hz")
        self._rate = rate
        common = gcd(rate, RATE)
        self._old, self._new = rate // common, RATE // common
        if rate == RATE:
            return
        if self._old * self._new > KERNEL_LIMIT:
            raise ValueError(f"{rate} Hz shares no useful factor with {RATE} Hz: let ffmpeg resample it")
        import torch
        from julius.resample import ResampleFrac

        module = ResampleFrac(self._old, self._new)
        self._width: int = module._width
        kernel = cast("torch.Tensor", module.kernel)[:, 0]  # [new, old + 2 * width]
        periods = max(1, round(2 * self._width / self._old))
        self._hop, self._row = periods * self._old, periods * self._new
        weights = torch.zeros(self._row, 1, self._hop + 2 * self._width)
        for period in range(periods):
            start = period * self._old
            weights[period * self._new :][: self._new, 0, start : start + kernel.shape[1]] = kernel
        self._weights = weights.to(self._device)  # [row, 1, hop + 2 * width], float32

    def _convolve(self) -> NDArray[np.float32]:
        """The block that the carry begins with: `[ROWS * row]`; rows that are not complete are not right."""
        import torch

        size = ROWS * self._hop + 2 * self._width
        with torch.inference_mode():
            signal = torch.zeros(1, 1, size)
            have = min(size, len(self._carry))
            signal[0, 0, :have] = torch.from_numpy(self._carry[:have])
            moved = self.transfers.upload(signal.numpy(), self._device)
            rows = torch.nn.functional.conv1d(moved, self._weights, stride=self._hop)
            return self.transfers.download(rows[0].T.reshape(-1))

    def _out(self, samples: NDArray[np.float32]) -> Chunk:
        samples = samples.view()
        samples.flags.writeable = False
        chunk = Chunk(start=self._sent, samples=samples)
        self._sent = chunk.end
        return chunk
