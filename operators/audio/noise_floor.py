"""The noise under the speech, bin by bin: of the quiet frames of the last ten seconds.

The old analyser took the median of all frames without speech, or the 10th percentile of all where there were
less than 30; a frame was speech if its level was 12 dB above the 20th percentile of all levels. Here the same
is done each half second over a sliding window, of which every fifth frame is kept: 0.2 MB for any length.
Nothing is known within the first half second.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from operators.audio.stft import BINS
from operators.audio.tensor_chunks import restored, saved
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

BLOCK = 50  # frames between two estimates
STRIDE = 5
WINDOW = 1000 // STRIDE  # kept frames: 10 s
ENOUGH = 30 // STRIDE  # kept frames without speech
SPEECH_DB = 12.0


class NoiseFloorState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    kept: Array  # [frames <= WINDOW, BINS]
    floor: Array  # [BINS]; [0]: not known yet


class NoiseFloor:
    """Fed with all frames, in pieces that end no later than a block does."""

    def __init__(self, *, state: NoiseFloorState | None = None) -> None:
        known = state is not None and state.floor.shape[0] > 0
        self._kept = restored(state.kept) if state and state.kept.shape[0] else None
        self.floor = restored(state.floor) if known and state else None

    @property
    def state(self) -> NoiseFloorState:
        return NoiseFloorState(saved(self._kept), saved(self.floor))

    def add(self, powers: torch.Tensor, frame: int) -> None:
        """powers: [frames, BINS], the first being number `frame`; the estimate moves where a block ends."""
        import torch

        more = powers[-frame % STRIDE :: STRIDE]
        kept = powers.new_zeros(0, BINS) if self._kept is None else self._kept.to(powers.device)
        self._kept = torch.cat((kept, more))[-WINDOW:]
        if (frame + len(powers)) % BLOCK == 0:
            self.floor = _floor(self._kept)


def _floor(kept: torch.Tensor) -> torch.Tensor:
    """[frames, BINS] -> [BINS]"""
    import torch

    levels = 10 * torch.log10(kept.sum(1).clamp(min=1e-20))
    quiet = kept[levels <= _percentile(levels[:, None], 0.2)[0] + SPEECH_DB]
    return _percentile(quiet, 0.5) if len(quiet) >= ENOUGH else _percentile(kept, 0.1)


def _percentile(rows: torch.Tensor, share: float) -> torch.Tensor:
    """[rows, columns] -> [columns], the row that is so far up in each column."""
    import torch

    at, columns = round(share * (len(rows) - 1)), rows.T.contiguous()
    if rows.device.type != "cpu":
        return columns.kthvalue(1 + at, dim=1).values
    return torch.from_numpy(np.partition(columns.numpy(), at, axis=1)[:, at].copy())  # 8 x faster there
