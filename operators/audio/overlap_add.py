"""Audio out of frames of the shared transform that somebody has changed: weighted overlap-add.

A frame is 3.2 cells long, so it is taken as four rows of one cell each, and row r is the sum of what frames
r - 3 to r lay on it; a cell of the session lies across two rows:

    rows     │    0    │    1    │    2    │    3    │
    cells       -1   │    0    │    1    │    2    │

Source: D. Griffin, J. Lim, Signal Estimation from Modified Short-Time Fourier Transform (IEEE ASSP 32, 1984).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from operators.audio.stft import BEFORE, BINS, HOP, SIZE, Spectra
from operators.audio.tensor_chunks import joined, restored, saved
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

ROWS = -(-SIZE // HOP)
SHIFT = BEFORE - HOP  # a cell begins so far within its first row


class OverlapAddState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    frames: int  # laid
    cell: int  # the next one to be given
    end: int  # of the audio
    rows: Array  # [rows * HOP], from the first that the next cell needs (row 0 at the beginning)
    spectrum: Array  # [cells * 2 * BINS], of frames whose samples are not given yet


class OverlapAdd:
    """Masked frames in, spectra with samples out. Lookahead: two cells."""

    def __init__(self, *, state: OverlapAddState | None = None) -> None:
        import torch

        self._frames, self._cell, self._end = (state.frames, state.cell, state.end) if state else (0, 0, 0)
        self._rows = restored(state.rows).reshape(-1, HOP) if state else torch.zeros(0, HOP)
        self._spectrum = torch.zeros(0, BINS, dtype=torch.complex64)
        if state:
            self._spectrum = torch.view_as_complex(restored(state.spectrum).reshape(-1, BINS, 2))
        window = torch.hann_window(SIZE)
        self._window = window
        self._weight = _rows(window.square()[None])[0]  # [ROWS, HOP]

    @property
    def state(self) -> OverlapAddState:
        import torch

        spectrum = torch.view_as_real(self._spectrum).flatten()
        return OverlapAddState(
            self._frames, self._cell, self._end, saved(self._rows.flatten()), saved(spectrum)
        )

    def feed(self, spectrum: torch.Tensor, end: int = 0) -> Iterator[Spectra]:
        """spectrum: [frames, BINS], the next ones; `end`: of the audio that is known of."""
        import torch

        self._end = max(self._end, end)
        count = len(spectrum)
        if not count:
            return
        self._window, self._weight = self._window.to(spectrum.device), self._weight.to(spectrum.device)
        laid = _rows(torch.fft.irfft(spectrum, n=SIZE) * self._window)
        first = self._first
        rows = laid.new_zeros(self._frames + count + ROWS - 1 - first, HOP)
        rows[: len(self._rows)] = self._rows.to(spectrum.device)
        at = self._frames - first
        for row in range(ROWS):
            rows[at + row : at + row + count] += laid[:, row]
        self._rows, self._spectrum = rows, joined(self._spectrum, spectrum)
        self._frames += count
        yield from self._give(self._frames - 2)

    def flush(self) -> Iterator[Spectra]:
        yield from self._give(self._frames)

    @property
    def _first(self) -> int:
        """The number of the first row that is kept."""
        return self._cell + 1 if self._cell else 0

    def _give(self, until: int) -> Iterator[Spectra]:
        """The cells before `until`."""
        count = until - self._cell
        if count < 1:
            return
        skip = self._cell + 1 - self._first
        rows = self._rows[skip : skip + count + 1] / self._weights(self._cell + 1, count + 1)
        samples = rows.reshape(-1)[SHIFT : SHIFT + count * HOP]
        spectrum = self._spectrum[:count]
        self._rows, self._spectrum = self._rows[skip + count :].clone(), self._spectrum[count:].clone()
        start = self._cell * HOP
        self._cell = until
        yield Spectra(start, samples, spectrum, min(self._end, until * HOP))

    def _weights(self, first: int, count: int) -> torch.Tensor:
        """[count, HOP]: the sum of the squares of the windows that lie on these rows."""
        import torch

        frames = torch.arange(first, first + count, device=self._weight.device)[:, None]
        frames = frames - torch.arange(ROWS, device=self._weight.device)
        there = ((frames >= 0) & (frames < self._frames)).float()
        return (there @ self._weight).clamp(min=1e-6)


def _rows(frames: torch.Tensor) -> torch.Tensor:
    """[frames, SIZE] -> [frames, ROWS, HOP]"""
    import torch

    return torch.nn.functional.pad(frames, (0, ROWS * HOP - SIZE)).reshape(-1, ROWS, HOP)
