"""What ffmpeg delivers to 16 kHz mono, on a device: moved there once, then mixed and resampled there.

The same kernel as `resample` (julius' windowed sinc), over all rows at once that a chunk completes: a GPU is
fast with much and slow with many. So samples are those of `Intake` within 1e-5, and not to the
bit; the store, which must be the same for any chunking, is filled by `Intake`.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import gcd
from typing import TYPE_CHECKING, cast

import msgspec

from operators.audio.tensor_chunks import TensorChunk, Transfers, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.events import SourceChunk
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch


class TensorIntakeState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    rate: int  # Hz; 0: nothing has come yet
    received: int  # input frames
    sent: int  # output frames
    carry: Array  # input that a later output needs, the padding before the first sample included


class TensorIntake:
    """Source chunks at one rate, any channels, to tensor chunks on `device`.

    Shape: `[frames, channels]` to `[frames]`. n input frames at `rate` give `n * 16000 // rate` in all.

    Raises:
        ValueError: the rate changes.
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        transfers: Transfers | None = None,
        state: TensorIntakeState | None = None,
    ) -> None:
        self._device = device
        self._transfers = transfers or Transfers()
        self._rate = state.rate if state else 0
        self._received = state.received if state else 0
        self._sent = state.sent if state else 0
        self._carry = restored(state.carry) if state else None
        if self._rate:
            self._prepare(self._rate)

    @property
    def state(self) -> TensorIntakeState:
        return TensorIntakeState(self._rate, self._received, self._sent, saved(self._carry))

    def feed(self, item: SourceChunk, /) -> Iterator[TensorChunk]:
        import torch

        if item.rate != self._rate:
            if self._rate:
                raise ValueError(f"the rate changed from {self._rate} to {item.rate} Hz")
            self._prepare(item.rate)
        if not len(item.samples):
            return
        samples = mixed(self._transfers.upload(item.samples, self._device))
        if item.rate == RATE:
            yield self._out(samples)
            return
        if not self._received:
            samples = torch.cat((samples[:1].expand(self._width), samples))
        self._received += len(item.samples)
        self._carry = joined(self._carry, samples)
        yield from self._release()

    def flush(self) -> Iterator[TensorChunk]:
        import torch

        if self._carry is not None and self._received:
            total = self._received * self._new // self._old
            tail = self._carry[-1:].expand(2 * self._width + self._old)
            self._carry = torch.cat((self._carry, tail))
            yield from self._release(total)

    def _release(self, total: int | None = None) -> Iterator[TensorChunk]:
        """All rows of `new` outputs that are complete; up to `total` outputs in all."""
        import torch

        assert self._carry is not None
        rows = (len(self._carry) - 2 * self._width) // self._old
        if rows <= 0:
            return
        signal = self._carry[: rows * self._old + 2 * self._width]
        weights = self._kernel = self._kernel.to(signal.device)
        with torch.inference_mode():
            out = torch.nn.functional.conv1d(signal[None, None], weights, stride=self._old)[0].T.reshape(-1)
        self._carry = self._carry[rows * self._old :]
        out = out if total is None else out[: total - self._sent]
        if len(out):
            yield self._out(out)

    def _prepare(self, rate: int) -> None:
        from julius.resample import ResampleFrac

        self._rate = rate
        common = gcd(rate, RATE)
        self._old, self._new = rate // common, RATE // common
        if rate != RATE:
            module = ResampleFrac(self._old, self._new)
            self._width: int = module._width
            self._kernel = cast("torch.Tensor", module.kernel)  # [new, 1, old + 2 * width]

    def _out(self, samples: torch.Tensor) -> TensorChunk:
        chunk = TensorChunk(self._sent, samples)
        self._sent = chunk.end
        return chunk


def mixed(samples: torch.Tensor) -> torch.Tensor:
    """The mean of the channels: `[frames, channels]` to `[frames]`."""
    return samples[:, 0] if samples.shape[1] == 1 else samples.mean(1)
