"""A made-up talk whose samples say who speaks, and models that read it: for both sides, with numpy alone.

A sample is the sum of a bit for each voice (three of them); every other tenth of a second is louder. The
segmentation tells who speaks in each frame, the embedding the direction of who is heard: no error of a
model, and hardly any cost of one, so that what is measured is what stands around the models.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

RATE, VOICES, DIMENSION = 16_000, 3, 64
LOUD = 1 << VOICES
DIRECTIONS = np.eye(VOICES, DIMENSION, dtype=np.float32)

Spoken = tuple[float, float, str]  # seconds, seconds, speaker


def talk(seconds: int) -> list[Spoken]:
    """Turns of 1 to 6 s, after pauses of up to 1 s, one in five over the end of the one before."""
    random, turns, at, speaker = np.random.default_rng(7), [], 0.5, 0
    while True:
        speaker = int((speaker + random.integers(1, VOICES)) % VOICES)
        length = random.uniform(1, 6)
        if at + length > seconds:
            return turns
        turns.append((round(at, 3), round(at + length, 3), f"S{speaker}"))
        at += length + (random.uniform(-0.8, -0.3) if random.random() < 0.2 else random.uniform(0.1, 1))


def told(seconds: int) -> Iterator[Any]:
    """Half a second of samples at a time: [samples], float32."""
    turns, size = talk(seconds), RATE // 2
    for first in range(0, seconds * RATE, size):
        code = np.zeros(size, np.int64)
        for start, end, speaker in turns:
            begin, over = int(start * RATE) - first, int(end * RATE) - first
            if begin < size and over > 0:
                code[max(begin, 0) : over] |= 1 << int(speaker[1:])
        loud = np.arange(first, first + size) // (RATE // 10) % 2 == 1
        yield np.where(loud, code * LOUD, code).astype(np.float32)


def read(audio: Any) -> Any:
    """0 or 1 for each voice: [..., voices]."""
    code = audio.astype(np.int64)
    code = np.where(code >= LOUD, code // LOUD, code)
    return code[..., None] >> np.arange(VOICES) & 1


def activity(windows: Any, middles: Any) -> Any:
    """[batch, samples] -> [batch, frames, voices], columns in order of who begins."""
    said = read(windows[:, middles]).astype(np.float32)
    for one in said:
        began = np.where(one.any(0), one.argmax(0), len(one))
        one[:] = one[:, np.argsort(began, kind="stable")]
    return said
