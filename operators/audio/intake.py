"""What stands between ffmpeg and the store, as one operator: health, then down-mix, then resample."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from operators.audio.downmix import DownMix
from operators.audio.health import Health, HealthState
from operators.audio.resample import Resample, ResampleState
from stream_engine.events import Chunk, SourceChunk
from stream_engine.operator import chain


class IntakeState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    health: HealthState
    resample: ResampleState


class Intake:
    """Any rate and any channels, as delivered, to clean 16 kHz mono; measures on the way.

    `steps` are the operators that it is made of, for who runs and measures each by itself.
    """

    def __init__(self, *, device: str = "cpu", state: IntakeState | None = None) -> None:
        self._health = Health(state=state.health if state else None)
        self._resample = Resample(device=device, state=state.resample if state else None)
        mix = DownMix()
        self._chain = chain(self._health, chain(mix, self._resample))
        self.steps = ("validation", self._health), ("down-mix", mix), ("resampling", self._resample)

    def feed(self, item: SourceChunk, /) -> Iterator[Chunk]:
        yield from self._chain.feed(item)

    def flush(self) -> Iterator[Chunk]:
        yield from self._chain.flush()

    @property
    def state(self) -> IntakeState:
        return IntakeState(self._health.state, self._resample.state)

    @property
    def health(self) -> dict[str, float | int | None]:
        """The health of what came so far (see `HealthSummary`), as plain values."""
        return msgspec.structs.asdict(self._health.summary)
