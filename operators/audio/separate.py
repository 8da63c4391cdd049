"""Intake that keeps the channels apart: health, then each channel resampled by itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from operators.audio.health import Health, HealthState
from operators.audio.resample import Resample, ResampleState
from stream_engine.events import Chunk, SourceChunk


class SeparateState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    health: HealthState
    resample: tuple[ResampleState, ...]  # of each channel


class Separate:
    """Any rate and any channels, as delivered, to 16 kHz with as many channels; measures on the way.

    Shape: `[frames, channels]` to `[frames, channels]`, or `[frames]` where there is one channel.
    """

    def __init__(self, *, device: str = "cpu", state: SeparateState | None = None) -> None:
        self._device = device
        self._health = Health(state=state.health if state else None)
        self._resample = [Resample(device=device, state=one) for one in state.resample] if state else []
        self.steps = (("validation, resampling", self),)

    @property
    def state(self) -> SeparateState:
        return SeparateState(self._health.state, tuple(one.state for one in self._resample))

    def feed(self, item: SourceChunk, /) -> Iterator[Chunk]:
        for clean in self._health.feed(item):
            channels = clean.samples.shape[1]
            self._resample = self._resample or [Resample(device=self._device) for _ in range(channels)]
            columns = (
                SourceChunk(start=clean.start, rate=clean.rate, samples=clean.samples[:, [channel]])
                for channel in range(channels)
            )
            yield from _side_by_side(
                one.feed(column) for one, column in zip(self._resample, columns, strict=True)
            )

    def flush(self) -> Iterator[Chunk]:
        for clean in self._health.flush():
            yield from self.feed(clean)
        yield from _side_by_side(one.flush() for one in self._resample)

    @property
    def health(self) -> dict[str, float | int | None]:
        """The health of what came so far (see `HealthSummary`), as plain values."""
        return msgspec.structs.asdict(self._health.summary)


def _side_by_side(channels: Iterable[Iterable[Chunk]]) -> Iterator[Chunk]:
    for parts in zip(*channels, strict=True):
        samples = np.stack([part.samples for part in parts], axis=1)
        samples.flags.writeable = False
        yield Chunk(start=parts[0].start, samples=samples[:, 0] if len(parts) == 1 else samples)
