"""A turn cut into stretches of one to two and a half seconds, at its quietest moments.

Each stretch is embedded once. Where the stretches before and after a cut are two voices, the turn is two
turns: the segmentation model takes people with like voices, far from the microphone, for one, and people
pause when they take over from one another.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from operators.speech.diarization.clustering import Floats, margin
from operators.speech.diarization.models import Samples
from stream_engine.clock import RATE

GRID = RATE // 100
SHORTEST = 100  # of `GRID`
LONGEST = 260
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


def quiet_cuts(audio: Samples) -> list[int]:
    """Where to cut `audio` ([samples]): the set of cuts with the least energy, by dynamic programming."""
    count = len(audio) // GRID
    if count < 2 * SHORTEST:
        return []
    power = (audio[: count * GRID].reshape(count, GRID).astype(np.float64) ** 2).mean(axis=1)
    level = 10 * np.log10(np.convolve(power, np.full(_SMOOTH, 1 / _SMOOTH), "same") + 1e-9)
    cost = np.append(level - np.median(level), 0.0)
    best, previous = np.full(count + 1, np.inf), np.zeros(count + 1, np.int64)
    best[0] = 0.0
    for at in range(SHORTEST, count + 1):
        earliest = max(0, at - LONGEST)
        before = earliest + int(np.argmin(best[earliest : at - SHORTEST + 1]))
        best[at], previous[at] = best[before] + cost[at], before
    cuts: list[int] = []
    at = int(previous[count])
    while at > 0:
        cuts.append(at * GRID)
        at = int(previous[at])
    return cuts[::-1]


def same_voice(vectors: Floats, seconds: NDArray[np.float64]) -> list[list[int]]:
    """Consecutive stretches joined into groups of one voice each, the most alike neighbours first.

    Args:
        vectors: [stretches, dimension], unit length.
        seconds: [stretches], of speech behind each.
    """
    groups = [[index] for index in range(len(vectors))]
    sums = list(vectors * seconds[:, None])
    spoken = seconds.tolist()
    while len(groups) > 1:
        alike = [_alike(*pair) for pair in zip(sums, sums[1:], spoken, spoken[1:], strict=False)]
        first = int(np.argmax(alike))
        if alike[first] < 0:
            break
        groups[first] += groups.pop(first + 1)
        sums[first] = sums[first] + sums.pop(first + 1)
        spoken[first] += spoken.pop(first + 1)
    return groups


def _alike(one: Floats, other: Floats, seconds: float, other_seconds: float) -> float:
    if min(seconds, other_seconds) < _TOO_LITTLE:
        return 1.0
    cosine = one @ other / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9)
    return float(margin(cosine, np.float64(seconds), np.float64(other_seconds), middle=SPLIT))
