"""Whether a sound is speech, where it can be cut, and whether its stretches are one voice.

Where the stretches before and after a cut are two voices, a turn is two turns: the segmentation model takes
people with like voices, far from the microphone, for one; and people pause when they take over.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

from operators.speech.diarization.clustering import Floats, margin
from operators.speech.diarization.models import Samples
from stream_engine.clock import RATE
from stream_engine.state import Array


class Voiced(Protocol):
    """A stretch with its voice: `vector` ([dimension], unit length or zero) out of `seconds` of speech."""

    @property
    def seconds(self) -> float: ...
    @property
    def vector(self) -> Array: ...


S = TypeVar("S", bound=Voiced)

GRID = RATE // 100
STEADY = 0.7  # dB; the steadiest of 300 turns of the dev clips has 1.8
SPLIT = 0.4  # where between strangers (0) and one speaker (1) two halves of a turn are two people
_SMOOTH = 10
_TOO_LITTLE = 0.3  # seconds of speech that say nothing about a voice


def modulated(audio: Samples) -> bool:
    """Whether the level of `audio` ([samples]) moves, as that of speech does and that of a tone does not."""
    frame = 2 * GRID
    count = len(audio) // frame
    power = (audio[: count * frame].reshape(count, frame).astype(np.float64) ** 2).mean(axis=1)
    return count > 1 and float(np.std(10 * np.log10(power + 1e-10))) > STEADY


def quietest(audio: Samples) -> int:
    """The sample of `audio` ([samples]) around which 100 ms have the least energy."""
    count = len(audio) // GRID
    power = (audio[: count * GRID].reshape(count, GRID).astype(np.float64) ** 2).mean(axis=1)
    return int(np.argmin(np.convolve(power, np.full(_SMOOTH, 1 / _SMOOTH), "same"))) * GRID


def same_voice(stretches: Sequence[S]) -> list[list[S]]:
    """Consecutive stretches in groups of one voice each: a new group where one is unlike the group so far."""
    groups: list[list[S]] = []
    total, spoken = np.zeros(0), 0.0
    for stretch in stretches:
        voice = stretch.vector.numpy() * stretch.seconds
        if groups and _alike(total, voice, spoken, stretch.seconds) >= 0:
            groups[-1].append(stretch)
            total, spoken = total + voice, spoken + stretch.seconds
        else:
            groups.append([stretch])
            total, spoken = voice, stretch.seconds
    return groups


def _alike(one: Floats, other: Floats, seconds: float, other_seconds: float) -> float:
    if min(seconds, other_seconds) < _TOO_LITTLE:
        return 1.0
    cosine = one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9)
    return float(margin(cosine, np.float64(seconds), np.float64(other_seconds), middle=SPLIT))
