"""Intervals as a page carries them, for the interactive timeline.

Milliseconds, each start less the one before: `[0, 4200, 5100, 800]` are [0, 4.2) and [5.1, 5.9) in seconds.
"""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import MILLISECOND


class Intervals:
    """Intervals in order of start, with whole numbers beside them."""

    def __init__(self, beside: int = 0) -> None:
        self._width = 2 + beside
        self._values = array("q")
        self._last = 0

    def __len__(self) -> int:
        return len(self._values) // self._width

    def add(self, start: int, end: int, *beside: int) -> None:
        start, end = start // MILLISECOND, end // MILLISECOND
        self._values.extend((start - self._last, end - start, *beside))
        self._last = start

    def numbers(self) -> list[int]:
        return self._values.tolist()

    def times(self) -> NDArray[np.int64]:
        """[intervals, 2], milliseconds."""
        values = self._rows()
        start = values[:, 0].cumsum()
        return np.stack((start, start + values[:, 1]), axis=1)

    def marks(self) -> list[tuple[int, int]]:
        """The start of each, in milliseconds, and the first number beside it."""
        values = self._rows()
        return list(zip(values[:, 0].cumsum().tolist(), values[:, 2].tolist(), strict=True))

    def _rows(self) -> NDArray[np.int64]:
        return np.array(self._values, np.int64).reshape(-1, self._width)
