"""Gains of frames, laid over the samples: each stands in the middle of its cell, and between it is linear.

cells      │    0    │    1    │    2    │
gain       ─────┬─────────┬─────────┬─────     the first and the last reach to the ends
               g 0       g 1       g 2
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from operators.audio.levels import Track
from operators.audio.stft import HOP
from operators.audio.tensor_chunks import Transfers, joined, restored, saved
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch


class GainRampState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    last: float | None  # the factor of the last frame; None: there was none
    held: Array  # [samples], from the middle of its cell on


class GainRamp:
    """Samples are held until the gains of their frames are known. Lookahead: half a cell, 5 ms."""

    def __init__(self, *, transfers: Transfers | None = None, state: GainRampState | None = None) -> None:
        self._transfers = transfers or Transfers()
        self._last = state.last if state else None
        self._held = restored(state.held) if state and state.held.shape[0] else None

    @property
    def state(self) -> GainRampState:
        return GainRampState(self._last, saved(self._held))

    def hold(self, samples: torch.Tensor) -> None:
        """Whole cells: [cells * HOP]."""
        self._held = joined(self._held, samples)

    def release(self, gains: Track) -> torch.Tensor:
        """The next samples, up to the middle of the cell of the last of these frames (dB)."""
        import torch

        assert self._held is not None
        factors = 10 ** (gains / 20)
        begun = self._last is not None
        before = factors[0] if self._last is None else self._last
        self._last = float(factors[-1])
        edges = np.concatenate(([before], factors)).astype(np.float32)
        if not begun:
            self._held = torch.cat((self._held.new_zeros(HOP // 2), self._held))
        blocks = self._held[: len(gains) * HOP].reshape(-1, HOP)
        self._held = self._held[len(gains) * HOP :].clone()
        ends = self._transfers.upload(edges, str(blocks.device))
        ramp = (torch.arange(HOP, device=blocks.device) + 0.5) / HOP
        out = torch.addcmul(ends[:-1, None], (ends[1:] - ends[:-1])[:, None], ramp).mul_(blocks).reshape(-1)
        return out if begun else out[HOP // 2 :]

    def rest(self) -> torch.Tensor | None:
        """The last half cell."""
        held, self._held = self._held, None
        return None if held is None or self._last is None else held * self._last
