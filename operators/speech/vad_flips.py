"""How restless voice activity is: changes between speech and silence, counted from its frames.

Counted one by one where the frames are: nothing goes over turns again, and turns, which have least lengths,
do not hide it. More than 60 changes in a minute are not how people talk: noise around the threshold, a
damaged recording, music. The rate is over the time heard, in parts of a minute: 90 s are 1.5 minutes.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stream_engine.clock import RATE

THRESHOLD = 0.5  # a frame is speech from this probability on, as Silero's authors have it
UNSTABLE = 60.0  # changes in a minute


class VadFlips(msgspec.Struct):
    """The count so far; it is its own state."""

    flips: int = 0
    samples: int = 0
    speech: bool | None = None  # of the last frame

    def add(self, probabilities: Iterable[float], hop: int) -> None:
        """Counts frames of `hop` samples that follow those before."""
        for probability in probabilities:
            speech = probability >= THRESHOLD
            self.flips += self.speech is not None and speech is not self.speech
            self.speech = speech
            self.samples += hop

    @property
    def per_minute(self) -> float:
        """0 before anything was heard: no frame, no change."""
        return self.flips * 60.0 * RATE / self.samples if self.samples else 0.0

    @property
    def vad_unstable(self) -> bool:
        return self.per_minute > UNSTABLE
