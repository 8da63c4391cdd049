"""The envelope of the audio, as fine as a page can carry it."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import RATE
from stream_engine.events import Envelope

STEP = RATE // 10  # of the envelope
POINTS = 72_000  # of the envelope in a page: two hours in full; beyond, the largest of some steps


def envelope(told: Iterable[Envelope], duration: int) -> NDArray[np.uint8]:
    """One byte for each tenth of a second, 0 where nothing is known; empty where nobody looked."""
    level = np.zeros(-(-duration // STEP), np.uint8)
    found = False
    for one in told:
        peaks = np.frombuffer(b64decode(one.peaks), np.uint8)
        first = one.start // STEP
        peaks = peaks[: max(0, len(level) - first)]
        level[first : first + len(peaks)] = peaks
        found = True
    return level if found else level[:0]


def coarser(level: NDArray[np.uint8], points: int) -> tuple[NDArray[np.uint8], int]:
    """At most `points` of it, each the largest of so many."""
    many = max(1, -(-len(level) // points))
    padded = np.pad(level, (0, -len(level) % many))
    return padded.reshape(-1, many).max(1, initial=0), many


def packed(level: NDArray[np.uint8]) -> dict[str, Any]:
    """The envelope for the page."""
    level, many = coarser(level, POINTS)
    return {"step": 100 * many, "peaks": b64encode(level.tobytes()).decode()}
