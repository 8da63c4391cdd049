"""The small index of a log that documents are made from: a few integers for each record."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Columns:
    """Records of one kind; a later revision takes the place of its id."""

    def __init__(self) -> None:
        self._rows: dict[int, int] = {}
        self.start = array("q")  # samples
        self.end = array("q")
        self.label = array("q")  # code of the speaker
        self.offset = array("q")  # of the line in the file

    def __len__(self) -> int:
        return len(self.start)

    @property
    def ids(self) -> Rows:
        """Of all rows."""
        return np.fromiter(self._rows, np.int64, len(self))

    def put(self, id: int, *, start: int, end: int, label: int, offset: int) -> int:
        """Adds or replaces the record `id`; gives its row."""
        row = self._rows.setdefault(id, len(self.start))
        if row == len(self.start):
            for column in (self.start, self.end, self.label, self.offset):
                column.append(0)
        self.start[row], self.end[row], self.label[row], self.offset[row] = start, end, label, offset
        return row

    def row(self, id: int) -> int | None:
        return self._rows.get(id)

    def by_time(self, rows: Rows | None = None) -> Rows:
        """`rows` (all without) in order of start, then id."""
        ids, start = self.ids, view(self.start)
        if rows is None:
            return np.lexsort((ids, start))
        return rows[np.lexsort((ids[rows], start[rows]))]

    def during(self, start: int, end: int) -> Rows:
        """The rows whose interval shares time with [start, end)."""
        return np.flatnonzero((view(self.start) < end) & (view(self.end) > start))

    def with_label(self, label: int) -> Rows:
        return np.flatnonzero(view(self.label) == label)

    def rename(self, old: int, new: int) -> None:
        """Gives every record so far with label `old` the label `new`."""
        labels = view(self.label)
        labels[labels == old] = new

    def newest_at(self, time: int, label: int, among: int = 4096) -> int | None:
        """The row of the newest record with `label` that covers `time`, looking `among` rows back."""
        first = max(0, len(self) - among)
        start, end, labels = (view(column)[first:] for column in (self.start, self.end, self.label))
        found = np.flatnonzero((start <= time) & (time < end) & (labels == label))
        return first + int(found[-1]) if len(found) else None


class Offsets:
    """Where in the file the newest record about each id is."""

    def __init__(self) -> None:
        self._id, self._offset = array("q"), array("q")
        self._order: Rows | None = None  # by id, for the last search

    def put(self, id: int, offset: int) -> None:
        self._id.append(id)
        self._offset.append(offset)
        self._order = None

    def of(self, ids: Rows) -> Rows:
        """The offset for each of `ids`, -1 where there is none."""
        known = view(self._id)
        if not len(known):
            return np.full(len(ids), -1)
        if self._order is None:
            self._order = np.argsort(known, kind="stable")
        newest = self._order[np.searchsorted(known, ids, "right", sorter=self._order) - 1]
        return np.where(known[newest] == ids, view(self._offset)[newest], -1)


def view(column: array[int]) -> Rows:
    """The values without a copy; the column cannot grow while somebody holds them."""
    return np.frombuffer(column, np.int64) if len(column) else np.empty(0, np.int64)
