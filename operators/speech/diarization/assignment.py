"""One to one, so that the sum over the pairs is greatest (Jonker and Volgenant 1987).

The package `lap`: the same from `scipy.optimize` costs each session 0.3 s and 29 MB at its import.
"""

from __future__ import annotations

import lap  # pyright: ignore[reportMissingTypeStubs]
import numpy as np
from numpy.typing import NDArray


def pairs(worth: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Rows of `worth` ([rows, columns]) with their columns, in order of the rows; the shorter side whole.

    Raises:
        ValueError: a worth is not finite.
    """
    if not np.isfinite(worth).all():
        raise ValueError(f"worth of pairs: not finite in {worth.tolist()}")
    if not worth.size:
        return []  # lap 0.5.13 writes beside its memory where there is nothing
    _, columns, _ = lap.lapjv(-worth, extend_cost=True)
    return [(row, column) for row, column in enumerate(columns.tolist()) if column >= 0]
