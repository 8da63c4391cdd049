"""Ten-millisecond features of the audio, computed once for whoever describes how something is said.

    Spectra ─┬─ spectrum ─► level, centroid, flatness ──────────────┐
             └─ samples ──► candidates of F0 ─► path through them ──┴─► ProsodyFrames, 50 at a time

The fundamental frequency needs frames of its own (46 ms: three periods of the lowest voice), the rest is of
the shared transform. Work is done in blocks of 50 frames on the session's grid, so that the same numbers are
computed for any chunking.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import HOP, Spectra
from operators.audio.tensor_chunks import Transfers, joined, restored, saved
from operators.prosody.pitch_candidates import BEFORE, COUNT, SIZE, PitchCandidates
from operators.prosody.pitch_path import AHEAD, PathState, PitchPath
from operators.prosody.spectral_shape import SpectralShape
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

BLOCK = 50  # frames
Column = NDArray[np.float32]


class ProsodyFrames(NamedTuple):
    """Consecutive frames; frame i describes the samples `[start + HOP * i, start + HOP * (i + 1))`."""

    start: int  # samples on the session clock, a multiple of HOP
    rms_db: Column  # [frames], dB of full scale, over a Hann window of 32 ms; -120 where it is silent
    f0_hz: Column  # [frames], 65 to 400; 0 where nothing is voiced
    voicing: Column  # [frames], in [0, 1]: the height of the best peak of the autocorrelation
    centroid_hz: Column  # [frames], of the power spectrum; 0 where it is silent
    flatness: Column  # [frames], in [0, 1]: geometric over arithmetic mean of the power; 0 where it is silent

    @property
    def frames(self) -> int:
        return len(self.rms_db)

    @property
    def end(self) -> int:
        return self.start + HOP * len(self.rms_db)


class FrameState(msgspec.Struct, frozen=True):
    """Memory between two items: less than 0.7 s."""

    cell: int  # the next to be given
    samples: Array  # those whose pitch has not been looked for, and half a frame before
    shape: Array  # [frames, 3]: level, centroid, flatness of frames that are not given yet
    candidates: Array  # [frames, 2 * COUNT + 1]: of frames whose pitch is not decided
    path: PathState


class FrameFeatures:
    """Spectra to frames of prosody, on the device of the spectra. Lookahead: 0.2 to 0.7 s.

    A block of 0.5 s, 0.15 s more to decide its pitch, 18 ms for the last frame. Any chunking gives the same
    pitch; the rest differs by the float noise of the transform (1e-3 dB, 0.1 Hz, 1e-4 flatness).
    """

    def __init__(self, *, transfers: Transfers | None = None, state: FrameState | None = None) -> None:
        self._transfers = transfers or Transfers()
        self._cell = state.cell if state else 0
        self._samples = restored(state.samples) if state else None
        self._shape = state.shape.numpy() if state else np.zeros((0, 3), np.float32)
        self._candidates = state.candidates.numpy() if state else np.zeros((0, 2 * COUNT + 1), np.float32)
        self._path = PitchPath(state=state.path if state else None)
        self._spectral_shape: SpectralShape | None = None
        self._search: PitchCandidates | None = None

    @property
    def state(self) -> FrameState:
        shape, candidates = Array.of(self._shape), Array.of(self._candidates)
        return FrameState(self._cell, saved(self._samples), shape, candidates, self._path.state)

    def feed(self, item: Spectra, /) -> Iterator[ProsodyFrames]:
        import torch

        if self._spectral_shape is None:
            self._spectral_shape = SpectralShape(item.spectrum.device)
        if self._samples is None or not len(self._samples):
            self._samples = torch.zeros(BEFORE)
            self._cell = item.start // HOP
        shape = self._transfers.download(self._spectral_shape(item.spectrum))
        self._shape = np.concatenate((self._shape, shape))
        self._samples = joined(self._samples, item.samples)
        while len(self._samples) >= SIZE + HOP * (BLOCK - 1):
            self._look_for_pitch(self._samples, BLOCK)
            yield self._decided(len(self._candidates) - AHEAD)

    def flush(self) -> Iterator[ProsodyFrames]:
        import torch

        missing = len(self._shape) - len(self._candidates)
        if missing and self._samples is not None:
            short = SIZE + HOP * (missing - 1) - len(self._samples)
            self._look_for_pitch(torch.nn.functional.pad(self._samples, (0, short)), missing)
        if len(self._candidates):
            yield self._decided(len(self._candidates))

    def _look_for_pitch(self, samples: torch.Tensor, count: int) -> None:
        if self._search is None:
            self._search = PitchCandidates(samples.device)
        found = self._search(samples[: SIZE + HOP * (count - 1)])
        self._candidates = np.concatenate((self._candidates, self._transfers.download(found)))
        self._samples = samples[HOP * count :].clone()

    def _decided(self, count: int) -> ProsodyFrames:
        """The next frames, which are taken from what is kept."""
        known = self._candidates.astype(np.float64)
        hz, height, peak = known[:, :COUNT], known[:, COUNT : 2 * COUNT], known[:, -1]
        f0 = self._path.decide(hz, height, peak, count).astype(np.float32)
        voicing = self._candidates[:count, COUNT : 2 * COUNT].max(1)
        level, centroid, flatness = np.ascontiguousarray(self._shape[:count].T)
        start = self._cell * HOP
        self._shape, self._candidates = self._shape[count:], self._candidates[count:]
        self._cell += count
        return ProsodyFrames(start, level, f0, voicing, centroid, flatness)
