"""Who speaks when, as a still picture: for readers without scripts, and for paper."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sinks.report.intervals import Intervals
from sinks.report.loudness import STEP, coarser
from stream_engine.clock import MILLISECOND, RATE

WIDTH = 1000  # of the picture
_LANE, _WAVE = 12, 40
_COARSE = 1 / 4000  # of a pixel in a millisecond: below, turns are narrower than a pixel
_BIN = 4  # pixels


class Lane(NamedTuple):
    """A speaker's bars; `y` is their top."""

    number: int
    name: str
    y: int
    path: str


class Picture(NamedTuple):
    """A still timeline, `WIDTH` wide."""

    height: int
    wave: str
    lanes: list[Lane]
    overlaps: str
    sounds: str
    sounds_y: int
    gaps: str
    interruptions: list[tuple[float, int]]
    backchannels: list[tuple[float, int]]
    ticks: list[tuple[float, str]]


def picture(
    *,
    duration: int,
    names: list[str],
    turns: dict[int, Intervals],
    level: NDArray[np.uint8],
    overlaps: Intervals,
    sounds: Intervals,
    gaps: Intervals,
    interruptions: Iterable[tuple[int, int]],
    backchannels: Iterable[tuple[int, int]],
) -> Picture:
    """Bars closer than a pixel are one; interruptions and back-channels are (milliseconds, lane), and are
    left out where a pixel holds many turns."""
    scale = WIDTH / max(1, duration // MILLISECOND)
    draw = bars if scale > _COARSE else shares
    top = _WAVE if len(level) else 0
    y = [top + 18 + 30 * number for number in range(len(names))]
    lanes = [
        Lane(number, name, y[number], draw(turns[number].times() * scale, y[number], _LANE))
        for number, name in enumerate(names)
        if number in turns
    ]
    below = top + 30 * len(names) + 8
    height = below + 16 * bool(len(sounds))

    def marks(found: Iterable[tuple[int, int]]) -> list[tuple[float, int]]:
        if draw is shares:
            return []
        last: dict[int, float] = {}
        kept: list[tuple[float, int]] = []
        for at, lane in found:
            x = round(at * scale, 1)
            if x - last.get(lane, -9) >= 6:
                kept.append((x, y[lane]))
                last[lane] = x
        return kept

    return Picture(
        height=height + 18,
        wave=_wave(level, duration),
        lanes=lanes,
        overlaps=draw(overlaps.times() * scale, top + 6, height - top - 8),
        sounds=bars(sounds.times() * scale, below, 8),
        sounds_y=below,
        gaps=bars(gaps.times() * scale, 0, height),
        interruptions=marks(interruptions),
        backchannels=marks(backchannels),
        ticks=ticks(duration),
    )


def bars(x: NDArray[np.floating[Any]], y: int, height: int) -> str:
    """An SVG path of a bar for each [from, to); none thinner than 0.8, none nearer than 1 to the next."""
    parts: list[str] = []
    left = right = -9.0
    for start, end in x.tolist():
        end = max(end, start + 0.8)
        if start > right + 1:
            if right > left:
                parts.append(_bar(left, right, y, height))
            left, right = start, end
        else:
            right = max(right, end)
    if right > left:
        parts.append(_bar(left, right, y, height))
    return "".join(parts)


def shares(x: NDArray[np.floating[Any]], y: int, height: int) -> str:
    """The same where a pixel holds many: how much of each few pixels they fill, as the bar's height.

    `x` is in order, and no two share time.
    """
    edges = np.arange(0, WIDTH + _BIN, _BIN)
    # filled up to each edge: all that has begun by then, less what is still to come of the last
    whole = np.concatenate(([0.0], (x[:, 1] - x[:, 0]).cumsum()))
    begun = np.searchsorted(x[:, 0], edges)
    to_come = np.concatenate(([-np.inf], x[:, 1]))[begun] - edges
    part = np.clip(np.diff(whole[begun] - to_come.clip(0)) / _BIN, 0, 1)
    return "".join(
        f"M{left} {y + height}v-{size:.1f}h{_BIN}v{size:.1f}z"
        for left, size in zip(edges.tolist(), (part * height).tolist(), strict=False)
        if size >= 0.1
    )


def _bar(left: float, right: float, y: int, height: int) -> str:
    width = right - left
    return f"M{left:.1f} {y}h{width:.1f}v{height}h-{width:.1f}z"


def _wave(level: NDArray[np.uint8], duration: int) -> str:
    if not len(level):
        return ""
    level, many = coarser(level, WIDTH)
    step = WIDTH * many * STEP / max(1, duration)
    half = (level.astype(float) / 255 * (_WAVE / 2 - 2)).tolist()
    upper = [f"{place * step:.1f} {_WAVE / 2 - size:.1f}" for place, size in enumerate(half)]
    lower = [f"{place * step:.1f} {_WAVE / 2 + size:.1f}" for place, size in enumerate(half)]
    return f"M{'L'.join(upper + lower[::-1])}Z"


def ticks(duration: int, about: int = 8) -> list[tuple[float, str]]:
    """Round times along the picture, as (x, clock)."""
    whole_s = duration / RATE
    sizes = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 28_800, 86_400)
    step = next((size for size in sizes if whole_s / size <= about), sizes[-1])
    places = range(0, int(whole_s) + 1, step)
    return [(round(at * WIDTH / max(whole_s, 1e-3), 1), clock(at)) for at in places]


def clock(whole_s: int) -> str:
    minutes, s = divmod(whole_s, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{s:02d}" if hours else f"{minutes}:{s:02d}"
