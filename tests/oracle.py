"""Audio that says itself who speaks, and models that read it: a diarizer on them is wrong by its own doing.

A sample's value is the sum of a bit for each voice that is heard (256 times that in every other syllable,
since speech is louder and softer); the models read it. The segmentation names the voices of a window in the
order in which they appear, as a real one may; the embedding gives each voice its direction, with noise that
falls with the length of the stretch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import RATE

STEP, WIDTH, DIMENSION = 320, 400, 64
BITS = 1 / 64
VOICES = np.linalg.qr(np.random.default_rng(0).standard_normal((DIMENSION, 8)))[0].T


SYLLABLE = RATE // 10


def read(audio: NDArray[np.float32]) -> NDArray[np.int64]:
    """The bits of the voices in each sample."""
    code = np.round(audio / BITS).astype(np.int64)
    return np.where(code >= 256, code // 256, code)


class ReadingSegmentation:
    window, step, width = 5 * RATE, STEP, WIDTH

    def __call__(self, windows: NDArray[np.float32], /) -> NDArray[np.float32]:
        frames = (self.window - WIDTH) // STEP + 1
        out = np.zeros((len(windows), frames, 3), np.float32)
        middles = np.arange(frames) * STEP + WIDTH // 2
        for window, activity in zip(windows, out, strict=True):
            heard = read(window[middles])
            bits = [bit for bit in range(8) if (heard >> bit & 1).any()]
            bits.sort(key=lambda bit: int(np.argmax(heard >> bit & 1)))
            for column, bit in enumerate(bits[:3]):
                activity[:, column] = heard >> bit & 1
        return out


class ReadingEmbedding:
    dimension, shortest = DIMENSION, RATE // 4

    def __init__(self, noise: float = 0.5) -> None:
        self.noise = noise
        self.samples = 0

    def __call__(self, stretches: list[NDArray[np.float32]], /) -> NDArray[np.float32]:
        return np.stack([self._embed(stretch) for stretch in stretches])

    def _embed(self, stretch: NDArray[np.float32]) -> NDArray[np.float32]:
        self.samples += len(stretch)
        heard = read(stretch)
        share = np.array([(heard >> bit & 1).mean() for bit in range(8)])
        random = np.random.default_rng(len(stretch) + int(heard.sum()) * 31)
        noise = random.standard_normal(DIMENSION) / np.sqrt(DIMENSION * len(stretch) / RATE)
        return (share @ VOICES + self.noise * noise).astype(np.float32)


Talk = list[tuple[float, float, int]]


def conversation(seed: int, seconds: float, voices: int) -> Talk:
    """Turns of 0.8 to 6 s, a tenth of them beginning before the last one ends."""
    random = np.random.default_rng(seed)
    talk: Talk = []
    at, last = 0.6, -1
    while at < seconds - 8:
        voice = int(random.choice([v for v in range(voices) if v != last]))
        length = random.uniform(0.8, 6)
        talk.append((at, at + length, voice))
        at += length + (random.uniform(-0.5, 0) if random.random() < 0.1 else random.uniform(0.3, 1.2))
        last = voice
    return talk


def spoken(talk: Talk, seconds: float) -> NDArray[np.float32]:
    audio = np.zeros(int(seconds * RATE), np.float32)
    for start, end, voice in talk:
        audio[int(start * RATE) : int(end * RATE)] += np.float32(BITS * 2**voice)
    loud = np.arange(len(audio)) // SYLLABLE % 2 == 1
    return np.where(loud, 256 * audio, audio)
