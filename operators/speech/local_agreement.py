"""Which words of a text that is still being said will not change: those that two decodings in a row agree on.

LocalAgreement-2 (Liu et al. 2020; Macháček et al. 2023, "Turning Whisper into Real-Time Transcription
System"):

    decoded at 2 s   we came to the
    decoded at 3 s   We came to a large
                     └────────┘ committed; from now on every later text begins with it

Two words are the same if they are without case and punctuation. A later decoding may contradict what is
committed; then the words are aligned, and what it says after them is taken:

    committed        we came to the      harbour
    decoded          We came to a large  harbour and  stopped
    honoured         We came to the      harbour and  stopped
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

Pair = tuple[int | None, int | None]  # a committed word and a decoded one; None: the other has no counterpart
UNSAID, ADDED = 0.8, 0.4  # costs of a committed word without counterpart, and of a decoded one


def spelled(word: str) -> str:
    """A word without case and punctuation: what two words are compared by."""
    return re.sub(r"[^\w']|_|^'+|'+$", "", word.casefold().replace("’", "'").strip("\"'.,;:!?()[]-"))


def agreed(committed: Sequence[str], before: Sequence[str], now: Sequence[str]) -> list[str]:
    """The words that are committed after two texts in a row, both of which begin with `committed`."""
    count = len(committed)
    for one, other in zip(before[count:], now[count:], strict=False):
        if spelled(one) != spelled(other):
            break
        count += 1
    return [*committed, *now[len(committed) : count]]


def honoured(committed: Sequence[str], decoded: Sequence[str]) -> list[str]:
    """`decoded` with the words that are committed in the place of what it says there."""
    pairs = aligned(committed, decoded)
    return [*committed, *decoded[_used(pairs) :]]


def said_within(committed: Sequence[str], decoded: Sequence[str]) -> int:
    """How many of the committed words `decoded` has said, of audio that may end before they do."""
    return max((row + 1 for _, row in aligned(decoded, committed) if row is not None), default=0)


def aligned(committed: Sequence[str], decoded: Sequence[str]) -> list[Pair]:
    """The cheapest alignment of all committed words with the beginning of the decoded ones.

    How far that beginning reaches is part of the search; of two equally cheap ones it is the longer. Two
    words that differ cost the share of their letters that do.
    """
    kept, said = [spelled(word) for word in committed], [spelled(word) for word in decoded]
    cost = [[ADDED * column for column in range(len(said) + 1)]]
    for row, word in enumerate(kept, 1):
        line = [UNSAID * row]
        for column, other in enumerate(said, 1):
            both = cost[-1][column - 1] + _difference(word, other)
            line.append(min(both, cost[-1][column] + UNSAID, line[-1] + ADDED))
        cost.append(line)
    row, column = len(kept), min(range(len(said) + 1), key=lambda end: (round(cost[-1][end], 6), -end))
    pairs: list[Pair] = []
    while row or column:
        here = cost[row][column]
        if (
            row
            and column
            and _same(here, cost[row - 1][column - 1] + _difference(kept[row - 1], said[column - 1]))
        ):
            row, column = row - 1, column - 1
            pairs.append((row, column))
        elif row and _same(here, cost[row - 1][column] + UNSAID):
            row -= 1
            pairs.append((row, None))
        else:
            column -= 1
            pairs.append((None, column))
    return pairs[::-1]


def _used(pairs: Sequence[Pair]) -> int:
    """How many decoded words the committed ones stand for."""
    return max((column + 1 for _, column in pairs if column is not None), default=0)


def _difference(word: str, other: str) -> float:
    return 0.0 if word == other else 1.0 - SequenceMatcher(None, word, other, autojunk=False).ratio()


def _same(one: float, other: float) -> bool:
    return abs(one - other) < 1e-6
