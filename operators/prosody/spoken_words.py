"""The words of a text as they are spoken: what is counted for words per minute."""

from __future__ import annotations

import re

# signs of vowels and accents, which are no letters to `re`
_MARKS = "\u0300-\u036f\u0610-\u061a\u064b-\u065f\u0900-\u0963\u0971-\u0dff\u0e31-\u0e4e"
_LETTERS = rf"(?:[^\W_]|[{_MARKS}])+"
WORD = rf"\d+(?:[.,:]\d+)+|{_LETTERS}(?:['’‑-]{_LETTERS})*"
_WORD = re.compile(WORD)
_OF_ONE_LETTER = frozenset("aio")
_WITHOUT_SPACES = frozenset({"zh", "yue", "ja", "th", "lo", "km", "my", "bo"})


def spoken_words(text: str, *, language: str | None) -> list[str]:
    """Lower-case words: letters and digits, with apostrophe or hyphen inside; `3.5` and `10:30` are one.

    In English a single letter other than a, i and o is none: what is left of a word broken off ("w-").
    """
    words = [word.group().lower().replace("’", "'") for word in _WORD.finditer(text)]
    if language == "en":
        return [word for word in words if len(word) > 1 or word in _OF_ONE_LETTER or word.isdigit()]
    return words


def has_words(text: str) -> bool:
    """Whether anything in it is spoken."""
    return _WORD.search(text) is not None


def written_apart(language: str | None) -> bool:
    """Whether the script puts spaces between words, so that they can be counted."""
    return language not in _WITHOUT_SPACES
