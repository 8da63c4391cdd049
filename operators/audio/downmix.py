"""All channels to one, by their mean."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from stream_engine.events import SourceChunk


class DownMix:
    """The mean of the channels; mono passes untouched. Remembers nothing.

    Shape: `[frames, channels]` to `[frames, 1]`.
    """

    def feed(self, item: SourceChunk, /) -> Iterator[SourceChunk]:
        channels = item.samples.shape[1]
        if channels == 1:
            yield item
            return
        # Column by column: a matrix product would round differently with the size of the chunk.
        mono = item.samples[:, 0].copy()
        for channel in range(1, channels):
            mono += item.samples[:, channel]
        mono *= np.float32(1 / channels)
        yield SourceChunk(start=item.start, rate=item.rate, samples=mono[:, None])

    def flush(self) -> Iterator[SourceChunk]:
        return iter(())
