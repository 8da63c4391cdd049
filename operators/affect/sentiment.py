"""Sentiment of the words alone, by VADER: a lexicon and five rules, English only, no model to fetch.

Hutto and Gilbert, VADER: a parsimonious rule-based model for sentiment analysis of social media text, ICWSM
2014; the package vaderSentiment (MIT). It says nothing of the voice: "great" is positive, however it is said.
"""

from __future__ import annotations

from stream_engine.errors import BackendError

DIGITS = 4


class WordSentiment:
    """VADER's compound score of a text, in [-1, 1].

    Raises:
        BackendError: its package is not installed.
    """

    notes: tuple[str, ...] = ("sentiment: VADER, of the words alone (English)",)

    def __init__(self) -> None:
        try:
            from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer
        except ImportError:
            raise BackendError("sentiment wants VADER; pip install vaderSentiment") from None
        self._analyser = SentimentIntensityAnalyzer()

    def knows(self, language: str | None) -> bool:
        """Whether it is English; a language that nobody has told is not known."""
        return language is not None and language.lower().split("-")[0] == "en"

    def __call__(self, text: str, /) -> float:
        return round(float(self._analyser.polarity_scores(text)["compound"]), DIGITS)
