"""Where it is silent: frames whose level is under a threshold for long enough, as tensor operations.

The level of a frame is 10 log10 of its mean square, in dB of full scale; 10 ms frames lie on the session's
grid, so the silences do not depend on the chunks. Nothing is cut out of a stream, whose clock must go on;
`trimmed` takes silence off the ends of a clip.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from operators.audio.tensor_chunks import TensorChunk, Transfers, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

FRAME = RATE // 100
THRESHOLD_DB = -40.0
FLOOR = 1e-10  # -100 dB: digital silence has a level, too


class Silence(msgspec.Struct, frozen=True):
    """Nothing above the threshold in `[start, end)`, samples on the session clock."""

    start: int
    end: int


class SilenceState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    frame: int  # frames seen
    since: int  # the frame where the silence that goes on began; -1: none does
    rest: Array  # [samples < FRAME]


class SilenceDetector:
    """Tensor chunks in, each silence when it has ended; what is left of a frame at the end counts as one."""

    def __init__(
        self,
        *,
        threshold_db: float = THRESHOLD_DB,
        shortest_s: float = 0.5,
        transfers: Transfers | None = None,
        state: SilenceState | None = None,
    ) -> None:
        self._threshold = threshold_db
        self._shortest = round(shortest_s * RATE / FRAME)
        self._transfers = transfers or Transfers()
        self._frame = state.frame if state else 0
        self._since = state.since if state else -1
        self._rest = restored(state.rest) if state else None

    @property
    def state(self) -> SilenceState:
        return SilenceState(self._frame, self._since, saved(self._rest))

    def feed(self, item: TensorChunk, /) -> Iterator[Silence]:
        samples = joined(self._rest, item.samples)
        whole = len(samples) // FRAME * FRAME
        self._rest = samples[whole:]
        if whole:
            yield from self._runs(samples[:whole])

    def flush(self) -> Iterator[Silence]:
        if self._rest is not None and len(self._rest):
            end = self._frame * FRAME + len(self._rest)
            yield from self._runs(self._rest, end)
        else:
            end = self._frame * FRAME
        if self._since >= 0 and self._frame - self._since >= self._shortest:
            yield Silence(self._since * FRAME, end)

    def _runs(self, samples: torch.Tensor, end: int | None = None) -> Iterator[Silence]:
        """The silences that end in these frames; the one that goes on at their end is remembered."""
        quiet = levels_db(samples) < self._threshold
        edges = self._transfers.download(_edges(quiet, begun=self._since >= 0)).tolist()
        for edge in edges:
            at = self._frame + edge
            if self._since < 0:
                self._since = at
                continue
            if at - self._since >= self._shortest:
                yield Silence(self._since * FRAME, at * FRAME)
            self._since = -1
        self._frame += len(quiet)


def levels_db(samples: torch.Tensor) -> torch.Tensor:
    """[samples] -> [frames]: the level of each frame, the last of which may be short."""
    import torch

    whole = len(samples) // FRAME * FRAME
    power = samples[:whole].reshape(-1, FRAME).square().mean(1)
    if whole < len(samples):
        power = torch.cat((power, samples[whole:].square().mean()[None]))
    return 10 * torch.log10(power.clamp(min=FLOOR))


def trimmed(samples: torch.Tensor, *, threshold_db: float = THRESHOLD_DB) -> torch.Tensor:
    """`samples` ([samples]) from the first to the last frame that is not silent; a view, empty if all is."""
    import torch

    loud = torch.argwhere(levels_db(samples) >= threshold_db)[:, 0]
    return samples[int(loud[0]) * FRAME : (int(loud[-1]) + 1) * FRAME] if len(loud) else samples[:0]


def _edges(quiet: torch.Tensor, *, begun: bool) -> torch.Tensor:
    """[changes]: the frames where silence begins and ends, in turn."""
    import torch

    before = torch.cat((torch.full_like(quiet[:1], begun), quiet[:-1]))
    return torch.argwhere(quiet != before)[:, 0]
