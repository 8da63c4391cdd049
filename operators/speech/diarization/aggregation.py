"""From the local speakers of overlapping windows to tracks, and from votes to runs of activity.

A track is a local speaker followed from window to window. Each window votes for the frames that it sees;
a vote weighs twice as much for every second of future that the window had heard after the frame, since
a model that has not heard the next voice yet takes two voices for one:

    window k-1   ...............aaaaaaaaaaaaaa|            votes outweighed by those of
    window k     ......bbbb.....aaaaaaacccccccccc|         later windows
                         settled |      open      |
                              `settled` moves on when a run is over and `latency` old

A run that is still going on is not settled: its last three seconds can change until it ends. So a beginning
profits from what follows, and yet the run is final `latency` after its end.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.speech.diarization.assignment import pairs
from operators.speech.diarization.models import Activity
from stream_engine.state import Array

Votes = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Run(msgspec.Struct, frozen=True):
    """Frames `[start, end)` in which a track is active; `alone`: those without another track."""

    track: int
    start: int
    end: int
    alone: tuple[tuple[int, int], ...]


class AggregationState(msgspec.Struct):
    """Rows are frames from `first` on, columns the tracks alive."""

    first: int
    settled: int
    seen: int  # frames that some window has seen
    next_track: int
    tracks: list[int]
    votes: Array  # [frames, tracks], float64
    weights: Array  # [frames], float64
    fixed: Array  # [frames, tracks], int8: 1 in a final turn, 2 in an open one, -1 silent for good, 0 free


class Aggregation:
    """Runs of activity, each of them given once as ended; O(window + longest run) memory."""

    def __init__(self, *, frames: int, frame_seconds: float, state: AggregationState | None = None) -> None:
        future = (frames - np.arange(frames)) * frame_seconds
        self._weight: Votes = np.exp2(future / DOUBLING_SECONDS)
        self._frames = frames
        self._revised = round(REVISED_SECONDS / frame_seconds)
        self._first = state.first if state else 0
        self.seen = state.seen if state else 0
        self._next = state.next_track if state else 0
        self._tracks = list(state.tracks) if state else []
        self._votes: Votes = state.votes.numpy() if state else np.zeros((0, 0))
        self._weights: Votes = state.weights.numpy() if state else np.zeros(0)
        self._fixed = state.fixed.numpy() if state else np.zeros((0, 0), np.int8)
        self.settled = state.settled if state else 0

    @property
    def state(self) -> AggregationState:
        return AggregationState(
            self._first,
            self.settled,
            self.seen,
            self._next,
            list(self._tracks),
            Array.of(self._votes),
            Array.of(self._weights),
            Array.of(self._fixed),
        )

    def observe(self, start: int, activity: Activity) -> None:
        """A window's activity ([frames, local speakers]) from frame `start` on (before 0: padding)."""
        if start < 0:
            activity, weight, start = activity[-start:], self._weight[-start:], 0
        else:
            weight = self._weight
        self._grow(start + len(activity))
        rows = slice(start - self._first, start - self._first + len(activity))
        local = activity.astype(np.float64)
        for speaker, column in self._match(local, rows):
            self._votes[rows, column] += local[:, speaker] * weight
        self._weights[rows] += weight

    def decide(self, frontier: int) -> tuple[list[Run], list[Run]]:
        """Runs that ended before `frontier`, final now; and those that still go on there, as they look."""
        ended: list[Run] = []
        going: list[Run] = []
        active = self._active()
        self._hold(active, frontier - self._revised)
        for column, track in enumerate(self._tracks):
            for start, end in _runs(active[:, column] & (self._fixed[:, column] % 2 == 0)):
                if start + self._first < frontier:
                    run = self._run(track, start, end, active)
                    (ended if run.end < frontier else going).append(run)
        for run in ended:
            self.fix(run, run.end)
        ended.sort(key=lambda run: (run.start, run.end, run.track))
        self.settled = max(self.settled, min([frontier, *(run.start for run in going)]))
        self._forget()
        return ended, going

    def _hold(self, active: Flags, before: int) -> None:
        """What was decided so long ago stays as it is, in open runs too."""
        rows = max(before - self._first, 0)
        free = self._fixed[:rows] == 0
        self._fixed[:rows][free] = np.where(active[:rows], 2, -1)[free]

    def fix(self, run: Run, end: int) -> None:
        """Frames of a run before `end` are final."""
        column = self._tracks.index(run.track)
        start = run.start - self._first
        self._fixed[start : end - self._first, column] = 1
        before = self._fixed[:start, column]
        before[before == 0] = -1

    def _active(self) -> Flags:
        """Shape: [frames, tracks]: as many tracks as the windows heard voices, the most voted first."""
        mean = self._votes / np.maximum(self._weights, 1e-9)[:, None]
        mean = np.where(self._fixed == 0, mean, self._fixed > 0)
        mean[: max(self.settled - self._first, 0)] *= self._fixed[: max(self.settled - self._first, 0)] > 0
        voices = np.floor(mean.sum(axis=1) + 0.5)
        rank = np.argsort(np.argsort(-(mean + (self._fixed > 0)), axis=1, kind="stable"), axis=1)
        return (rank < voices[:, None]) & (mean > 0)

    def _run(self, track: int, start: int, end: int, active: Flags) -> Run:
        alone = active[start:end].sum(axis=1) == 1
        base = start + self._first
        return Run(track, base, end + self._first, tuple((base + a, base + b) for a, b in _runs(alone)))

    def _match(self, local: Votes, rows: slice) -> list[tuple[int, int]]:
        """Local speakers to columns, so that the most activity is shared; a new column where none is."""
        known = self._votes[rows] / np.maximum(self._weights[rows], 1e-9)[:, None]
        shared = local.T @ known  # [local, tracks], in frames
        matched = {speaker: column for speaker, column in pairs(shared) if shared[speaker, column] >= _SHARED}
        for speaker in np.flatnonzero((local >= _ACTIVE).any(axis=0)).tolist():
            if speaker not in matched:
                matched[speaker] = self._new_track()
        return sorted(matched.items())

    def _new_track(self) -> int:
        rows = len(self._weights)
        self._votes = np.hstack([self._votes, np.zeros((rows, 1))])
        self._fixed = np.hstack([self._fixed, np.zeros((rows, 1), np.int8)])
        self._tracks.append(self._next)
        self._next += 1
        return len(self._tracks) - 1

    def _grow(self, seen: int) -> None:
        new = seen - self.seen
        self._votes = np.vstack([self._votes, np.zeros((new, len(self._tracks)))])
        self._fixed = np.vstack([self._fixed, np.zeros((new, len(self._tracks)), np.int8)])
        self._weights = np.concatenate([self._weights, np.zeros(new)])
        self.seen = seen

    def _forget(self) -> None:
        """Frames that are settled and that no later window sees; tracks that are left without votes."""
        rows = min(self.settled, self.seen - self._frames) - self._first
        if rows > 0:
            self._votes, self._fixed = self._votes[rows:], self._fixed[rows:]
            self._weights = self._weights[rows:]
            self._first += rows
        alive = np.flatnonzero((self._votes > 0).any(axis=0) | (self._fixed > 0).any(axis=0))
        if len(alive) < len(self._tracks):
            self._votes, self._fixed = self._votes[:, alive], self._fixed[:, alive]
            self._tracks = [self._tracks[column] for column in alive.tolist()]


REVISED_SECONDS = 2.5  # before the frontier, an open run is held as it is
DOUBLING_SECONDS = 1.0  # of future that double a vote
_ACTIVE = 0.5  # a local speaker who is never as likely as this is nobody new
_SHARED = 3.0  # frames that a local speaker must share with a track to be it


def _runs(flags: Flags) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
