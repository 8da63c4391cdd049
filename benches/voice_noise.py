"""How real embeddings scatter: community-1's, of stretches of the dev clips in which one speaker is alone.

The model (`benches.told_voices.Noise`): of `s` seconds, the share `s / (s + seconds)` is voice, the rest is
noise without direction. So two stretches of a speaker have that share as their cosine, two speakers that of
their voices times it. Shares are fitted to the means at three lengths; the voices' cosines to the pairs of
speakers of one recording; the noise's dimensions to how the cosines of a pair scatter. Stretches of one turn
are as unlike as those of different turns (0.43 and 0.46 at 1.3 s), so each stretch has its own noise. No clip
is longer than 150 s: how a voice drifts in an hour is not in it.

    python -m benches.voice_noise
"""

from __future__ import annotations

import itertools
import json
from collections import defaultdict
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benches.diarization import Clip, clips
from benches.told_voices import Noise
from operators.speech.diarization.clustering import unit
from operators.speech.diarization.community_1 import Community1Embedding
from stream_engine.clock import RATE

LENGTHS = (0.75, 1.3, 3.0)  # seconds
MOST = 12  # stretches of a speaker and length
_SHORTEST = 0.3  # s of a pause between others' speech that is worth looking at

Vectors = NDArray[np.float64]


def noise() -> Noise:
    embedding = Community1Embedding()
    alone = {length: _stretches(embedding, length) for length in LENGTHS}
    same = {length: _mean([_within(v) for v in alone[length].values()]) for length in LENGTHS}
    seconds = float(np.mean([length * (1 / same[length] - 1) for length in LENGTHS]))
    short, share = alone[LENGTHS[0]], LENGTHS[0] / (LENGTHS[0] + seconds)
    pairs = [
        (short[one] @ short[other].T).ravel()
        for one, other in itertools.combinations(sorted(short), 2)
        if one[0] == other[0]
    ]
    alike = np.array([float(pair.mean()) / share for pair in pairs if len(pair) >= 9])
    scatter = _mean([np.array([pair.var()]) for pair in pairs if len(pair) >= 9])
    return Noise(seconds, float(alike.mean()), float(alike.std()), float((1 - share**2) / scatter))


def _stretches(embedding: Community1Embedding, length: float) -> dict[tuple[str, str], Vectors]:
    """Embeddings ([stretches, dimension], unit) of each clip's speakers."""
    size = int(length * RATE)
    found: defaultdict[tuple[str, str], list[Vectors]] = defaultdict(list)
    for clip in clips():
        for start, end, speaker in _alone(clip):
            own = found[clip.name, speaker]
            for at in range(int(start * RATE), int(end * RATE) - size + 1, size):
                if len(own) < MOST:
                    own.append(unit(embedding([clip.audio[at : at + size]])[0]))
    return {who: np.stack(own) for who, own in found.items() if own}


def _alone(clip: Clip) -> list[tuple[float, float, str]]:
    """The parts of the reference's turns in which nobody else speaks."""
    parts: list[tuple[float, float, str]] = []
    for index, (start, end, speaker) in enumerate(clip.reference):
        pieces = [(start, end)]
        for other, (begin, stop, _) in enumerate(clip.reference):
            if other != index:
                cut = [((a, min(b, begin)), (max(a, stop), b)) for a, b in pieces]
                pieces = [(a, b) for both in cut for a, b in both if b - a >= _SHORTEST]
        parts += [(a, b, speaker) for a, b in pieces]
    return parts


def _within(vectors: Vectors) -> Vectors:
    """The cosines of all pairs."""
    return (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]


def _mean(groups: list[Any]) -> float:
    return float(np.mean([group.mean() for group in groups if len(group)]))


if __name__ == "__main__":
    print(json.dumps(msgspec.structs.asdict(noise()), indent=2))
