"""Text without case, accents and invisible marks, and where each of its letters was.

text     Él’s  JOSE\u0301   5½
folded   el's  jose   51/2
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_DROPPED = frozenset({"Mn", "Me", "Cf"})
_ALIKE = str.maketrans("’‘ʼ´‐‑‒–—−⁄łøđı", "''''------/lodi")

# a character of a word, in scripts that part words by spaces; Chinese, Japanese, Korean, Thai ... are not
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
LETTER = rf"[^\W{UNSPACED}]"


def folded(text: str) -> tuple[str, Sequence[int]]:
    """The folded text; and for each of its characters, and for its end, the place in `text`."""
    if text.isascii():
        return text.lower(), range(len(text) + 1)
    found: list[str] = []
    places: list[int] = []
    for place, character in enumerate(text):
        plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", character).casefold())
        for one in plain.translate(_ALIKE):
            if unicodedata.category(one) not in _DROPPED:
                found.append(one)
                places.append(place)
    return "".join(found), [*places, len(text)]
