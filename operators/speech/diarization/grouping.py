"""Which of the remembered turns are one voice.

Turns with enough speech of their own are clustered; the others go where they fit best. A group founds a
speaker when it has enough speech, and not on the strength of one odd part of a longer turn.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.speech.diarization.clustering import Floats, agglomerate
from stream_engine.clock import RATE

STRONG = 0.5  # seconds of clean speech that make a turn count in the grouping
BIRTH = 1.0  # seconds of clean speech that make a speaker
SHARE = 0.01  # and this share of the turns remembered beyond `FEW` seconds: odd stretches add up, too
FEW = 30.0
ENOUGH = 6.0  # seconds of clean speech after which one turn says nothing more
TRACK = 0.2  # what belonging to a track is worth, as a cosine
NOT_BOTH = 2.0  # against naming a turn after somebody who is talking meanwhile
TOGETHER = RATE // 5  # samples of overlap that make two turns two people


class Limits(msgspec.Struct, frozen=True):
    """How many speakers there may be."""

    fewest: int = 1
    most: int | None = None


def limits(speakers: int | None, fewest: int | None, most: int | None) -> Limits:
    """From what a user says: how many, or at least and at most how many.

    Raises:
        ValueError: no such number is possible.
    """
    for number in (speakers, fewest, most):
        if number is not None and number < 1:
            raise ValueError(f"a number of speakers is at least 1, got {number}")
    found = Limits(speakers or fewest or 1, speakers or most)
    if found.most is not None and found.fewest > found.most:
        raise ValueError(f"at least {found.fewest} speakers and at most {found.most} contradict each other")
    return found


class Item(msgspec.Struct):
    """A remembered turn, or (without a turn) all that is forgotten of a speaker."""

    turn: int | None
    track: int
    start: int
    end: int
    seconds: float  # of clean speech behind the vector
    speaker: int
    whole: bool = True  # False: a part of a turn that was cut since it seemed to be several voices


def grouped(items: Sequence[Item], vectors: Floats, limits: Limits, *, end: bool) -> list[int]:
    """A group for each item: strong ones by their voices, the others where they fit best."""
    seconds = np.array([item.seconds for item in items])
    strong = np.flatnonzero(seconds >= STRONG)
    if len(strong) == 0:
        strong = np.array([int(np.argmax(seconds))])
    apart = _apart(items)
    weights = np.maximum(seconds[strong], 1e-3)
    fewest = limits.fewest if end or seconds.sum() >= 10 * limits.fewest else 1
    labels = agglomerate(
        vectors[strong],
        weights,
        apart[np.ix_(strong, strong)],
        fewest=fewest,
        most=limits.most,
    )
    spoken = {label: float(weights[labels == label].sum()) for label in np.unique(labels).tolist()}
    whole = {
        label for index, label in zip(strong.tolist(), labels.tolist(), strict=True) if items[index].whole
    }
    several = {label for label in spoken if (labels == label).sum() > 1}
    # Of what is forgotten nothing counts: after hours a newcomer would need minutes.
    recent = [weights[place] for place, index in enumerate(strong.tolist()) if items[index].turn is not None]
    enough = BIRTH + SHARE * max(float(sum(recent)) - FEW, 0.0)
    kept = [label for label in spoken if spoken[label] >= enough and label in whole | several]
    if len(kept) < fewest:
        kept = sorted(spoken, key=lambda label: -spoken[label])[: max(fewest, 1)]
    sums = np.stack([(weights[:, None] * vectors[strong])[labels == label].sum(0) for label in kept])
    groups: list[int] = [-1] * len(items)
    for index, label in zip(strong.tolist(), labels.tolist(), strict=True):
        groups[index] = kept.index(label) if label in kept else -1
    settled = list(groups)
    for index, group in enumerate(groups):
        if group < 0:
            groups[index] = _fit(index, items, cosines(sums, vectors[index]), settled, apart[index])
    return groups


def _fit(
    index: int, items: Sequence[Item], scores: Floats, groups: list[int], apart: NDArray[np.bool_]
) -> int:
    """The group of an item with too little speech of its own."""
    item = items[index]
    for other in np.flatnonzero(apart).tolist():
        if groups[other] >= 0:
            scores[groups[other]] -= NOT_BOTH
    kin = [
        (abs(other.start - item.start), group)
        for other, group in zip(items, groups, strict=True)
        if other.track == item.track and group >= 0
    ]
    if kin:
        scores[min(kin)[1]] += TRACK
    return int(np.argmax(scores))


def _apart(items: Sequence[Item]) -> NDArray[np.bool_]:
    """Pairs of turns that are spoken at the same time."""
    starts = np.array([item.start for item in items])
    ends = np.array([item.end for item in items])
    shared = np.minimum(ends[:, None], ends) - np.maximum(starts[:, None], starts)
    return (shared > TOGETHER) & ~np.eye(len(starts), dtype=bool)


def together(item: Item, other: Item) -> bool:
    return min(item.end, other.end) - max(item.start, other.start) > TOGETHER


def cosines(sums: Floats, vector: Floats) -> Floats:
    return sums @ vector / np.maximum(np.linalg.norm(sums, axis=1), 1e-9)
