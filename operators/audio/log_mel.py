"""Whisper's log-mel spectrogram as a stream: 80 bins, a frame each 10 ms.

Frame i is centred on sample 160 i: 400 samples under a periodic Hann window, the ends of the signal mirrored,
power, Slaney's mel filters, log10 not below 1e-10; of n samples there are n // 160 frames (Whisper drops the
last of the STFT). Whisper then lifts everything to 8 below the clip's maximum, which a stream cannot know:
`whisper_scale` does that for a clip. Frames do not depend on the chunks up to the rounding of the products,
which take other ways for other numbers of frames: within 1e-5 on a CPU.

Source: A. Radford et al., Robust Speech Recognition via Large-Scale Weak Supervision; audio.py of openai's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from operators.audio.tensor_chunks import TensorChunk, joined, restored, saved
from stream_engine.clock import RATE
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

BINS = 80
HOP = 160
WIDTH = 400
_HALF = WIDTH // 2


class MelFrames(NamedTuple):
    """Consecutive frames; the first is centred on sample `start`."""

    start: int
    values: torch.Tensor  # [frames, 80], float32, log10 of power


class LogMelState(msgspec.Struct, frozen=True):
    """Memory between two chunks."""

    received: int  # samples
    sent: int  # frames
    held: Array  # [samples] from the first that the next frame needs, the mirrored ones included


class LogMel:
    """Tensor chunks in, frames out. Lookahead: 12.5 ms, half a window."""

    def __init__(self, *, state: LogMelState | None = None) -> None:
        self._received = state.received if state else 0
        self._sent = state.sent if state else 0
        self._held = restored(state.held) if state else None
        self._tables: tuple[torch.Tensor, torch.Tensor] | None = None

    @property
    def state(self) -> LogMelState:
        return LogMelState(self._received, self._sent, saved(self._held))

    def feed(self, item: TensorChunk, /) -> Iterator[MelFrames]:
        import torch

        begun = self._received > _HALF
        self._received += len(item.samples)
        self._held = joined(self._held, item.samples)
        if not begun:
            if self._received <= _HALF:
                return
            self._held = torch.cat((self._held[1 : _HALF + 1].flip(0), self._held))
        yield from self._release((self._received - _HALF) // HOP + 1)

    def flush(self) -> Iterator[MelFrames]:
        """The frames that reach past the end; none of 200 samples or fewer, which cannot be mirrored."""
        import torch

        if self._held is None or self._received <= _HALF:
            return
        self._held = torch.cat((self._held, self._held[-_HALF - 1 : -1].flip(0)))
        yield from self._release(self._received // HOP)

    def _release(self, until: int) -> Iterator[MelFrames]:
        """Frames before `until` that were not sent."""
        count = until - self._sent
        if count > 0 and self._held is not None:
            if self._tables is None or self._tables[0].device != self._held.device:
                self._tables = tables(self._held.device)
            values = log_mel(self._held[: (count - 1) * HOP + WIDTH], self._tables)
            self._held = self._held[count * HOP :]
            yield MelFrames(self._sent * HOP, values)
            self._sent = until


def tables(device: torch.device | str) -> tuple[torch.Tensor, torch.Tensor]:
    """The window ([400]) and the filters ([201, 80])."""
    import torch
    from torchaudio.functional import melscale_fbanks

    filters = melscale_fbanks(WIDTH // 2 + 1, 0.0, RATE / 2, BINS, RATE, norm="slaney", mel_scale="slaney")
    return torch.hann_window(WIDTH, device=device), filters.to(device)


def log_mel(samples: torch.Tensor, tables: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    """[samples] -> [frames, 80]: a frame for each whole window, from the first sample on."""
    import torch

    window, filters = tables
    spectrum = torch.fft.rfft(samples.unfold(0, WIDTH, HOP) * window)
    power = spectrum.real.square() + spectrum.imag.square()
    return (power @ filters).clamp(min=1e-10).log10()


def whisper_scale(values: torch.Tensor) -> torch.Tensor:
    """Log-mel of a clip ([frames, 80]) as Whisper takes it, [80, frames]."""
    lifted = values.maximum(values.max() - 8.0)
    return ((lifted + 4.0) / 4.0).T
