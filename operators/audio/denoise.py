"""Soft spectral subtraction on the shared transform (`spectral_sub_soft`), off unless asked for.

With the power P of a bin and its noise N (`noise_floor`), alpha = 2 (+3 dB) and beta = 0.06:

    clean = max(P - alpha N, beta P)        mask = clean / (clean + alpha N), median of 3 frames

Where more than 0.12 of the last seconds' bins were at the floor of beta, alpha is 1.5 and beta 0.075, as in
the old analyser, which decided that once for a file. The audio is put together again by overlap-add of the
transform's own frames, so that without a mask nothing changes (1e-6).

    S. F. Boll, Suppression of Acoustic Noise in Speech Using Spectral Subtraction (IEEE ASSP 27, 1979); the
    over-subtraction and floor of M. Berouti, R. Schwartz and J. Makhoul (ICASSP 1979).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from operators.audio.noise_floor import BLOCK, NoiseFloor, NoiseFloorState
from operators.audio.overlap_add import OverlapAdd, OverlapAddState
from operators.audio.stft import Spectra
from operators.audio.tensor_chunks import joined, restored, saved
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

STRONG, GENTLE = (2.0, 0.06), (1.5, 0.075)  # alpha, beta
FLOORED = 0.12
MEMORY = 0.1  # of the share of bins at the floor: what a block of 0.5 s counts for


class DenoiseState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    frame: int
    floor: NoiseFloorState
    hits: float  # bins at the floor in the block that has begun, in frames
    floored: float  # the running share of them
    masks: Array  # [2, BINS]: of the last frame that is done, and of the one after it
    waiting: Array  # [2 * BINS]: the spectrum of the latter
    resynthesis: OverlapAddState


class Denoise:
    """Spectra in and out, samples and spectrum less the noise. Lookahead: three cells, 30 ms."""

    def __init__(self, *, state: DenoiseState | None = None) -> None:
        import torch

        self._frame = state.frame if state else 0
        self._floor = NoiseFloor(state=state.floor if state else None)
        self._hits, self._floored = (state.hits, state.floored) if state else (0.0, 0.0)
        self._masks = restored(state.masks) if state and state.frame else None
        self._waiting: torch.Tensor | None = None
        if state and state.frame:
            self._waiting = torch.view_as_complex(restored(state.waiting).reshape(1, -1, 2))
        self._resynthesis = OverlapAdd(state=state.resynthesis if state else None)

    @property
    def state(self) -> DenoiseState:
        import torch

        waiting = None if self._waiting is None else torch.view_as_real(self._waiting).flatten()
        return DenoiseState(
            self._frame,
            self._floor.state,
            self._hits,
            self._floored,
            saved(self._masks),
            saved(waiting),
            self._resynthesis.state,
        )

    def feed(self, item: Spectra, /) -> Iterator[Spectra]:
        import torch

        powers = torch.view_as_real(item.spectrum).square().sum(2)
        masks: list[torch.Tensor] = []
        at = 0
        while at < len(powers):
            part = powers[at : at + BLOCK - self._frame % BLOCK]
            masks.append(self._mask(part))
            self._floor.add(part, self._frame)
            self._frame += len(part)
            at += len(part)
        if masks:
            before = masks[0][:1] if self._masks is None else self._masks
            self._masks = joined(before, torch.cat(masks))
            yield from self._resynthesis.feed(self._masked(item.spectrum), item.end)

    def flush(self) -> Iterator[Spectra]:
        import torch

        if self._masks is not None:
            self._masks = torch.cat((self._masks, self._masks[-1:]))
            masked = self._masked(self._masks.new_zeros(0, self._masks.shape[1], dtype=torch.complex64))
            yield from self._resynthesis.feed(masked)
            yield from self._resynthesis.flush()

    def _masked(self, spectrum: torch.Tensor) -> torch.Tensor:
        """The frames whose neighbours on both sides are known."""
        assert self._masks is not None
        spectrum = joined(self._waiting, spectrum)
        one, two, three = self._masks[:-2], self._masks[1:-1], self._masks[2:]
        median = one.maximum(two).minimum(three).maximum(one.minimum(two))
        self._masks, self._waiting = self._masks[-2:].clone(), spectrum[len(median) :].clone()
        return spectrum[: len(median)] * median

    def _mask(self, powers: torch.Tensor) -> torch.Tensor:
        """Of frames of one block: [frames, BINS]."""
        import torch

        floor = self._floor.floor
        if floor is None:
            return torch.ones_like(powers)
        alpha, beta = GENTLE if self._floored > FLOORED else STRONG
        noise = alpha * floor.to(powers.device)
        left, least = powers - noise, beta * powers
        clean = torch.maximum(left, least)
        self._hits += float((left < least).sum()) / powers.shape[1]
        if (self._frame + len(powers)) % BLOCK == 0:
            self._floored += MEMORY * (self._hits / BLOCK - self._floored)
            self._hits = 0.0
        return clean / (clean + noise + 1e-20)
