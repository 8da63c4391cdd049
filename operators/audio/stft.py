"""The one short-time Fourier transform of a session: whoever wants a spectrum of the audio shares it.

    cells     ├── 160 ──┼── 160 ──┼── 160 ──┤        10 ms each, on the session's grid
    frame i        ├────────── 512 ──────────┤       Hann, around the middle of cell i

Before the beginning and after the end there is silence. A frame is known 11 ms after its cell has ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from operators.audio.tensor_chunks import Transfers, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.events import Chunk
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

HOP = RATE // 100
SIZE = 512
BINS = SIZE // 2 + 1
BEFORE = (SIZE - HOP) // 2  # samples of a frame that lie before its cell


class Spectra(NamedTuple):
    """Consecutive frames, of the cells `[start, start + HOP * frames)`, on a device."""

    start: int  # samples on the session clock, a multiple of HOP
    samples: torch.Tensor  # [frames * HOP], float32: the audio of the cells; the last may end in zeros
    spectrum: torch.Tensor  # [frames, BINS], complex64
    end: int  # of the audio: less than a whole number of cells in the last item of a session only

    @property
    def frames(self) -> int:
        return len(self.spectrum)


class StftState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    cell: int  # the next one
    end: int  # of the audio so far
    kept: Array  # [samples < SIZE + HOP]: from BEFORE the next cell on


class Stft:
    """Chunk to spectra. Lookahead: 11 ms behind the cell. `transforms` counts the frames."""

    def __init__(
        self, *, device: str = "cpu", transfers: Transfers | None = None, state: StftState | None = None
    ) -> None:
        self._device = device
        self._transfers = transfers or Transfers()
        self._cell = state.cell if state else 0
        self._end = state.end if state else 0
        self._kept = restored(state.kept) if state else None
        self._window: torch.Tensor | None = None
        self.transforms = 0

    @property
    def state(self) -> StftState:
        return StftState(self._cell, self._end, saved(self._kept))

    def feed(self, item: Chunk, /) -> Iterator[Spectra]:
        import torch

        # channels that are kept apart are mixed
        mono = item.samples if item.samples.ndim == 1 else item.samples.mean(1)
        samples = self._transfers.upload(mono, self._device)
        if self._kept is None or not self._end:
            self._kept = torch.zeros(BEFORE, device=samples.device)
        self._kept = joined(self._kept, samples)
        self._end += len(samples)
        yield from self._frames(1 + (len(self._kept) - SIZE) // HOP)

    def flush(self) -> Iterator[Spectra]:
        import torch

        if self._kept is not None:
            cells = -(-(self._end - self._cell * HOP) // HOP)
            missing = max(0, cells - 1) * HOP + SIZE - len(self._kept)
            self._kept = torch.nn.functional.pad(self._kept, (0, missing)) if missing > 0 else self._kept
            yield from self._frames(cells)

    def _frames(self, count: int) -> Iterator[Spectra]:
        import torch

        if count < 1 or self._kept is None:
            return
        if self._window is None:
            self._window = torch.hann_window(SIZE, device=self._kept.device)
        frames = self._kept.unfold(0, SIZE, HOP)[:count]
        spectrum = torch.fft.rfft(frames * self._window)
        start = self._cell * HOP
        cells = self._kept[BEFORE : BEFORE + count * HOP]
        self._kept = self._kept[count * HOP :].clone()
        self._cell += count
        self.transforms += count
        yield Spectra(start, cells, spectrum, min(self._end, self._cell * HOP))
