"""The likeliest course of the fundamental frequency through the candidates of the frames (Boersma 1993).

Each frame is unvoiced or has one of its candidates; high peaks are liked, jumps and changes of voicing are
not, and the cheapest path wins (Viterbi). A path is decided when `AHEAD` more frames are known.

Praat measures silence against the peak of the whole recording. A stream knows the past only, so the peak is
that of the past and fades: somebody who speaks softly after somebody loud is heard again.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.prosody.pitch_candidates import CEILING_HZ, OCTAVE_COST
from stream_engine.state import Array

AHEAD = 15  # frames; with 49 neither gross errors nor voicing change (benches/prosody.py, 12 min)
SILENCE = 0.03  # of the fading peak
VOICING = 0.45  # so high a peak is as good as unvoiced
JUMP_COST = 0.35  # for each octave between two frames
VOICING_COST = 0.14  # for each change between voiced and unvoiced
FADING = 10 ** (-0.3 / 20 / 100)  # of the peak in 10 ms: 0.3 dB a second
FIRST_PEAK = 0.1  # before anything is heard: what is louder than -47 dBFS can be voice
FAINTEST_PEAK = 1e-3  # -60 dBFS: what is far below it is not voice, whatever the peak
Floats = NDArray[np.float64]


class PathState(msgspec.Struct, frozen=True):
    """Where the paths stood before the next frame."""

    peak: float = FIRST_PEAK
    best: Array | None = None  # [1 + candidates]: the best path to each choice of the last frame
    octave: Array | None = None  # [1 + candidates]: of these choices


class PitchPath:
    """Decides frames in order. Bounded: remembers one frame."""

    def __init__(self, *, state: PathState | None = None) -> None:
        state = state or PathState()
        self._peak = state.peak
        self._best = state.best.numpy() if state.best else None
        self._octave = state.octave.numpy() if state.octave else None

    @property
    def state(self) -> PathState:
        if self._best is None or self._octave is None:
            return PathState(self._peak)
        return PathState(self._peak, Array.of(self._best), Array.of(self._octave))

    def decide(self, hz: Floats, height: Floats, peak: Floats, count: int) -> Floats:
        """[count]: the frequency of the first frames, 0 where unvoiced, seen from the last that is given.

        hz, height: [frames, candidates]; peak: [frames]. The frames after `count` are to be given again.
        """
        fading = self._fading(peak)
        octave = np.zeros((len(hz), hz.shape[1] + 1))
        octave[:, 1:] = np.log2(np.where(hz > 0, hz, 1.0))
        score = np.full(octave.shape, VOICING)
        score[:, 0] += np.maximum(0, 2 - peak / fading * ((1 + VOICING) / SILENCE))
        score[:, 1:] = np.where(hz > 0, height - OCTAVE_COST * (np.log2(CEILING_HZ) - octave[:, 1:]), -1e9)
        best, back = self._forward(octave, score)
        at = int(best[-1].argmax())
        choice = np.zeros(len(hz), np.intp)
        for i in range(len(hz) - 1, -1, -1):
            choice[i] = at
            at = back[i][at]
        self._peak = float(fading[count - 1])
        self._best = best[count - 1] - best[count - 1].max()
        self._octave = octave[count - 1]
        rows = np.arange(count)
        return np.where(choice[:count] > 0, hz[rows, choice[:count] - 1], 0.0)

    def _fading(self, peak: Floats) -> Floats:
        """[frames]: the largest peak up to each frame, faded since."""
        gain = FADING ** -np.arange(1.0, len(peak) + 1)
        return np.maximum(np.maximum.accumulate(np.maximum(peak * gain, self._peak)) / gain, FAINTEST_PEAK)

    def _forward(self, octave: Floats, score: Floats) -> tuple[Floats, list[list[int]]]:
        """The best path to each choice of each frame, [frames, choices], and the choice that it came from."""
        size = octave.shape[1]
        before = octave if self._octave is None else np.vstack((self._octave, octave[:-1]))
        cost = np.full((len(octave), size, size), VOICING_COST)  # [frame, to, from]
        cost[:, 1:, 1:] = JUMP_COST * np.abs(octave[:, 1:, None] - before[:, None, 1:])
        cost[:, 0, 0] = 0
        best = np.empty_like(score)
        back: list[list[int]] = []
        rows = np.arange(size)
        now = np.zeros(size) if self._best is None else self._best
        if self._best is None:
            cost[0] = 0
        for i in range(len(score)):
            paths = now - cost[i]
            came = paths.argmax(1)
            best[i] = now = paths[rows, came] + score[i]
            back.append(came.tolist())
        return best, back
