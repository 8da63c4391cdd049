"""The words of a segment as they are shown, each with its time: by the recogniser, else by its length."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import accumulate
from typing import NamedTuple

from sinks.inert_text import plain
from stream_engine.clock import MILLISECOND
from stream_engine.events import Segment, Word


class TimedWord(NamedTuple):
    """A word, or a part of one that is longer than a line."""

    text: str
    start: int
    end: int
    glued: bool = False  # no space before it
    width: int = 0  # columns


def timed_words(segment: Segment, longest: int) -> tuple[list[TimedWord], bool]:
    """All that the segment's text shows, in order, in pieces of at most `longest` columns (two for CJK).

    The second value tells whether the times are the recogniser's. They never fall, and lie inside the
    segment. Where the recogniser has none, or none of these words, the segment's time is shared out among
    its words by their length.
    """
    text = plain(segment.text)
    found = _by_recogniser(text, segment) if segment.words else None
    words = _by_length(text.split(), segment.start, segment.end) if found is None else found
    if not all(word.width <= longest for word in words):
        words = [piece for word in words for piece in _pieces(word, longest)]
    return words, found is not None


def columns(text: str) -> int:
    """How wide `text` is: a letter 1, a Chinese character 2, a mark on a letter 0."""
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _by_recogniser(text: str, segment: Segment) -> list[TimedWord] | None:
    """The text cut where words begin; None where the words are not those of the text."""
    words = segment.words or ()
    tokens = text.split()
    if tokens == [word.text for word in words]:
        parts = [(token, False) for token in tokens]
    else:
        words = [word for word in words if plain(word.text)]
        parts = _cut(text, words)
    found: list[TimedWord] = []
    before, last = segment.start, segment.end
    for (part, glued), word in zip(parts, words, strict=True) if parts else ():
        if word.start > before:
            before = min(word.start, last)
        end = word.end if before <= word.end <= last else max(before, min(word.end, last))
        found.append(TimedWord(part, before, end, glued, columns(part)))
    return found or None


def _cut(text: str, words: list[Word]) -> list[tuple[str, bool]]:
    """The text cut where words begin, and whether there is no space; nothing, if they are not its words."""
    places: list[int] = []
    at = 0
    for word in words:
        said = plain(word.text)
        place = text.find(said, at)
        if place < 0 or any(map(str.isalnum, text[at:place])):
            return []
        places.append(place if places else 0)
        at = place + len(said)
    if any(map(str.isalnum, text[at:])):
        return []
    ends = [*places[1:], len(text)]
    return [
        (text[place:end].rstrip(), place > 0 and text[place - 1] != " ")
        for place, end in zip(places, ends, strict=False)
    ]


def _by_length(parts: list[str], start: int, end: int, *, glued: bool = False) -> list[TimedWord]:
    if not parts:
        return []
    lengths = list(accumulate((len(part) + 1 for part in parts), initial=0))
    times = [start + _whole((end - start) * length // lengths[-1]) for length in lengths]
    return [
        TimedWord(part, times[place], times[place + 1], glued and place > 0, columns(part))
        for place, part in enumerate(parts)
    ]


def _whole(samples: int) -> int:
    return samples // MILLISECOND * MILLISECOND


def _pieces(word: TimedWord, longest: int) -> Iterator[TimedWord]:
    """The word, in pieces where it is wider than a line; a letter keeps its marks, an emoji its parts."""
    if word.width <= longest:
        yield word
        return
    parts, width = [""], 0
    for character in word.text:
        joined = _width(character) == 0 or parts[-1].endswith("\u200d") or "🏻" <= character <= "🏿"
        if not joined and width + _width(character) > longest:
            parts.append("")
            width = 0
        parts[-1] += character
        width += _width(character)
    first, *others = _by_length(parts, word.start, word.end, glued=True)
    yield first._replace(glued=word.glued)
    yield from others
