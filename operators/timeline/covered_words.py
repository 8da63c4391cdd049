"""Who says each word: those whose turns cover its beginning; nobody where none does.

    words       ┊ so ┊ we ┊ yeah ┊ start ┊        ┊ hm ┊
    A           ├──────────────────────┤
    B                      ├───┤
    speakers      A    A    A, B    A               ()

Word ends run on to the next word, with people who transcribe as with machines, so of each word only the
first 0.3 s count. A word has the speaker who covers most of that, and all others who cover a quarter of it or
more; a word that nobody's turn touches has none: the nearest turn is not asked.

Measured on 18 480 true words of four AMI meetings, with turns jittered and dropped as our diarizer does
(`benches.attribution`): a quarter as the share that makes a second speaker costs words in overlap 2 points
of recall against any touch at all, and gains 2 of precision; a half costs 3 more and gains 2, the whole 11
and 5. 0.3 and 0.5 s for a word's beginning are alike; 0.1 s loses 3 points of recall. Among two who both
cover a word nothing tells them apart: first or last to begin, shorter turn, nearer start, speaker of the word
before, all are within 0.6 points.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate

import msgspec

from stream_engine.clock import MILLISECOND, samples
from stream_engine.events import Word

BEGINNING = samples(0.3)  # of a word; what follows may be a pause
SHARE = 0.25  # of it that makes a second speaker

Labelled = tuple[int, int, str, int]  # start, end, label and id of a turn


def with_speakers(
    words: tuple[Word, ...], turns: list[Labelled], *, first: str | None = None
) -> tuple[Word, ...]:
    """`words` with the speakers of the `turns` that cover them, most first.

    Of those who cover as much, `first` comes first, then who began first. Of each speaker's turns a word has
    the first that ends after it begins. A word looks only at the turns between the first that reaches it and
    the last that begins before it: O(log turns) for each, and what lies there.
    """
    turns = sorted(turns)
    begins = [turn[0] for turn in turns]
    reaches = list(accumulate((turn[1] for turn in turns), max))
    given: list[Word] = []
    for word in words:
        end = beginning(word)
        near = turns[bisect_right(reaches, word.start) : bisect_left(begins, end)]
        speakers, ids = _speakers(word.start, end, near, first)
        given.append(msgspec.structs.replace(word, speakers=speakers, turns=ids))
    return tuple(given)


def _speakers(
    start: int, end: int, turns: list[Labelled], first: str | None
) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Who of `turns`, in order, covers enough of `[start, end)`, most first, and a turn of each."""
    covered: dict[str, int] = {}
    reached: dict[str, int] = {}
    ids: dict[str, int] = {}
    for begin, over, name, id in turns:
        since = max(begin, reached.get(name, start))
        if over > since:
            covered[name] = covered.get(name, 0) + min(over, end) - since
            reached[name] = min(over, end)
            ids.setdefault(name, id)
    if len(covered) > 1:
        least = min(max(covered.values()), SHARE * (end - start))
        enough = [name for name, share in covered.items() if share >= least]
        enough.sort(key=lambda name: (-covered[name], name != first))  # stable: then who began first
        return tuple(enough), tuple(ids[name] for name in enough)
    return tuple(covered), tuple(ids.values())


def beginning(word: Word) -> int:
    """Where the part of a word that counts ends; a word without length counts as a millisecond."""
    return max(min(word.end, word.start + BEGINNING), word.start + MILLISECOND)
