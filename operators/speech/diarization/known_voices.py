"""Names for speakers whose voices are known, given when the evidence suffices, taken back when it does not.

Inside, speakers are numbers that never change; a name is only a label on one of them. After each final turn
the known voices are matched with the speakers heard so far, one to one and all at once, by how far their
cosine is above the middle between strangers and one speaker (`clustering.margin`, which asks for less where
there is little speech, as a true match gives less there). So two speakers never have one name, and who is
like nobody keeps the number. A speaker who has a name keeps it against small changes of the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from operators.speech.diarization.assignment import pairs
from operators.speech.diarization.clustering import Floats, margin
from operators.speech.diarization.grouping import cosines
from stream_engine.state import Array

# Measured on 19 voices of 9 clips, 3 to 30 s of each: the margin of one person in two recordings is 0.33 to
# 0.38 in the middle, 0.12 at the 5th of 100; of two people in two recordings at most 0.02 at the 99th, and
# 0.14 once in 3 080 pairs; of the most alike two on one telephone line 0.06, with 3 s only up to 0.18.
ENOUGH_SECONDS = 2.5  # of a speaker's clean speech, before which nobody is named
NEAR = 0.12  # above the middle: named; a wrong name is worse than none
KEPT = 0.06  # what having the name already is worth


class KnownVoice(msgspec.Struct, frozen=True):
    """A person's voice, out of a recording (see `enrolment`)."""

    name: str
    vector: Array  # [dimension], float64, unit length
    seconds: float  # of speech behind the vector


class SpeakerVoice(msgspec.Struct, frozen=True):
    """What a speaker of a session sounds like."""

    vector: Array  # [dimension], float32, unit length or zero
    seconds: float  # of clean speech behind the vector


class Names:
    """The labels of a session's speakers; `given` (number -> name) is all that it remembers."""

    def __init__(self, *, known: Sequence[KnownVoice] = (), given: dict[int, str] | None = None) -> None:
        names = [voice.name for voice in known]
        wrong = sorted({name for name in names if names.count(name) > 1 or name.startswith(_NUMBERED)})
        if wrong or not all(names):
            raise ValueError(f"known voices have names of their own, none like {_NUMBERED}00, got {wrong}")
        self._known = list(known)
        self.given = dict(given or {})

    def __bool__(self) -> bool:
        return len(self._known) > 0

    def label(self, speaker: int) -> str:
        return self.given.get(speaker, f"{_NUMBERED}{speaker:02d}")

    def update(self, speakers: list[int], sums: Floats, seconds: Floats) -> list[tuple[str, str]]:
        """Matches anew; gives the changes as old and new label, names that are taken back first.

        Args:
            speakers: those heard so far.
            sums: [speakers, dimension], the direction of each one's voice.
            seconds: [speakers], of clean speech behind them.
        """
        if not speakers:
            return []
        found = self._matched(speakers, sums, seconds)
        before, self.given = self.given, found
        lost = [speaker for speaker in sorted(before) if before[speaker] != found.get(speaker)]
        gained = [speaker for speaker in sorted(found) if before.get(speaker) != found[speaker]]
        number = Names(given={}).label
        return [(before[s], number(s)) for s in lost if s in speakers] + [
            (number(s), found[s]) for s in gained
        ]

    def _matched(self, speakers: list[int], sums: Floats, seconds: Floats) -> dict[int, str]:
        scores = np.empty((len(self._known), len(speakers)))
        for row, voice in enumerate(self._known):
            near = margin(cosines(sums, voice.vector.numpy()), seconds, np.float64(voice.seconds))
            kept = np.array([self.given.get(speaker) == voice.name for speaker in speakers])
            scores[row] = np.where(seconds >= ENOUGH_SECONDS, near - NEAR + KEPT * kept, -1.0)
        return {
            speakers[column]: self._known[row].name
            for row, column in pairs(np.maximum(scores, 0.0))
            if scores[row, column] > 0
        }


_NUMBERED = "SPEAKER_"
