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

import msgspec
import numpy as np

from operators.timeline.alignment import covered
from stream_engine.clock import MILLISECOND, samples
from stream_engine.events import Word

BEGINNING = samples(0.3)  # of a word; what follows may be a pause
SHARE = 0.25  # of it that makes a second speaker


def with_speakers(
    words: tuple[Word, ...], turns: list[tuple[int, int, str]], *, first: str | None = None
) -> tuple[Word, ...]:
    """`words` with the speakers of the `turns` (start, end, label) that cover them, most first.

    Of those who cover as much, `first` comes first, then who began first.
    """
    start = np.array([word.start for word in words], np.int64)
    end = np.array([beginning(word) for word in words], np.int64)
    names = list(dict.fromkeys(label for _, _, label in sorted(turns)))
    names.sort(key=lambda name: name != first)
    shares = np.zeros((len(names), len(words)))
    for row, name in enumerate(names):
        own = np.array([(s, e) for s, e, label in turns if label == name], np.int64)
        shares[row] = covered(start, end, own[:, 0], own[:, 1]) / (end - start)
    given: list[Word] = []
    for word, share in zip(words, shares.T, strict=True):
        order = np.argsort(-share, kind="stable").tolist()
        most = share[order[0]] if order else 0.0
        speakers = tuple(names[row] for row in order if share[row] > 0 and share[row] >= min(most, SHARE))
        given.append(msgspec.structs.replace(word, speakers=speakers))
    return tuple(given)


def beginning(word: Word) -> int:
    """Where the part of a word that counts ends; a word without length counts as a millisecond."""
    return max(min(word.end, word.start + BEGINNING), word.start + MILLISECOND)
