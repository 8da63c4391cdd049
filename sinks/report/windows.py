"""Pace and energy over time: the session's energy windows, as few as a picture can show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from stream_engine.events import EnergyWindow

MOST = 120  # points of a picture


class Stretch(NamedTuple):
    """Some windows as one. None: nothing was said, or nobody measured it."""

    start_s: float
    end_s: float
    density: float  # share of it in which somebody speaks
    words: int
    wpm: float | None  # of the time in which somebody speaks
    loudness_dbfs: float | None
    arousal: float | None


def stretches(windows: Sequence[EnergyWindow], most: int = MOST) -> list[Stretch]:
    """Neighbouring windows together, so that there are at most `most`."""
    many = max(1, -(-len(windows) // most))
    return [_together(windows[first : first + many]) for first in range(0, len(windows), many)]


def _together(windows: Sequence[EnergyWindow]) -> Stretch:
    lengths = [max(0.0, one.end_s - one.start_s) for one in windows]
    spoken = [length * one.speech_density for length, one in zip(lengths, windows, strict=True)]
    words = sum(one.words for one in windows)

    def mean(values: list[float | None]) -> float | None:
        known = [(value, weight) for value, weight in zip(values, spoken, strict=True) if value is not None]
        weight = sum(weight for _, weight in known)
        return sum(value * weight for value, weight in known) / weight if weight else None

    talk = sum(spoken)
    return Stretch(
        start_s=windows[0].start_s,
        end_s=windows[-1].end_s,
        density=min(1.0, talk / (sum(lengths) or 1)),
        words=words,
        wpm=60 * words / talk if talk >= 1 else None,
        loudness_dbfs=mean([one.loudness_dbfs for one in windows]),
        arousal=mean([one.arousal for one in windows]),
    )
