"""The loudness of a whole session, as it came: BS.1770, integrated, of the mean of its channels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from operators.audio.loudness import Loudness, LoudnessReading, LoudnessState
from operators.audio.tensor_chunks import TensorChunk, Transfers
from stream_engine.events import Chunk


class SessionLoudness:
    """Takes chunks and gives nothing; `integrated` is what stands at the end of a session."""

    def __init__(self, *, state: LoudnessState | None = None) -> None:
        self._transfers = Transfers()
        self._loudness = Loudness(state=state)

    @property
    def integrated(self) -> float | None:
        """LUFS; None: nothing above the gate."""
        return self._loudness.integrated

    @property
    def state(self) -> LoudnessState:
        return self._loudness.state

    def feed(self, item: Chunk, /) -> Iterable[LoudnessReading]:
        mono = item.samples if item.samples.ndim == 1 else np.mean(item.samples, axis=1)
        for _ in self._loudness.feed(TensorChunk(item.start, self._transfers.upload(mono, "cpu"))):
            pass
        return ()

    def flush(self) -> Iterable[LoudnessReading]:
        return ()
