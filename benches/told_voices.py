"""Audio that says who speaks, and models that read it, for turn structures of which there is no audio.

As `tests.oracle`, for up to 24 voices: a sample's value is the sum of a bit for each voice that is heard. The
segmentation reads what community-1's would find at best: in 10 s the three voices that speak most, two at
once. The embedding gives each voice a direction and adds noise as real ones have it (`Noise`, measured).
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import RATE

Samples = NDArray[np.float32]
Spoken = tuple[float, float, str]  # start and end in seconds, speaker

VOICES = 24
LOUD = 1 << VOICES  # what every other syllable is louder by: speech moves, a tone does not
SYLLABLE = RATE // 10
DIMENSION = 256


class Noise(msgspec.Struct, frozen=True):
    """What an embedding of `s` seconds is made of: `s / (s + seconds)` voice, the rest noise."""

    seconds: float
    alike: float  # mean cosine of two voices of one recording
    spread: float  # its standard deviation
    dimensions: float  # in which the noise lies


def told(turns: list[Spoken], seconds: float) -> tuple[Samples, list[str]]:
    """The audio of `turns` ([samples]), and the name of each bit."""
    names = sorted({speaker for _, _, speaker in turns})
    code = np.zeros(int(seconds * RATE), np.int64)
    for start, end, speaker in turns:
        code[int(start * RATE) : int(end * RATE)] |= 1 << names.index(speaker)
    loud = np.arange(len(code)) // SYLLABLE % 2 == 1
    return np.where(loud, code * LOUD, code).astype(np.float32), names


def read(audio: Samples) -> NDArray[np.int64]:
    """The bits of the voices in each sample: [samples]."""
    code = audio.astype(np.int64)
    return np.where(code >= LOUD, code // LOUD, code)


class ToldSegmentation:
    """On the grid of community-1's: [batch, 160000] -> [batch, 589, 3]."""

    window, step, width = 160_000, 270, 991
    _middles = np.arange(589) * 270 + 495

    def __call__(self, windows: Samples, /) -> NDArray[np.float32]:
        out = np.zeros((len(windows), len(self._middles), 3), np.float32)
        for window, activity in zip(windows, out, strict=True):
            heard = read(window[self._middles])
            said = heard >> np.arange(VOICES)[:, None] & 1  # [voices, frames]
            said = said[np.argsort(-said.sum(1), kind="stable")[:3]]
            said *= np.cumsum(said, 0) <= 2
            first = np.argsort(said.argmax(1), kind="stable")
            first = first[said[first].any(1)]
            for column, row in enumerate(first):
                activity[:, column] = said[row]
        return out


class ToldEmbedding:
    """The directions of the voices that are heard, and noise: [stretches, 256]."""

    dimension, shortest = DIMENSION, RATE // 4

    def __init__(self, noise: Noise, seed: int) -> None:
        self._noise, self._random = noise, np.random.default_rng(seed)
        # Two voices that share nothing but their common part have that cosine, give or take the spread.
        own = max(2, round(((1 - noise.alike) / noise.spread) ** 2))
        apart = self._random.standard_normal((VOICES, own)) * np.sqrt((1 - noise.alike) / own)
        voices = np.zeros((VOICES, DIMENSION))
        voices[:, 0], voices[:, 1 : own + 1] = np.sqrt(noise.alike), apart
        self._voices = voices / np.linalg.norm(voices, axis=1)[:, None]

    def __call__(self, stretches: list[Samples], /) -> NDArray[np.float32]:
        return np.stack([self._embed(stretch) for stretch in stretches])

    def _embed(self, stretch: Samples) -> NDArray[np.float32]:
        heard = read(stretch)
        share = np.array([(heard >> bit & 1).mean() for bit in range(VOICES)])
        seconds, count = len(stretch) / RATE, round(self._noise.dimensions)
        voice = share @ self._voices
        part = seconds / (seconds + self._noise.seconds)
        noise = np.zeros(DIMENSION)
        noise[:count] = self._random.standard_normal(count) / np.sqrt(count)
        mixed = np.sqrt(part) * voice / max(float(np.linalg.norm(voice)), 1e-9) + np.sqrt(1 - part) * noise
        return mixed.astype(np.float32)
