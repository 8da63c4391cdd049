"""How much what is said next is about the same: words that neighbouring segments share.

Mean Jaccard index of the content words of adjacent segments. Old: punctuation belonged to words ("tea," was
not "tea"), each text was split twice, and a talk without two segments was said to be wholly coherent (1.0).
"""

from __future__ import annotations

import re

import msgspec

_EDGES = re.compile(r"^\W+|\W+$")
SHORT = 3  # letters: words up to that length hold little content


def content_words(text: str) -> set[str]:
    """Words of more than three letters, in lower case, without punctuation around them.

    What is written without spaces between words is one word, so for such languages the measure is low.
    """
    words = (_EDGES.sub("", word) for word in text.casefold().split())
    return {word for word in words if len(word) > SHORT}


class Coherence(msgspec.Struct):
    """Texts in order of time; each is split once. Pairs of which one has no content word are left out."""

    last: set[str] = set()
    pairs: int = 0
    total: float = 0.0

    def add(self, text: str) -> None:
        words = content_words(text)
        if words and self.last:
            shared = len(words & self.last)
            self.pairs += 1
            self.total += shared / (len(words) + len(self.last) - shared)
        self.last = words

    @property
    def mean(self) -> float | None:
        return self.total / self.pairs if self.pairs else None
