"""How much what is said next is about the same: words that neighbouring segments share.

Mean Jaccard index of the content words of adjacent segments. Old: punctuation belonged to words ("tea," was
not "tea"), each text was split twice, and a talk without two segments was said to be wholly coherent (1.0).
Where a script has no spaces between words, a clause is one word, and the measure says little.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

SHORT = 3  # letters: words up to that length hold little content


class Coherence(msgspec.Struct):
    """Texts in order of time; each is split once. Pairs of which one has no content word are left out."""

    last: set[str] = set()
    pairs: int = 0
    total: float = 0.0

    def add(self, said: Iterable[str]) -> None:
        """`said`: the words of a text, in lower case, without punctuation."""
        words = {word for word in said if len(word) > SHORT}
        if words and self.last:
            shared = len(words & self.last)
            self.pairs += 1
            self.total += shared / (len(words) + len(self.last) - shared)
        self.last = words

    @property
    def mean(self) -> float | None:
        return self.total / self.pairs if self.pairs else None
