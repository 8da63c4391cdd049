"""Who is who: the voices of the turns so far, their names, and corrections of names.

Recent turns are remembered one by one, and grouped anew as evidence comes in. What is older is one sum for
each speaker; it keeps its name, unless the whole speaker turns out to be another one. So memory and time
depend on the number of speakers and not on the length of the session.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from operators.speech.diarization.clustering import Floats, agglomerate, margin, unit
from stream_engine.clock import RATE
from stream_engine.state import Array


class Limits(msgspec.Struct, frozen=True):
    """How many speakers there may be."""

    fewest: int = 1
    most: int | None = None


class Item(msgspec.Struct):
    """A remembered turn, or (without a turn) all that is forgotten of a speaker."""

    turn: int | None
    track: int
    start: int
    end: int
    seconds: float  # of clean speech behind the vector
    speaker: int
    whole: bool = True  # False: a part of a turn that was cut since it seemed to be several voices


class Correction(msgspec.Struct, frozen=True):
    """`turns`, or all turns of `speaker`, belong to speaker `to`."""

    to: int
    turns: tuple[int, ...] = ()
    speaker: int | None = None


class VoicesState(msgspec.Struct):
    items: list[Item]
    vectors: Array  # [items, dimension], float32, unit length or zero
    named: int  # speakers that were ever given a name
    waiting: int  # turns since the last regrouping


class Voices:
    """Names for turns, best first guess at once, corrected later."""

    def __init__(
        self, *, dimension: int, limits: Limits, capacity: int = 160, state: VoicesState | None = None
    ) -> None:
        self._limits = limits
        self._capacity = capacity
        self._items = list(state.items) if state else []
        self._vectors: Floats = (state.vectors.numpy() if state else np.zeros((0, dimension))).astype(float)
        self._named = state.named if state else 0
        self._waiting = state.waiting if state else 0

    @property
    def state(self) -> VoicesState:
        items = [msgspec.structs.replace(item) for item in self._items]
        return VoicesState(items, Array.of(self._vectors.astype(np.float32)), self._named, self._waiting)

    def guess(self, vector: NDArray[Any], seconds: float) -> int:
        """The speaker of a turn that is still open; one that has no name yet if it is like nobody."""
        speakers, sums, spoken = self._speakers()
        if not speakers:
            return self._named
        scores = margin(_cosines(sums, unit(vector)), spoken, np.float64(seconds))
        best = int(np.argmax(scores))
        full = self._limits.most is not None and len(speakers) >= self._limits.most
        return speakers[best] if scores[best] >= 0 or full else self._named

    def last(self, track: int) -> int | None:
        """The speaker of the newest remembered turn of a track."""
        return next((item.speaker for item in reversed(self._items) if item.track == track), None)

    def add(
        self,
        *,
        turn: int,
        track: int,
        start: int,
        end: int,
        seconds: float,
        vector: NDArray[Any],
        whole: bool = True,
    ) -> tuple[int, list[Correction]]:
        """Remembers a final turn; gives its speaker, and what that changes for earlier turns.

        Args:
            turn: its id.
            track: the local speaker that it comes from.
            start: samples.
            end: samples.
            seconds: of speech behind the vector.
            vector: [dimension], of any length; zero where there was too little speech.
            whole: not a part of a turn that was cut.
        """
        row = unit(vector)
        item = Item(turn, track, start, end, min(seconds, ENOUGH), -1, whole)
        strong = item.seconds >= STRONG
        self._waiting += strong
        due = strong and self._waiting > sum(other.seconds >= STRONG for other in self._items) // 16
        if not due:
            item.speaker = self._nearest(item, row)
        self._items.append(item)
        self._vectors = np.vstack([self._vectors, row])
        corrections = self.regroup() if item.speaker < 0 else []
        self._forget()
        return item.speaker, corrections

    def regroup(self, *, end: bool = False) -> list[Correction]:
        """Groups all that is remembered anew; the names stay with the groups that keep most of them."""
        if not self._items:
            return []
        self._waiting = 0
        before = [item.speaker for item in self._items]
        groups = self._groups(end=end)
        names = self._names(groups)
        for item, group in zip(self._items, groups, strict=True):
            item.speaker = names[group]
        return self._corrections(before)

    def _groups(self, *, end: bool) -> list[int]:
        """A group for each item: strong ones by their voices, the others where they fit best."""
        seconds = np.array([item.seconds for item in self._items])
        strong = np.flatnonzero(seconds >= STRONG)
        if len(strong) == 0:
            strong = np.array([int(np.argmax(seconds))])
        apart = self._apart()
        weights = np.maximum(seconds[strong], 1e-3)
        fewest = self._limits.fewest if end or seconds.sum() >= 10 * self._limits.fewest else 1
        labels = agglomerate(
            self._vectors[strong],
            weights,
            apart[np.ix_(strong, strong)],
            fewest=fewest,
            most=self._limits.most,
        )
        spoken = {label: float(weights[labels == label].sum()) for label in np.unique(labels).tolist()}
        whole = {label for index, label in zip(strong, labels, strict=True) if self._items[index].whole}
        several = {label for label in spoken if (labels == label).sum() > 1}
        enough = BIRTH + SHARE * max(float(weights.sum()) - FEW, 0.0)
        kept = [label for label in spoken if spoken[label] >= enough and label in whole | several]
        if len(kept) < fewest:
            kept = sorted(spoken, key=lambda label: -spoken[label])[: max(fewest, 1)]
        sums = np.stack(
            [(weights[:, None] * self._vectors[strong])[labels == label].sum(0) for label in kept]
        )
        groups: list[int] = [-1] * len(self._items)
        for index, label in zip(strong.tolist(), labels.tolist(), strict=True):
            groups[index] = kept.index(label) if label in kept else -1
        settled = list(groups)
        for index, group in enumerate(groups):
            if group < 0:
                groups[index] = self._fit(index, sums, settled, apart[index])
        return groups

    def _fit(self, index: int, sums: Floats, groups: list[int], apart: NDArray[np.bool_]) -> int:
        """The group of an item with too little speech of its own."""
        scores = _cosines(sums, self._vectors[index])
        item = self._items[index]
        for other in np.flatnonzero(apart).tolist():
            if groups[other] >= 0:
                scores[groups[other]] -= NOT_BOTH
        kin = [
            (abs(other.start - item.start), group)
            for other, group in zip(self._items, groups, strict=True)
            if other.track == item.track and group >= 0
        ]
        if kin:
            scores[min(kin)[1]] += TRACK
        return int(np.argmax(scores))

    def _names(self, groups: list[int]) -> dict[int, int]:
        """Groups to speakers, so that as much speech as possible keeps its name."""
        count = max(groups) + 1
        kept = np.zeros((count, self._named))
        for item, group in zip(self._items, groups, strict=True):
            if item.speaker >= 0:
                kept[group, item.speaker] += (item.seconds + 1e-3) * (1.0 if item.turn is not None else 1e3)
        names: dict[int, int] = {}
        for group, speaker in zip(*linear_sum_assignment(-kept), strict=True):
            if kept[group, speaker] > 0:
                names[int(group)] = int(speaker)
        for group in dict.fromkeys(groups):
            if group not in names:
                names[group] = self._named
                self._named += 1
        return names

    def _corrections(self, before: list[int]) -> list[Correction]:
        corrections: list[Correction] = []
        left = {item.speaker for item in self._items}
        moved: dict[int, dict[int, float]] = {}
        for item, old in zip(self._items, before, strict=True):
            if old >= 0 and old not in left:
                to = moved.setdefault(old, {})
                to[item.speaker] = to.get(item.speaker, 0.0) + item.seconds + 1e-3
        heirs = {old: max(to, key=lambda speaker: (to[speaker], -speaker)) for old, to in moved.items()}
        corrections += [Correction(to=heirs[old], speaker=old) for old in sorted(heirs)]
        turns: dict[int, list[int]] = {}
        for item, old in zip(self._items, before, strict=True):
            if old >= 0 and item.turn is not None and heirs.get(old, old) != item.speaker:
                turns.setdefault(item.speaker, []).append(item.turn)
        return corrections + [Correction(to=to, turns=tuple(turns[to])) for to in sorted(turns)]

    def _nearest(self, item: Item, vector: Floats) -> int:
        """The speaker of a turn without regrouping; -1 where that is needed."""
        speakers, sums, spoken = self._speakers()
        if not speakers:
            return -1
        scores = _cosines(sums, vector)
        if item.seconds >= BIRTH and margin(scores, spoken, np.float64(item.seconds)).max() < 0:
            return -1
        if item.seconds < STRONG:
            kin = self.last(item.track)
            scores += [TRACK * (speaker == kin) for speaker in speakers]
            talking = {other.speaker for other in self._items if _together(item, other)}
            scores -= [NOT_BOTH * (speaker in talking) for speaker in speakers]
        return speakers[int(np.argmax(scores))]

    def _speakers(self) -> tuple[list[int], Floats, Floats]:
        """Names in use, the sum of each one's voice, and the seconds behind it."""
        speakers = sorted({item.speaker for item in self._items})
        seconds = np.array([item.seconds for item in self._items])
        rows = [np.array([item.speaker == speaker for item in self._items]) for speaker in speakers]
        sums = [(self._vectors * seconds[:, None])[own].sum(axis=0) for own in rows]
        return speakers, np.array(sums), np.array([seconds[own].sum() for own in rows])

    def _apart(self) -> NDArray[np.bool_]:
        """Pairs of turns that are spoken at the same time."""
        starts = np.array([item.start for item in self._items])
        ends = np.array([item.end for item in self._items])
        shared = np.minimum(ends[:, None], ends) - np.maximum(starts[:, None], starts)
        return (shared > TOGETHER) & ~np.eye(len(starts), dtype=bool)

    def _forget(self) -> None:
        """Beyond the capacity, the oldest turn goes into its speaker's sum."""
        while sum(item.turn is not None for item in self._items) > self._capacity:
            oldest = next(index for index, item in enumerate(self._items) if item.turn is not None)
            item, vector = self._items.pop(oldest), self._vectors[oldest]
            self._vectors = np.delete(self._vectors, oldest, axis=0)
            if item.seconds < STRONG:
                continue
            found = [i for i, o in enumerate(self._items) if o.turn is None and o.speaker == item.speaker]
            if found:
                total = self._items[found[0]]
                summed = self._vectors[found[0]] * total.seconds + vector * item.seconds
                total.seconds += item.seconds
                self._vectors[found[0]] = summed / np.linalg.norm(summed)
            else:
                self._items.insert(0, Item(None, -1, 0, 0, item.seconds, item.speaker))
                self._vectors = np.vstack([vector, self._vectors])


STRONG = 0.5  # seconds of clean speech that make a turn count in the grouping
BIRTH = 1.0  # seconds of clean speech that make a speaker
SHARE = 0.05  # and this share of what is remembered beyond `FEW` seconds: odd stretches add up, too
FEW = 30.0
ENOUGH = 6.0  # seconds of clean speech after which one turn says nothing more
TRACK = 0.2  # what belonging to a track is worth, as a cosine
NOT_BOTH = 2.0  # against naming a turn after somebody who is talking meanwhile
TOGETHER = RATE // 5  # samples of overlap that make two turns two people


def _together(item: Item, other: Item) -> bool:
    return min(item.end, other.end) - max(item.start, other.start) > TOGETHER


def _cosines(sums: Floats, vector: Floats) -> Floats:
    return sums @ vector / np.maximum(np.linalg.norm(sums, axis=1), 1e-9)
