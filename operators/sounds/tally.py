"""What was heard on the whole: running means of scores, and counts of events kept apart from the events."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.sounds.tagger import Tagger
from stream_engine.clock import RATE, seconds
from stream_engine.events import SoundEvent
from stream_engine.state import Array

MEMORY = 30 * RATE  # samples: of the running noise score
TOP = 3


class SoundSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard, without a look at any event."""

    tagger: str
    mode: str
    timeline: bool  # whether events were looked for; `auto` may have found no reason to
    windows: int  # scored
    top: tuple[tuple[str, float], ...]  # labels and their mean scores, highest first; speech is among them
    noise_score: float | None  # of the last half minute; None: nothing was scored
    events: dict[str, int]  # per label
    seconds: dict[str, float]  # of these

    @property
    def dominant_label(self) -> str | None:
        return self.top[0][0] if self.top else None


class TallyState(msgspec.Struct):
    """Memory between two calls."""

    windows: int = 0  # scored
    noise: float = 0.0
    totals: Array | None = None  # [classes], of scores
    events: dict[str, int] = {}
    lengths: dict[str, int] = {}  # samples


class Tally:
    """Of one session and one tagger."""

    def __init__(self, *, tagger: Tagger, state: TallyState | None = None) -> None:
        self._tagger = tagger
        self._noise = np.array([label in tagger.noise for label in tagger.labels])
        self._state = msgspec.structs.replace(state) if state else TallyState()
        totals = self._state.totals
        self._totals = totals.numpy() if totals else np.zeros(len(tagger.labels))
        self.events, self._lengths = dict(self._state.events), dict(self._state.lengths)

    @property
    def state(self) -> TallyState:
        return msgspec.structs.replace(
            self._state, totals=Array.of(self._totals), events=dict(self.events), lengths=dict(self._lengths)
        )

    @property
    def windows(self) -> int:
        return self._state.windows

    @property
    def noise_score(self) -> float:
        """Sum of the scores of noise: the mean of all windows, later one that forgets in half a minute."""
        return self._state.noise

    def score(self, scores: NDArray[np.float64], *, step: int) -> None:
        """Windows [windows, classes] that begin `step` samples apart."""
        self._totals += scores.sum(0)
        for noise in scores[:, self._noise].sum(1).tolist():
            self._state.windows += 1
            remembered = min(self._state.windows, max(1, MEMORY // step))
            self._state.noise += (noise - self._state.noise) / remembered

    def count(self, events: list[SoundEvent]) -> list[SoundEvent]:
        for event in events:
            self.events[event.label] = self.events.get(event.label, 0) + 1
            self._lengths[event.label] = self._lengths.get(event.label, 0) + event.end - event.start
        return events

    def summary(self, *, mode: str, timeline: bool) -> SoundSummary:
        windows = self._state.windows
        means = self._totals / max(1, windows)
        best = np.argsort(-means, kind="stable")[:TOP].tolist() if windows else []
        return SoundSummary(
            tagger=self._tagger.name,
            mode=mode,
            timeline=timeline,
            windows=windows,
            top=tuple((self._tagger.labels[one], round(float(means[one]), 3)) for one in best),
            noise_score=round(self._state.noise, 3) if windows else None,
            events=dict(self.events),
            seconds={label: seconds(length) for label, length in self._lengths.items()},
        )
