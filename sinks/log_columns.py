"""The small index of a log that documents are made from: a few integers for each record."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray


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

    def by_time(self) -> list[int]:
        """All rows in order of start, then id."""
        ids = np.fromiter(self._rows, np.int64, len(self))
        return np.lexsort((ids, _view(self.start))).tolist()

    def rename(self, old: int, new: int) -> None:
        """Gives every record so far with label `old` the label `new`."""
        labels = _view(self.label)
        labels[labels == old] = new

    def newest_at(self, time: int, label: int, among: int = 4096) -> int | None:
        """The row of the newest record with `label` that covers `time`, looking `among` rows back."""
        first = max(0, len(self) - among)
        start, end, labels = (_view(column)[first:] for column in (self.start, self.end, self.label))
        found = np.flatnonzero((start <= time) & (time < end) & (labels == label))
        return first + int(found[-1]) if len(found) else None


def _view(column: array[int]) -> NDArray[np.int64]:
    return np.frombuffer(column, np.int64) if len(column) else np.empty(0, np.int64)
