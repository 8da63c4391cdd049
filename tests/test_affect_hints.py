"""Hints by the table, low confidence by its limits, sentiment of English words."""

from __future__ import annotations

import pytest

from operators.affect.choice import affect_models
from operators.affect.confidence import low_confidence
from operators.affect.hint import affect_hint
from operators.affect.models import INTENTS, Dimensions, Scores
from operators.affect.sentiment import WordSentiment

QUESTION: Scores = {"question": 0.9, "status_update": 0.4}


@pytest.mark.parametrize(
    ("valence", "arousal", "hint"),
    [
        (0.4, 0.6, "agitated-negative"),
        (0.7, 0.2, "calm-positive"),
        (0.8, 0.4, "bright-question"),
        (0.3, 0.5, "low-question"),
        (0.5, 0.9, "neutral-question"),
        (0.625, 0.2, "neutral-question"),  # 0.25 on [-1, 1], and not above
        (1.2, 1.4, "bright-question"),  # beyond the range, which is stated as about
    ],
)
def test_hints_follow_the_table_in_the_range_of_the_model(valence: float, arousal: float, hint: str) -> None:
    assert affect_hint(dimensions=Dimensions(valence, arousal, None), intents=QUESTION) == hint
    wider = Dimensions(8 * valence - 4, 8 * arousal - 4, None)
    assert affect_hint(dimensions=wider, range=(-4, 4), intents=QUESTION) == hint


def test_hints_say_only_what_is_known() -> None:
    half = Dimensions(0.9, None, 0.5)
    assert affect_hint() is None
    assert affect_hint(dimensions=half) is None
    assert affect_hint(dimensions=Dimensions(0.5, 0.5, None)) == "neutral"
    assert (
        affect_hint(dimensions=Dimensions(0.5, 0.5, None), intents={"status_update": 0.6}) == "neutral-status"
    )
    assert affect_hint(intents={"small_talk": 0.5, "question": 0.1}) == "small-talk"
    assert affect_hint(intents={"small_talk": 0.49, "question": 0.1}) is None
    assert (
        affect_hint(dimensions=half, emotions={"sad": 0.8, "calm": 0.2}, low_confidence=False) == "sad-voice"
    )
    guess = {"emotions": {"sad": 0.5, "calm": 0.5}, "low_confidence": True}
    assert affect_hint(**guess) is None  # pyright: ignore[reportArgumentType]
    assert affect_hint(**guess, sentiment=-0.3, intents=QUESTION) == "negative-words-question"  # pyright: ignore
    assert affect_hint(sentiment=0.04) is None
    assert affect_hint(sentiment=0.05) == "positive-words"


def test_confidence_is_low_by_each_of_its_three_limits() -> None:
    assert not low_confidence({"a": 0.7, "b": 0.15, "c": 0.15})
    assert low_confidence({"a": 0.54, "b": 0.23, "c": 0.23})
    assert not low_confidence({"a": 0.595, "b": 0.405, **dict.fromkeys("cdefgh", 0.0)})
    assert low_confidence({"a": 0.58, "b": 0.42, **dict.fromkeys("cdefgh", 0.0)})
    spread = {"a": 0.56, "b": 0.22, "c": 0.22}
    assert low_confidence(spread)  # of the entropy of three: 0.901
    assert not low_confidence({**spread, **dict.fromkeys("defgh", 0.0)})
    assert low_confidence({"only": 1.0})


def test_sentiment_is_of_english_words() -> None:
    sentiment = WordSentiment()
    assert sentiment("I love this.") > 0.6 > 0 > -0.5 > sentiment("I hate this.")
    assert sentiment("It is on the table.") == 0
    assert [sentiment.knows(code) for code in ("en", "en-US", "EN", "de", None)] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_the_fifteen_intents_are_the_default() -> None:
    assert len(INTENTS) == len(set(INTENTS)) == 15
    assert affect_models().intents == INTENTS
