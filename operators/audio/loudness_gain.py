"""The gain that brings the programme to a loudness: BS.1770 with its gates, running, forgetting, unhurried.

    hops of 100 ms    │ h - 1 │   h   │ h + 1 │
    gain at the edges         g       g'             g' - g: towards target - loudness up to the edge g,
                                                     by `slew_db_s` at most

Loudness is that of `loudness`, over blocks of 400 ms, but each counts half as much after `half_life_s`, so
that a speaker who moves away from the microphone after an hour is heard. K-weighting is done on the spectrum.
Within the first 400 ms, and while all is under the gate of -70 LUFS, the gain stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec
import numpy as np

from operators.audio.levels import Levels
from operators.audio.loudness import BIN, GATE, MOMENTARY, integrated, lufs
from stream_engine.state import Array

FRAMES = 10  # in a hop
EVERY = 5  # hops between two looks at the loudness
TARGETS = {"asr": -20.0, "broadcast": -23.0}  # LUFS
_BINS = round((10.0 - GATE) / BIN)


class LoudnessGainState(msgspec.Struct, frozen=True):
    """Memory between two items."""

    frame: int
    total: float  # of the powers in the hop that has begun
    powers: tuple[float, ...]  # of the last hops
    counts: Array  # [_BINS]
    aim: float  # dB, what the gain goes to
    begin: float  # dB, at the edges of the hop that has begun
    end: float


class LoudnessGain:
    """Levels in and out. Lookahead: none. State: 64 KB, for any length."""

    def __init__(
        self,
        *,
        target_lufs: float = TARGETS["asr"],
        most_db: float = 12.0,
        slew_db_s: float = 3.0,
        half_life_s: float = 60.0,
        state: LoudnessGainState | None = None,
    ) -> None:
        self._target, self._most = target_lufs, most_db
        self._step = slew_db_s / 10  # a hop
        self._forget = 0.5 ** (EVERY / 10 / half_life_s)
        self._frame = state.frame if state else 0
        self._total = state.total if state else 0.0
        self._powers = deque(state.powers if state else (), MOMENTARY)
        self._counts = state.counts.numpy() if state else np.zeros(_BINS)
        self._aim = state.aim if state else 0.0
        self._begin = state.begin if state else 0.0
        self._end = state.end if state else 0.0

    @property
    def state(self) -> LoudnessGainState:
        counts = Array.of(self._counts)
        powers = tuple(self._powers)
        return LoudnessGainState(self._frame, self._total, powers, counts, self._aim, self._begin, self._end)

    def feed(self, item: Levels, /) -> Iterator[Levels]:
        if not item.frames:
            return
        first = self._frame % FRAMES
        edges = [self._begin]
        sums = np.add.reduceat(item.power, [0, *range(FRAMES - first, item.frames, FRAMES)]).tolist()
        for at, total in enumerate(sums):
            edges.append(self._end)
            self._total += total
            if first + item.frames >= (at + 1) * FRAMES:
                self._close((self._frame // FRAMES) + at)
        self._frame += item.frames
        places = (np.arange(first, first + item.frames) + 0.5) / FRAMES
        yield item.after(np.interp(places, np.arange(len(edges)), edges))

    def flush(self) -> Iterator[Levels]:
        return iter(())

    def _close(self, hop: int) -> None:
        """The hop has ended: takes its loudness in, and says how the gain goes on."""
        self._powers.append(self._total / FRAMES)
        self._total = 0.0
        power = sum(self._powers) / MOMENTARY
        if len(self._powers) == MOMENTARY and power > 0 and (level := lufs(power)) > GATE:
            # Shared out between the two nearest bins, so that a hair makes a hair of difference.
            place = min(max((level - GATE) / BIN - 0.5, 0.0), _BINS - 1.001)
            self._counts[int(place)] += 1 - place % 1
            self._counts[int(place) + 1] += place % 1
        if hop % EVERY == EVERY - 1:
            loudness = integrated(self._counts)
            if loudness is not None:
                self._aim = min(max(self._target - loudness, -self._most), self._most)
            self._counts *= self._forget
        self._begin = self._end
        self._end += min(max(self._aim - self._end, -self._step), self._step)


def legacy_lufs(samples: np.ndarray[tuple[int], np.dtype[np.float32]], rate: int = 16_000) -> float | None:
    """What the old analyser called LUFS, for regression: no K-weighting, decibels averaged as numbers.

    The mean level of the 400 ms windows (every 100 ms; root mean square, dB) that are above the mean of all
    less 10 dB; None where there is no whole window.
    """
    size, hop = round(0.4 * rate), round(0.1 * rate)
    if len(samples) < size:
        return None
    sums = np.concatenate(([0.0], np.cumsum(np.square(samples, dtype=np.float64))))
    starts = np.arange(0, len(samples) - size + 1, hop)
    levels = 10 * np.log10(np.maximum((sums[starts + size] - sums[starts]) / size, 1e-12))
    return float(levels[levels > levels.mean() - 10].mean())
