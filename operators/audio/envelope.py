"""The envelope of the audio: its largest magnitude in each tenth of a second, for drawing."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import RATE, snap
from stream_engine.events import Chunk, Envelope
from stream_engine.state import Array

STEP = RATE // 10
TOLD = 100  # steps in an event
LOWEST_DB = -60.0


class EnvelopeState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    start: int  # of the next event
    peaks: bytes
    rest: Array  # [samples < STEP]


class Envelopes:
    """Chunks to an `Envelope` every ten seconds; the last is shorter. Lookahead: 10 s. State: under 7 KB."""

    def __init__(self, *, state: EnvelopeState | None = None) -> None:
        self._start = state.start if state else 0
        self._peaks = bytearray(state.peaks if state else b"")
        self._rest = state.rest.numpy() if state else np.zeros(0, np.float32)

    @property
    def state(self) -> EnvelopeState:
        return EnvelopeState(self._start, bytes(self._peaks), Array.of(self._rest))

    def feed(self, item: Chunk, /) -> Iterator[Envelope]:
        magnitudes = np.abs(item.samples)
        if magnitudes.ndim == 2:
            magnitudes = magnitudes.max(1, initial=0.0)
        samples = np.concatenate((self._rest, magnitudes))
        whole = len(samples) // STEP * STEP
        self._rest = samples[whole:]
        self._peaks += levels(samples[:whole].reshape(-1, STEP).max(1)).tobytes()
        while len(self._peaks) >= TOLD:
            yield self._told(TOLD, self._start + TOLD * STEP)

    def flush(self) -> Iterator[Envelope]:
        whole = len(self._peaks)
        if len(self._rest):
            self._peaks += levels(self._rest.max(keepdims=True)).tobytes()
        if self._peaks:
            yield self._told(len(self._peaks), snap(self._start + whole * STEP + len(self._rest)))

    def _told(self, count: int, end: int) -> Envelope:
        start, self._start = self._start, self._start + count * STEP
        peaks = b64encode(self._peaks[:count]).decode()
        del self._peaks[:count]
        return Envelope(start=start, end=end, peaks=peaks)


def levels(magnitudes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Magnitudes as bytes on a scale of decibels: 0 is -60 dBFS or less, 255 is full scale."""
    decibels = 20 * np.log10(np.maximum(magnitudes, 1e-9))
    return np.round((decibels / -LOWEST_DB + 1).clip(0, 1) * 255).astype(np.uint8)
