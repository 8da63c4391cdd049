"""What windows to come will ask of the embedding, asked in one call.

A GPU embeds thirty stretches in about the time of one, but the diarizer asks for them one by one: which ones
it needs next depends, now and then, on what the last one sounds like. So where several windows are due at
once, a scout goes ahead over them: the same diarizer in the same state, to whom all voices are alike. What it
asks for is embedded in one batch and kept until the next one. What it did not foresee is embedded when it is
asked for, so the result is the same.
"""

from __future__ import annotations

import msgspec
import numpy as np

from operators.speech.diarization.models import Embedding, Samples, Vector
from operators.speech.diarization.turns import TurnsState
from operators.speech.diarization.voices import VoicesState
from stream_engine.state import Array


class Foreseen:
    """An embedding that has some of its answers ready."""

    def __init__(self, embedding: Embedding) -> None:
        self._embedding = embedding
        self.dimension, self.shortest = embedding.dimension, embedding.shortest
        self._ready: dict[bytes, Vector] = {}

    def __call__(self, stretches: list[Samples], /) -> Vector:
        return np.stack([self._one(stretch) for stretch in stretches])

    def foresee(self, stretches: list[Samples]) -> None:
        """Embeds them together; answers that were never asked for are let go."""
        self._ready.clear()
        if stretches:
            vectors = self._embedding(stretches)
            self._ready = {
                stretch.tobytes(): vector for stretch, vector in zip(stretches, vectors, strict=True)
            }

    def _one(self, stretch: Samples) -> Vector:
        ready = self._ready.get(stretch.tobytes()) if self._ready else None
        return self._embedding([stretch])[0] if ready is None else ready


class Alike:
    """The embedding of a scout: all voices are one, and what is asked for is written down."""

    def __init__(self, embedding: Embedding) -> None:
        self.dimension, self.shortest = embedding.dimension, embedding.shortest
        self.asked: list[Samples] = []

    def __call__(self, stretches: list[Samples], /) -> Vector:
        self.asked += stretches
        return np.tile(self._voice, (len(stretches), 1))

    @property
    def _voice(self) -> Vector:
        return np.eye(1, self.dimension, dtype=np.float32)[0]

    def turns(self, turns: TurnsState) -> TurnsState:
        """Open turns whose stretches so far are this one voice, too."""
        voice = Array.of(self._voice.astype(np.float64))
        opened = [
            msgspec.structs.replace(
                turn, stretches=[msgspec.structs.replace(stretch, vector=voice) for stretch in turn.stretches]
            )
            for turn in turns.open
        ]
        return TurnsState(opened, turns.next_id)

    def nobody(self) -> VoicesState:
        """No voices so far: names do not change what is asked for."""
        return VoicesState([], Array.of(np.zeros((0, self.dimension), np.float32)), 0, 0)
