"""A clip as the signal chain would have it, out of the raw audio: for recognition, which reads single clips.

    raw audio       ├── lead-in ──┤── clip ──┤
    after the chain                ├── clip ──┤

Without memory: a clip depends on its own samples and on those of the lead-in, in which gains find their
place, and not on what was asked for before. It may be called from several threads.

Not the default: Moonshine errs less on the raw audio (WER 0.304 against 0.363 in conversations, 0.121 against
0.141 on read speech), and so does our diarizer (DER 0.182 against 0.198); see `benches.processed_audio`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from operators.audio.signal_chain import LINKS, SignalChain
from operators.audio.stft import HOP, Stft
from stream_engine.clock import RATE
from stream_engine.events import Chunk

Samples = NDArray[np.float32]


class ProcessedView:
    """`view(start, end)`: [end - start] samples after the chain.

    Args:
        audio: raw samples of `[start, end)` on the session clock, [frames] float32; less at its end.
        lead_s: how much before a clip the chain begins.
        links, loudness: those of `SignalChain`.
    """

    def __init__(
        self,
        *,
        audio: Callable[[int, int], Samples],
        lead_s: float = 5.0,
        links: Sequence[str] = LINKS,
        loudness: str | float = "asr",
    ) -> None:
        self._audio, self._lead = audio, round(lead_s * RATE)
        self._links, self._loudness = tuple(links), loudness

    def __call__(self, start: int, end: int, /) -> Samples:
        first = max(0, start - self._lead) // HOP * HOP  # the grid of the session's frames
        return processed(self._audio(first, end), links=self._links, loudness=self._loudness)[start - first :]


def processed(samples: Samples, *, links: Sequence[str] = LINKS, loudness: str | float = "asr") -> Samples:
    """All of `samples` ([frames]) after a chain that begins with them."""
    transform, chain = Stft(), SignalChain(links=links, loudness=loudness)
    pieces = [*transform.feed(Chunk(start=0, samples=samples)), *transform.flush()]
    chunks = [chunk for piece in pieces for chunk in chain.feed(piece)]
    out = [chunk.samples for chunk in (*chunks, *chain.flush())]
    return np.concatenate(out) if out else np.zeros(0, np.float32)
