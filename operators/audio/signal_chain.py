"""The signal chain: audio made even, causal, with its state carried, on one shared transform.

    Spectra ─► (denoise) ─┬─► high-pass ─────────────────────────────────► ramp ─► limiter ─► Chunk
                          └─► levels ─► gain ─► compression ─► loudness ────┘

The gains of all links are worked out on the levels of the frames, added up, and laid over the samples once.
The levels are those after the high-pass, whose |H|^2 is on the spectrum; the noise is taken away before it,
which the mask, a ratio in each bin, does not see.

Against the old definition: the high-pass runs forward only (filtfilt ran both ways: 24 dB an octave, no
phase); gains end with the audio as they are, not at 0 dB; loudness is BS.1770's and running, not one gain for
a file; a peak is limited where it is, not by one factor for a file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import msgspec

from operators.audio.compressor import Compressor
from operators.audio.denoise import Denoise, DenoiseState
from operators.audio.filters import Filter, FilterState, high_pass
from operators.audio.gain_ramp import GainRamp, GainRampState
from operators.audio.levels import FrameLevels, Levels
from operators.audio.limiter import Limiter
from operators.audio.loudness_gain import TARGETS, LoudnessGain, LoudnessGainState
from operators.audio.normalise import NormaliseState
from operators.audio.smoothed_gain import SmoothedGainState
from operators.audio.stft import Spectra
from operators.audio.tensor_chunks import TensorChunk, Transfers
from operators.audio.upward_gain import UpwardGain
from stream_engine.events import Chunk
from stream_engine.operator import Operator

if TYPE_CHECKING:
    import torch

HIGH_PASS, DENOISE, GAIN, COMPRESSION = "high-pass", "denoise", "gain", "compression"
LOUDNESS, LIMITER = "loudness", "limiter"
LINKS = (HIGH_PASS, GAIN, COMPRESSION, LOUDNESS, LIMITER)
ALL_LINKS = (HIGH_PASS, DENOISE, *LINKS[1:])
CUT_OFF = 80.0  # Hz


class SignalChainState(msgspec.Struct, frozen=True):
    """Memory between two items; None: the link is off."""

    sent: int  # samples
    end: int  # of the audio that came
    denoise: DenoiseState | None
    high_pass: FilterState | None
    gain: SmoothedGainState | None
    compression: SmoothedGainState | None
    loudness: LoudnessGainState | None
    ramp: GainRampState | None
    limiter: NormaliseState | None


class SignalChain:
    """Spectra to the audio after `links`, on the same clock. Lookahead: 0.16 s; with denoise 0.19 s.

    Args:
        links: which are on; their order is fixed.
        loudness: the target of the loudness link: "asr" (-20 LUFS), "broadcast" (-23 LUFS) or LUFS.
        transfers: counts moves from and to a device; the chain computes where the spectra are.
        state: of an earlier run with the same links, to go on from.

    Raises:
        ValueError: a link or a loudness has no such name.
    """

    def __init__(
        self,
        *,
        links: Sequence[str] = LINKS,
        loudness: str | float = "asr",
        transfers: Transfers | None = None,
        state: SignalChainState | None = None,
    ) -> None:
        if unknown := set(links) - set(ALL_LINKS):
            raise ValueError(f"no such link: {', '.join(sorted(unknown))}; choose of {', '.join(ALL_LINKS)}")
        if isinstance(loudness, str) and loudness not in TARGETS:
            raise ValueError(f"no such loudness: {loudness}; choose of {', '.join(TARGETS)}, or give LUFS")
        target = TARGETS[loudness] if isinstance(loudness, str) else loudness
        sections = high_pass(CUT_OFF)
        self._transfers = transfers or Transfers()
        self._sent, self._end = (state.sent, state.end) if state else (0, 0)
        self._denoise = Denoise(state=state and state.denoise) if DENOISE in links else None
        self._filter = (
            Filter(sections=sections, state=state and state.high_pass) if HIGH_PASS in links else None
        )
        self._gain = UpwardGain(state=state and state.gain) if GAIN in links else None
        self._compression = Compressor(state=state and state.compression) if COMPRESSION in links else None
        self._loudness: LoudnessGain | None = None
        if LOUDNESS in links:
            self._loudness = LoudnessGain(target_lufs=target, state=state and state.loudness)
        gains = (self._gain, self._compression, self._loudness)
        self._gains: list[Operator[Levels, Levels]] = [link for link in gains if link]
        self._levels = FrameLevels(sections=sections if self._filter else None, transfers=self._transfers)
        self._ramp: GainRamp | None = None
        if self._gains:
            self._ramp = GainRamp(transfers=self._transfers, state=state and state.ramp)
        self._limiter = Limiter(state=state and state.limiter) if LIMITER in links else None

    @property
    def state(self) -> SignalChainState:
        return SignalChainState(
            self._sent,
            self._end,
            self._denoise and self._denoise.state,
            self._filter and self._filter.state,
            self._gain and self._gain.state,
            self._compression and self._compression.state,
            self._loudness and self._loudness.state,
            self._ramp and self._ramp.state,
            self._limiter and self._limiter.state,
        )

    def feed(self, item: Spectra, /) -> Iterator[Chunk]:
        self._end = max(self._end, item.end)
        for clean in self._denoise.feed(item) if self._denoise else (item,):
            yield from self._limited(self._processed(clean))

    def flush(self) -> Iterator[Chunk]:
        for clean in self._denoise.flush() if self._denoise else ():
            yield from self._limited(self._processed(clean))
        if self._ramp:
            yield from self._limited([self._ramp.release(levels.gain) for levels in _flushed(self._gains)])
            rest = self._ramp.rest()
            yield from self._limited([rest] if rest is not None else [])
        for chunk in self._limiter.flush() if self._limiter else ():
            yield from self._out(chunk.samples)

    def _processed(self, item: Spectra) -> Iterator[torch.Tensor]:
        """After the high-pass and the gains, as far as these are known."""
        samples = item.samples
        for chunk in self._filter.feed(TensorChunk(item.start, samples)) if self._filter else ():
            samples = chunk.samples
        if not self._ramp:
            yield samples
            return
        self._ramp.hold(samples)
        for levels in _through(self._gains, self._levels(item)):
            yield self._ramp.release(levels.gain)

    def _limited(self, pieces: Iterable[torch.Tensor]) -> Iterator[Chunk]:
        for samples in pieces:
            if self._limiter is None:
                yield from self._out(samples)
                continue
            for chunk in self._limiter.feed(TensorChunk(0, samples)):
                yield from self._out(chunk.samples)

    def _out(self, samples: torch.Tensor) -> Iterator[Chunk]:
        """What there is of it before the end of the audio."""
        out = self._transfers.download(samples[: self._end - self._sent]).view()
        if len(out):
            out.flags.writeable = False
            yield Chunk(start=self._sent, samples=out)
            self._sent += len(out)


def _through(links: Sequence[Operator[Levels, Levels]], levels: Levels) -> Iterator[Levels]:
    """`levels` after all links."""
    if not links:
        yield levels
        return
    for after in links[0].feed(levels):
        yield from _through(links[1:], after)


def _flushed(links: Sequence[Operator[Levels, Levels]]) -> Iterator[Levels]:
    """The tails of all links, each through those after it."""
    for at, link in enumerate(links):
        for tail in link.flush():
            yield from _through(links[at + 1 :], tail)
