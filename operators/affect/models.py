"""What affect is taken from: five kinds of models, behind protocols that back ends fulfil.

Clips are [frames], float32, 16 kHz mono, and are not changed. The answer to a clip or a text does not depend
on what else is in the batch, beyond the rounding of float32. All may be called from several threads at once.
`notes` is what the user is told of a model: its labels, its range, its licence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Clip = NDArray[np.float32]  # [frames]
Scores = dict[str, float]  # by label

INTENTS = (
    "question",
    "request",
    "instruction",
    "command",
    "complaint",
    "apology",
    "opinion",
    "agreement",
    "disagreement",
    "suggestion",
    "status_update",
    "small_talk",
    "gratitude",
    "greeting",
    "farewell",
)


class Dimensions(NamedTuple):
    """Where a voice lies, in the model's range; None: the model has no such output."""

    valence: float | None
    arousal: float | None
    dominance: float | None


class SpeechEmotion(Protocol):
    """Classes of the voice, one of which is right."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def __call__(self, clips: Sequence[Clip], /) -> list[Scores | None]:
        """Probabilities that add up to 1; None: too short to tell."""
        ...


class SpeechDimensions(Protocol):
    """Valence, arousal and dominance of the voice."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    @property
    def range(self) -> tuple[float, float]:
        """The lowest and the highest value, about; the middle is neither."""
        ...

    def __call__(self, clips: Sequence[Clip], /) -> list[Dimensions | None]:
        """None: too short to tell."""
        ...


class TextEmotion(Protocol):
    """Emotions of words; several may apply at once."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def __call__(self, texts: Sequence[str], /) -> list[Scores]:
        """Scores in [0, 1]; those of a multi-label model do not add up to 1."""
        ...


class Intent(Protocol):
    """What a text is meant to do, by labels that the caller chooses."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def __call__(self, texts: Sequence[str], labels: Sequence[str], /) -> list[Scores]:
        """For each text how surely each label applies, in [0, 1]; every label on its own."""
        ...


class Sentiment(Protocol):
    """How positive words are, of themselves: no mood of the voice."""

    @property
    def notes(self) -> tuple[str, ...]: ...

    def knows(self, language: str | None) -> bool: ...

    def __call__(self, text: str, /) -> float:
        """In [-1, 1]; 0: none of its words says anything, or they even out."""
        ...


@dataclass(frozen=True, kw_only=True)
class AffectModels:
    """What is at hand in a session; None: no such model."""

    dimensions: SpeechDimensions | None = None
    emotion: SpeechEmotion | None = None
    text_emotion: TextEmotion | None = None
    sentiment: Sentiment | None = None
    intent: Intent | None = None
    intents: tuple[str, ...] = INTENTS
    files: tuple[str, ...] = ()  # what tells the files of these models from others

    @property
    def notes(self) -> tuple[str, ...]:
        models = (self.dimensions, self.emotion, self.text_emotion, self.sentiment, self.intent)
        return tuple(note for model in models if model is not None for note in model.notes)
