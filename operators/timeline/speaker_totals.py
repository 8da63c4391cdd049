"""What is added up for each speaker: one set of sums that takes a segment in O(measures), and merges.

Old: values of each segment were kept in lists; a missing value was averaged as 0.0, an unvoiced segment as
0 Hz; dBFS were multiplied by 20 again (300 dB of range); columns named `avg_` were medians; the answers of
models were parsed from JSON for each segment. Here a missing value is left out, a mean is one, nothing is
parsed.
"""

from __future__ import annotations

import msgspec

from operators.timeline.quantiles import Distribution, distribution
from stream_engine.clock import RATE, samples
from stream_engine.events import Affect, Prosody

COUNTS = ("pauses", "fillers", "repetitions", "false_starts")  # of Prosody
MEDIANS = ("wpm", "f0_median_hz", "f0_iqr_hz", "loudness_dbfs", "loudness_range_db")  # of Prosody
VOICE = ("jitter_pct", "shimmer_db", "hnr_db", "cpps_db")  # medians, too; where the voice can be relied upon
MEANS = ("valence", "arousal", "dominance", "sentiment")  # of Affect
SHORTEST = samples(0.5)  # below it one word more or less is all there is to a rate


class Told(msgspec.Struct):
    """A segment and what is known of it."""

    start: int
    end: int
    words: int | None  # None: nobody can count them
    prosody: Prosody | None = None
    affect: Affect | None = None


class SpeakerTotals(msgspec.Struct):
    """Sums over the segments of one speaker. State: a fixed number of sums and sketches."""

    exact: bool = False
    segments: int = 0
    words: int = 0
    time: int = 0  # samples of the segments whose words could be counted
    paused: float = 0.0  # s of pauses
    heard: int = 0  # samples of the segments where they could be measured
    counts: dict[str, int] = {}  # of what could be counted at all
    medians: dict[str, Distribution] = {}
    sums: dict[str, tuple[int, float]] = {}  # count and sum
    emotions: dict[str, int] = {}  # segments in which it is the first
    text_emotions: dict[str, float] = {}  # sums
    texts: int = 0  # segments with text emotions

    def add(self, told: Told) -> None:
        length = told.end - told.start
        self.segments += 1
        if told.words is not None:
            self.words += told.words
            self.time += length
        if told.prosody is not None:
            self._add_prosody(told.prosody, length)
        elif told.words and length >= SHORTEST:
            self._value("wpm", told.words * 60 * RATE / length)
        if told.affect is not None:
            self._add_affect(told.affect)

    def _add_prosody(self, prosody: Prosody, length: int) -> None:
        for name in COUNTS:
            if (count := getattr(prosody, name)) is not None:
                self.counts[name] = self.counts.get(name, 0) + count
        if prosody.pause_s is not None:
            self.paused += prosody.pause_s
            self.heard += length
        for name in MEDIANS:
            self._value(name, getattr(prosody, name))
        if prosody.voice_reliable is not False:
            for name in VOICE:
                self._value(name, getattr(prosody, name))

    def _add_affect(self, affect: Affect) -> None:
        for name in MEANS:
            if (value := getattr(affect, name)) is not None:
                count, total = self.sums.get(name, (0, 0.0))
                self.sums[name] = (count + 1, total + value)
        if affect.emotions:
            first = min(affect.emotions, key=lambda emotion: (-affect.emotions[emotion], emotion))  # type: ignore[index]
            self.emotions[first] = self.emotions.get(first, 0) + 1
        if affect.text_emotions:
            self.texts += 1
            for emotion, score in affect.text_emotions.items():
                self.text_emotions[emotion] = self.text_emotions.get(emotion, 0.0) + score

    def _value(self, name: str, value: float | None) -> None:
        if value is not None:
            if name not in self.medians:
                self.medians[name] = distribution(exact=self.exact)
            self.medians[name].add(value)

    def merge(self, other: SpeakerTotals) -> None:
        """Adds all segments of `other`."""
        for name in ("segments", "words", "time", "paused", "heard", "texts"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name, count in other.counts.items():
            self.counts[name] = self.counts.get(name, 0) + count
        for name, values in other.medians.items():
            self.medians.setdefault(name, distribution(exact=self.exact)).merge(values)
        for name, (count, total) in other.sums.items():
            own = self.sums.get(name, (0, 0.0))
            self.sums[name] = (own[0] + count, own[1] + total)
        for emotion, votes in other.emotions.items():
            self.emotions[emotion] = self.emotions.get(emotion, 0) + votes
        for emotion, score in other.text_emotions.items():
            self.text_emotions[emotion] = self.text_emotions.get(emotion, 0.0) + score

    @property
    def emotion(self) -> str | None:
        """The first in most segments; of equals, by name."""
        return min(self.emotions, key=lambda emotion: (-self.emotions[emotion], emotion), default=None)

    def median(self, name: str) -> float | None:
        return self.medians[name].median if name in self.medians else None

    def mean(self, name: str) -> float | None:
        count, total = self.sums.get(name, (0, 0.0))
        return total / count if count else None
