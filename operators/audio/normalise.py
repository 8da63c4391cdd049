"""An even level: the gain that brings the loudest of what was heard lately to a target, without a jump.

Offline, one factor serves all: target / max |x|. A stream does not know its maximum, so the envelope is the
peak of the blocks so far, let go slowly, and looks one block ahead. Gains stand at the edges of blocks,
each low enough for the blocks on both its sides, and are linear between:

    block        │    0    │    1    │    2    │
    edge         0         1         2              envelope at edge k: max(peak k, peak k - 1,
    gain          ‾‾‾‾‾‾‾‾‾‾‾╲________________                                  older peaks x release)

So no sample goes above the target, and a loud word takes the gain down before it begins.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from operators.audio.tensor_chunks import TensorChunk, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

BLOCK = RATE // 10


class NormaliseState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    sent: int  # samples
    held: Array  # [samples < 2 blocks], not sent
    past: float  # the logarithm of the envelope of what was sent, as of block 0


class Normalise:
    """Tensor chunks in and out, of the same samples at an even level. Lookahead: one to two blocks.

    Args:
        target: the peak that is aimed at, of full scale.
        release_db_s: how fast the envelope is let go after a peak; 0: never.
        most_db: no more gain than this, so that silence stays silence.
        block_s: the length of a block.
        state: of an earlier run, to go on from.
    """

    def __init__(
        self,
        *,
        target: float = 0.9,
        release_db_s: float = 1.0,
        most_db: float = 20.0,
        block_s: float = 0.1,
        state: NormaliseState | None = None,
    ) -> None:
        if not 0 < target <= 1 or release_db_s < 0:
            raise ValueError(f"0 < target <= 1, release_db_s >= 0, got {target}, {release_db_s}")
        self._target = target
        self._block = round(block_s * RATE)
        self._release = release_db_s * block_s * 0.11512925464970229  # ln(10) / 20: dB to nepers a block
        self._least = target / 10 ** (most_db / 20)  # envelope
        self._sent = state.sent if state else 0
        self._past = state.past if state else float("-inf")
        self._held = restored(state.held) if state else None

    @property
    def state(self) -> NormaliseState:
        return NormaliseState(self._sent, saved(self._held), self._past)

    def feed(self, item: TensorChunk, /) -> Iterator[TensorChunk]:
        self._held = joined(self._held, item.samples)
        ready = len(self._held) // self._block - 1  # the last one waits for the peak after it
        if ready > 0:
            out = self._levelled(self._held[: (ready + 1) * self._block])
            self._held = self._held[ready * self._block :]
            yield self._chunk(out)

    def flush(self) -> Iterator[TensorChunk]:
        import torch

        if self._held is not None and len(self._held):
            left = len(self._held)
            blocks = -(-left // self._block) + 1
            padded = torch.nn.functional.pad(self._held, (0, blocks * self._block - left))
            yield self._chunk(self._levelled(padded)[:left])

    def _levelled(self, samples: torch.Tensor) -> torch.Tensor:
        """All blocks but the last, whose peak is only looked at: [(blocks + 1) * block] -> flat."""
        import torch

        blocks = samples.reshape(-1, self._block)
        peaks = blocks.abs().amax(1).double()
        # Released peaks as of block 0, in nepers, so that one running maximum serves all edges.
        first = self._sent // self._block
        index = torch.arange(first, first + len(peaks), device=peaks.device, dtype=torch.float64)
        raised = peaks.log() + index * self._release
        past = torch.cat((raised.new_tensor([self._past]), raised)).cummax(0).values  # of all blocks before
        self._past = float(past[-2])
        older = (past[:-1] - (index - 1) * self._release).exp()
        gains = self._target / torch.maximum(peaks, older).clamp(min=self._least)
        ramp = (torch.arange(self._block, device=peaks.device) + 0.5) / self._block
        begin, end = gains[:-1].float()[:, None], gains[1:].float()[:, None]
        return (blocks[:-1] * (begin + (end - begin) * ramp)).reshape(-1)

    def _chunk(self, samples: torch.Tensor) -> TensorChunk:
        chunk = TensorChunk(self._sent, samples)
        self._sent = chunk.end
        return chunk


def normalised(samples: torch.Tensor, *, target: float = 0.9) -> torch.Tensor:
    """All of `samples` ([samples]) by one factor, so that the peak is `target`; silence stays as it is."""
    peak = samples.abs().amax().clamp(min=1e-9)
    return samples * (target / peak).clamp(max=1e4)
