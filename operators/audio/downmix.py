"""All channels to one, by their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from stream_engine.events import SourceChunk


class DownMix:
    """The mean of the channels; mono passes untouched. Remembers nothing.

    Shape: `[frames, channels]` to `[frames, 1]`.
    """

    def feed(self, item: SourceChunk, /) -> Iterator[SourceChunk]:
        if item.samples.shape[1] == 1:
            yield item
        else:
            yield SourceChunk(start=item.start, rate=item.rate, samples=mixed(item.samples)[:, None])

    def flush(self) -> Iterator[SourceChunk]:
        return iter(())


def mixed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels, whatever the size of the chunk: `[frames, channels]` to `[frames]`."""
    # Column by column: a matrix product would round differently with the size of the chunk.
    mono = samples[:, 0].copy()
    for channel in range(1, samples.shape[1]):
        mono += samples[:, channel]
    mono *= np.float32(1 / samples.shape[1])
    return mono
