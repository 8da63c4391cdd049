"""Audio on a device: it moves there once after decode, steps hand tensors on, and each move is counted.

    Chunk ─► Upload ─► TensorChunk ─► any of: Normalise, SilenceDetector, LogMel ... ─► Download ─► Chunk

On the CPU nothing moves: a tensor there is a view of the array, and is not counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.events import Chunk
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch


class Transfers(msgspec.Struct):
    """Moves between host and device, shared by all steps that are to be counted together."""

    to_device: int = 0
    to_host: int = 0
    bytes: int = 0

    def upload(self, array: NDArray[np.float32], device: str) -> torch.Tensor:
        """`array` on `device`, read-only as it may be: nobody writes into a chunk."""
        import torch

        if device == "cpu":
            return torch.from_numpy(array if array.flags.writeable else array.copy())
        self.to_device += 1
        self.bytes += array.nbytes
        return torch.tensor(array, device=device)

    def download(self, tensor: torch.Tensor) -> NDArray[np.float32]:
        if tensor.device.type != "cpu":
            self.to_host += 1
            self.bytes += tensor.nbytes
        return tensor.cpu().numpy()


class TensorChunk(NamedTuple):
    """A `Chunk` whose samples are on a device."""

    start: int
    samples: torch.Tensor  # [frames], float32

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


def saved(tensor: torch.Tensor | None) -> Array:
    """What a step keeps, as a value for its state."""
    return Array("<f4", (0,), b"") if tensor is None else Array.of(tensor.cpu().numpy())


def restored(array: Array) -> torch.Tensor:
    """The same as a tensor, on the CPU: it joins the audio where that is, when more comes."""
    import torch

    return torch.from_numpy(array.numpy())


def joined(kept: torch.Tensor | None, samples: torch.Tensor) -> torch.Tensor:
    """What was kept and what came, on the device of the latter."""
    import torch

    return samples if kept is None or not len(kept) else torch.cat((kept.to(samples.device), samples))


class Upload:
    """Chunk to tensor chunk. Remembers nothing."""

    def __init__(self, *, device: str = "cpu", transfers: Transfers | None = None) -> None:
        self._device = device
        self._transfers = transfers or Transfers()

    def feed(self, item: Chunk, /) -> Iterator[TensorChunk]:
        yield TensorChunk(item.start, self._transfers.upload(item.samples, self._device))

    def flush(self) -> Iterator[TensorChunk]:
        return iter(())


class Download:
    """Tensor chunk to chunk. Remembers nothing."""

    def __init__(self, *, transfers: Transfers | None = None) -> None:
        self._transfers = transfers or Transfers()

    def feed(self, item: TensorChunk, /) -> Iterator[Chunk]:
        samples = self._transfers.download(item.samples).view()
        samples.flags.writeable = False
        yield Chunk(start=item.start, samples=samples)

    def flush(self) -> Iterator[Chunk]:
        return iter(())
