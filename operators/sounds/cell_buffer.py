"""Features of consecutive cells, as many as windows to come can want, and windows that are views of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from operators.audio.tensor_chunks import restored, saved
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch


class CellBufferState(msgspec.Struct, frozen=True):
    first: int = 0  # cell that the features begin with
    features: Array | None = None  # [cells, features]


class CellBuffer:
    """All positions are cells since the session began."""

    def __init__(self, *, state: CellBufferState | None = None) -> None:
        self._first = state.first if state else 0
        self._parts: list[torch.Tensor] = [restored(state.features)] if state and state.features else []
        self._held = sum(map(len, self._parts))

    @property
    def state(self) -> CellBufferState:
        return CellBufferState(self._first, saved(self._joined()) if self._held else None)

    @property
    def end(self) -> int:
        """One past the last cell that it holds; where there is none, the first that it will hold."""
        return self._first + self._held

    def begin(self, cell: int) -> None:
        """Empty, it goes on from `cell`."""
        if not self._held:
            self._first = cell

    def append(self, features: torch.Tensor) -> None:
        self._parts.append(features)
        self._held += len(features)

    def windows(self, first: int, *, size: int, step: int, most: int) -> torch.Tensor:
        """Up to `most` windows that are complete, from cell `first` on: [windows, size, features], views."""
        windows = self._joined()[first - self._first :].unfold(0, size, step)
        return windows[:most].permute(0, 2, 1)

    def last(self, cells: int) -> torch.Tensor:
        """The last cells as a window, or as many as there are: [1, cells, features]."""
        return self._joined()[-cells:][None]

    def forget(self, before: int) -> None:
        """Drops the cells before this one."""
        passed = min(self._held, before - self._first)
        if passed > 0:
            rest = self._joined()[passed:]
            self._parts = [rest.clone()] if len(rest) else []
            self._held -= passed
            self._first += passed

    def _joined(self) -> torch.Tensor:
        import torch

        if len(self._parts) > 1:
            device = self._parts[-1].device
            self._parts = [torch.cat([part.to(device) for part in self._parts])]
        return self._parts[0]
