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

from operators.speech.diarization.assignment import pairs
from operators.speech.diarization.clustering import Floats, margin, unit
from operators.speech.diarization.grouping import (
    BIRTH,
    ENOUGH,
    NOT_BOTH,
    STRONG,
    TRACK,
    Item,
    Limits,
    cosines,
    grouped,
    together,
)
from stream_engine.state import Array


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
        speakers, sums, spoken = self.heard()
        if not speakers:
            return self._named
        scores = margin(cosines(sums, unit(vector)), spoken, np.float64(seconds))
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
        row = _stored(unit(vector))
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
        groups = grouped(self._items, self._vectors, self._limits, end=end)
        names = self._names(groups)
        for item, group in zip(self._items, groups, strict=True):
            item.speaker = names[group]
        return self._corrections(before)

    def _names(self, groups: list[int]) -> dict[int, int]:
        """Groups to speakers, so that as much speech as possible keeps its name."""
        count = max(groups) + 1
        kept = np.zeros((count, self._named))
        for item, group in zip(self._items, groups, strict=True):
            if item.speaker >= 0:
                kept[group, item.speaker] += (item.seconds + 1e-3) * (1.0 if item.turn is not None else 1e3)
        names = {group: speaker for group, speaker in pairs(kept) if kept[group, speaker] > 0}
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
        speakers, sums, spoken = self.heard()
        if not speakers:
            return -1
        scores = cosines(sums, vector)
        if item.seconds >= BIRTH and margin(scores, spoken, np.float64(item.seconds)).max() < 0:
            return -1
        if item.seconds < STRONG:
            kin = self.last(item.track)
            scores += [TRACK * (speaker == kin) for speaker in speakers]
            talking = {other.speaker for other in self._items if together(item, other)}
            scores -= [NOT_BOTH * (speaker in talking) for speaker in speakers]
        return speakers[int(np.argmax(scores))]

    def heard(self) -> tuple[list[int], Floats, Floats]:
        """Speakers in use, the sum of each one's voice ([speakers, dimension]), and the seconds behind it."""
        speakers = sorted({item.speaker for item in self._items})
        seconds = np.array([item.seconds for item in self._items])
        rows = [np.array([item.speaker == speaker for item in self._items]) for speaker in speakers]
        sums = [(self._vectors * seconds[:, None])[own].sum(axis=0) for own in rows]
        return speakers, np.array(sums), np.array([seconds[own].sum() for own in rows])

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
                self._vectors[found[0]] = _stored(unit(summed))
            else:
                self._items.insert(0, Item(None, -1, 0, 0, item.seconds, item.speaker))
                self._vectors = np.vstack([vector, self._vectors])


def _stored(vector: Floats) -> Floats:
    """As precise as the state keeps it, so that a restart changes nothing."""
    return vector.astype(np.float32).astype(np.float64)
