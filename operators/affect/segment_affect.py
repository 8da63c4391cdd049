"""The affect of several segments at once: each model is called once for all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from operators.affect.confidence import low_confidence
from operators.affect.hint import affect_hint
from operators.affect.models import AffectModels, Clip, Dimensions, Scores
from operators.speech.channels import channel_of
from stream_engine.events import Affect, Segment

DIGITS = 4  # of all figures; batches of another make-up change the sixth or seventh


class SegmentAffect:
    """Segments with text, to their affect; without memory, so it may run on several workers.

    Args:
        models: what is at hand.
        audio: the session's samples of an interval, [frames] or, where channels are apart,
            [frames, channels]: views of the store, which are passed on to the models as they are.
    """

    def __init__(self, *, models: AffectModels, audio: Callable[[int, int], NDArray[np.float32]]) -> None:
        self._models = models
        self._audio = audio
        dimensions = models.dimensions
        self._range = dimensions.range if dimensions else (0.0, 1.0)

    def __call__(self, segments: Sequence[Segment], language: str | None) -> list[Affect]:
        """`language`: of what was said, if it is known."""
        models = self._models
        texts = [segment.text for segment in segments]
        nothing = [None] * len(segments)
        clips = [self._clip(segment) for segment in segments] if models.dimensions or models.emotion else []
        sentiment = models.sentiment if models.sentiment and models.sentiment.knows(language) else None
        available = {
            "dimensions": models.dimensions is not None,
            "emotion": models.emotion is not None,
            "text_emotion": models.text_emotion is not None,
            "sentiment": sentiment is not None,
            "intent": models.intent is not None,
        }
        dimensions = models.dimensions(clips) if models.dimensions else nothing
        emotions = models.emotion(clips) if models.emotion else nothing
        text_emotions = models.text_emotion(texts) if models.text_emotion else nothing
        sentiments = [sentiment(text) for text in texts] if sentiment else nothing
        intents = models.intent(texts, models.intents) if models.intent else nothing
        return [
            self._affect(segment, available, *said)
            for segment, *said in zip(
                segments, dimensions, emotions, text_emotions, sentiments, intents, strict=True
            )
        ]

    def _affect(
        self,
        segment: Segment,
        available: dict[str, bool],
        dimensions: Dimensions | None,
        emotions: Scores | None,
        text_emotions: Scores | None,
        sentiment: float | None,
        intents: Scores | None,
    ) -> Affect:
        dimensions = Dimensions(*(_rounded(value) for value in dimensions or (None, None, None)))
        emotions, text_emotions, intents = (_scores(found) for found in (emotions, text_emotions, intents))
        low = low_confidence(emotions) if emotions else None
        return Affect(
            segment=segment.id,
            start=segment.start,
            end=segment.end,
            speaker=segment.speaker,
            valence=dimensions.valence,
            arousal=dimensions.arousal,
            dominance=dimensions.dominance,
            emotions=emotions,
            low_confidence=low,
            text_emotions=text_emotions,
            sentiment=sentiment,
            intents=intents,
            hint=affect_hint(
                dimensions=dimensions,
                range=self._range,
                emotions=emotions,
                low_confidence=low,
                sentiment=sentiment,
                intents=intents,
            ),
            available=available,
        )

    def _clip(self, segment: Segment) -> Clip:
        samples = self._audio(segment.start, segment.end)
        return samples if samples.ndim == 1 else samples[:, channel_of(segment.speaker)]


def _rounded(value: float | None) -> float | None:
    return round(value, DIGITS) if value is not None and math.isfinite(value) else None


def _scores(found: Mapping[str, float] | None) -> Scores | None:
    """Rounded; None if one of them is no number."""
    if found is None or not all(map(math.isfinite, found.values())):
        return None
    return {label: round(score, DIGITS) for label, score in found.items()}
