"""True turns as a diarizer gives them back: boundaries moved, some not found; and how much of that ours does.

`wear` runs our diarizer over the AMI clips of ../shared/data/diar and compares turns: the one of the same
speaker (best assignment) with the nearest start, and with the nearest end, within 0.7 s; a turn is lost where
its speaker is found in less than a fifth of it. Those clips have 47 turns in all, so the figures are coarse:

    python -m benches.worn_turns
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import numpy as np

Spoken = tuple[float, float, str]  # start and end in seconds, speaker
JITTER = 0.15  # s, standard deviation of a turn's start and end
LOST = ((0.5, 0.75), (1.0, 0.3), (2.0, 0.12), (1e9, 0.13))  # turns shorter than this: share that is lost
_NEAR = 0.7  # s
_GRID = 100  # frames a second


def worn(turns: list[Spoken], seed: int) -> list[Spoken]:
    """`turns` as a diarizer might give them, in order of time."""
    random = np.random.default_rng(seed)
    found: list[Spoken] = []
    for start, end, speaker in turns:
        lost = next(share for length, share in LOST if end - start < length)
        moved = np.maximum(np.array((start, end)) + random.normal(0, JITTER, 2), 0)
        if random.random() >= lost and moved[1] - moved[0] >= 0.1:
            found.append((float(moved[0]), float(moved[1]), speaker))
    return sorted(found)


def wear() -> dict[str, Any]:
    """What our diarizer does to the turns of the AMI clips."""
    from benches.diarization import clips, diarize
    from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation

    models = {"segmentation": Community1Segmentation(), "embedding": Community1Embedding()}
    starts: list[float] = []
    ends: list[float] = []
    kept: list[tuple[float, bool]] = []
    for clip in clips():
        if clip.name.startswith("ami_"):
            found = _renamed(diarize(clip, models).turns, clip.reference, clip.seconds)
            for start, end, speaker in clip.reference:
                own = [turn for turn in found if turn[2] == speaker]
                starts += _nearest(start, [turn[0] for turn in own])
                ends += _nearest(end, [turn[1] for turn in own])
                covered = _grid(own, clip.seconds)[int(start * _GRID) : int(end * _GRID) + 1].mean()
                kept.append((end - start, bool(covered >= 0.2)))
    bounds = [0.0, *(length for length, _ in LOST)]
    return {
        "turns": len(kept),
        "start_deviation_s": float(np.std(starts)),
        "end_deviation_s": float(np.std(ends)),
        "lost": [
            {"shorter_than_s": high, "turns": len(own), "lost": 1 - float(np.mean(own))}
            for low, high in pairwise(bounds)
            if (own := [there for length, there in kept if low <= length < high])
        ],
    }


def _renamed(found: list[Spoken], truth: list[Spoken], seconds: float) -> list[Spoken]:
    """`found` under the names of the true speakers, by the assignment that shares the most time."""
    from scipy.optimize import linear_sum_assignment

    if not found:
        return []
    names, theirs = (sorted({turn[2] for turn in side}) for side in (truth, found))
    rows, columns = (
        np.array([_grid([turn for turn in side if turn[2] == name], seconds) for name in who], float)
        for side, who in ((truth, names), (found, theirs))
    )
    pairs = zip(*linear_sum_assignment(-rows @ columns.T), strict=True)
    true_name = {theirs[column]: names[row] for row, column in pairs}
    return [(start, end, true_name.get(speaker, "")) for start, end, speaker in found]


def _nearest(time: float, others: list[float]) -> list[float]:
    offset = min((other - time for other in others), key=abs, default=_NEAR)
    return [offset] if abs(offset) < _NEAR else []


def _grid(turns: list[Spoken], seconds: float) -> Any:
    active = np.zeros(int(seconds * _GRID) + 2, bool)
    for start, end, _ in turns:
        active[int(start * _GRID) : int(end * _GRID)] = True
    return active


if __name__ == "__main__":
    print(json.dumps(wear(), indent=2))
