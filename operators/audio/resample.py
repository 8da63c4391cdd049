"""Any rate to 16 kHz, as a stream: julius' windowed sinc with carried samples.

With `old` and `new` the rates without their common factor, output j of julius is

    y[j] = sum over k of x[(j // new) * old + k - width] * kernel[j % new][k]     0 <= k < old + 2 * width

so `new` outputs, a period, need `old` new inputs and `width` more on both sides:

    input    ──width──┤◄──── old ────►├──width──
    output            │ new outputs   │

Beyond its ends the signal keeps its first and last value (julius pads so). Periods are worked on in blocks
of a fixed number, many blocks in one call, so that the sums are the same for any chunking.

Source: J. O. Smith, Digital Audio Resampling Home Page; A. Défossez, julius (MIT).
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import RATE
from stream_engine.events import Chunk, SourceChunk
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

BLOCK_S = 0.04  # of input; what a stream is late beside the filter's own lookahead
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
        blocks = (len(self._carry) - 2 * self._width) // self._hop
        if blocks > 0:
            yield self._out(self._convolve(self._carry, blocks))
            self._carry = self._carry[blocks * self._hop :]

    def flush(self) -> Iterator[Chunk]:
        left = self._received * self._new // self._old - self._sent if self._received else 0
        if left <= 0:
            return
        blocks = -(-left // self._block_out)
        need = blocks * self._hop + 2 * self._width
        padded = np.concatenate((self._carry, np.full(max(0, need - len(self._carry)), self._carry[-1])))
        yield self._out(self._convolve(padded, blocks)[:left])

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
        from julius.resample import ResampleFrac

        module = ResampleFrac(self._old, self._new)
        self._width: int = module._width
        kernel = cast("torch.Tensor", module.kernel)
        self._kernel = kernel.to(self._device)  # [new, 1, old + 2 * width], float32
        periods = max(1, round(BLOCK_S * rate / self._old))
        self._hop, self._block_out = periods * self._old, periods * self._new

    def _convolve(self, samples: NDArray[np.float32], blocks: int) -> NDArray[np.float32]:
        """`blocks` blocks of output, from `blocks * hop + 2 * width` samples."""
        import torch

        with torch.inference_mode():
            signal = torch.from_numpy(samples).to(self._device)
            framed = signal.unfold(0, self._hop + 2 * self._width, self._hop)[:blocks, None]
            periods = torch.nn.functional.conv1d(framed, self._kernel, stride=self._old)
            return periods.transpose(1, 2).reshape(-1).cpu().numpy()

    def _out(self, samples: NDArray[np.float32]) -> Chunk:
        samples = samples.view()
        samples.flags.writeable = False
        chunk = Chunk(start=self._sent, samples=samples)
        self._sent = chunk.end
        return chunk
