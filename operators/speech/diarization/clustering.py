"""Agglomerative clustering with a threshold that follows the evidence.

The embedding of `s` seconds of speech is its speaker's direction plus noise that falls with `s`: the share of
it that is voice is about `s / (s + 1.1)`, so two stretches of one speaker have a cosine near the square root
of the product of their shares, while two speakers are near 0.08 however long they talk. (Measured on turns
of the dev clips: medians 0.40, 0.57, 0.72 at 0.75, 1.5 and 3 s; 0.06 to 0.10 between speakers.) Groups are
merged while their cosine lies on the near side of the middle of the two. A fixed threshold cannot do that:
right for short turns, it joins the speakers that have talked for long; right for long, it splits the short.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

NOISE_SECONDS = 3.0
STRANGERS = 0.08
SAME = 0.95
MIDDLE = 0.55


def voice_share(seconds: Floats | np.float64) -> Floats | np.float64:
    return seconds / (seconds + NOISE_SECONDS)


def margin(
    cosine: Floats, seconds: Floats | np.float64, other: Floats | np.float64, *, middle: float | None = None
) -> Floats:
    """How far a cosine is above the middle between strangers and one speaker."""
    same = SAME * np.sqrt(voice_share(seconds) * voice_share(other))
    return cosine - (STRANGERS + (MIDDLE if middle is None else middle) * (same - STRANGERS))


def unit(vector: NDArray[Any]) -> Floats:
    """`vector` at length 1; zero stays zero."""
    double = vector.astype(np.float64)
    return double / max(float(np.linalg.norm(double)), 1e-9)


def agglomerate(
    vectors: Floats, seconds: Floats, apart: NDArray[np.bool_], *, fewest: int = 1, most: int | None = None
) -> NDArray[np.intp]:
    """Labels ([items], the index of each group's first member) of `vectors` ([items, dimension], unit).

    Args:
        seconds: [items], speech behind each vector; its weight in the group.
        apart: [items, items], pairs that are two people; merged only to get down to `most`.
        fewest: stop at so many groups.
        most: go on to so many groups, however unlike they are.
    """
    count = len(vectors)
    sums, seconds, apart = vectors * seconds[:, None], seconds.astype(float), apart.copy()
    labels = np.arange(count)
    scores = np.full((count, count), -np.inf)
    for row in range(1, count):
        scores[row, :row] = _scores(sums, seconds, apart, row)[:row]
        scores[:row, row] = scores[row, :row]
    for groups in range(count, fewest, -1):
        first, second = sorted(divmod(int(np.argmax(scores)), count))
        if scores[first, second] < 0 and (most is None or groups <= most):
            break
        sums[first] += sums[second]
        seconds[first] += seconds[second]
        apart[first] |= apart[second]
        apart[:, first] |= apart[:, second]
        labels[labels == second] = first
        scores[second] = scores[:, second] = -np.inf
        gone = scores[first] == -np.inf
        merged = np.where(gone, -np.inf, _scores(sums, seconds, apart, first))
        scores[first] = scores[:, first] = merged
    return labels


def _scores(sums: Floats, seconds: Floats, apart: NDArray[np.bool_], row: int) -> Floats:
    norms = np.linalg.norm(sums, axis=1)
    cosine = sums @ sums[row] / np.maximum(norms * norms[row], 1e-9)
    return margin(cosine, seconds, seconds[row]) - _FORBIDDEN * apart[row]


_FORBIDDEN = 10.0
