"""One word or two about a segment, out of what is available only.

    valence and arousal    arousal > 0.55, valence < 0       agitated-negative
    (of the voice)         arousal < 0.30, valence > 0.25    calm-positive
                           valence > 0.50                    bright-INTENT
                           valence < -0.35                   low-INTENT
                           else                              neutral-INTENT
    else emotion           not of low confidence             EMOTION-voice-INTENT
    else sentiment         >= 0.05                           positive-words-INTENT
    (of the words)         <= -0.05                          negative-words-INTENT
    else                                                     INTENT, or nothing

Valence is put on [-1, 1] and arousal on [0, 1] by the model's own range: only so can all five rules be met,
and is "calm" below the middle. (The analyser before compared raw outputs, in the wrong order.) An intent is
named if its score is 0.5 or more, that is if the text rather implies it than contradicts it; else it is left
out. Without valence nothing is said to be neutral. 0.05 is the limit that VADER's authors give.
"""

from __future__ import annotations

from operators.affect.models import Dimensions, Scores

POSITIVE = 0.05  # compound score from which VADER's authors call a text positive
IMPLIED = 0.5
WRITTEN = {"status_update": "status"}


def affect_hint(
    *,
    dimensions: Dimensions | None = None,
    range: tuple[float, float] = (0.0, 1.0),
    emotions: Scores | None = None,
    low_confidence: bool | None = None,
    sentiment: float | None = None,
    intents: Scores | None = None,
) -> str | None:
    """The hint; None where nothing can be said."""
    intent = _intent(intents)
    if dimensions and dimensions.valence is not None and dimensions.arousal is not None:
        valence = 2 * _share(dimensions.valence, range) - 1
        mood = _mood(valence, _share(dimensions.arousal, range))
        return mood if mood in ("agitated-negative", "calm-positive") else _joined(mood, intent)
    if emotions and not low_confidence:
        return _joined(f"{max(emotions, key=emotions.__getitem__)}-voice", intent)
    if sentiment is not None and abs(sentiment) >= POSITIVE:
        return _joined("positive-words" if sentiment > 0 else "negative-words", intent)
    return intent


def _mood(valence: float, arousal: float) -> str:
    if arousal > 0.55 and valence < 0:
        return "agitated-negative"
    if arousal < 0.30 and valence > 0.25:
        return "calm-positive"
    if valence > 0.50:
        return "bright"
    return "low" if valence < -0.35 else "neutral"


def _share(value: float, range: tuple[float, float]) -> float:
    """Where in its range a value lies, in [0, 1]."""
    low, high = range
    return min(max((value - low) / (high - low), 0.0), 1.0)


def _intent(intents: Scores | None) -> str | None:
    if not intents:
        return None
    top = max(intents, key=intents.__getitem__)
    return WRITTEN.get(top, top).replace("_", "-") if intents[top] >= IMPLIED else None


def _joined(mood: str, intent: str | None) -> str:
    return f"{mood}-{intent}" if intent else mood
