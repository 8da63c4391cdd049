"""Texts without what is private: before they are logged, shown or given to anybody's callback.

words      call   Anna   Smith   on   555   1212        ┊ Anna Smith is on the list of names
redacted   call   [NAME·······]  on   [NUMBER··]
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from operators.timeline.private_text import PrivateText, Span, replaced
from stream_engine.events import Hypothesis, Rejected, Segment, Word
from stream_engine.operator import Operator

T = TypeVar("T")

NOT_REDACTED = (
    "redacted by patterns: numbers, e-mail and web addresses, dates, the names that were given; not found:"
    " other names; given ones that were heard or spelled differently, inflected, or split over segments;"
    " number words of languages other than English; Roman numerals; letters spelled out; relative dates"
    " (tomorrow, Monday); places; who somebody is by what is said of them. The audio, and the names of the"
    " source and the folder, are as they were."
)


class Redaction(Operator[T, T]):
    """Any items to the same, the texts of segments, hypotheses and rejections redacted, all else untouched.

    Words that say one private thing become one, with their time. Labels in which a given name stands get
    its place among the names instead. A hypothesis is shown as far as no word to come can make it private, so
    it lags a word or more, and keeps its promise: what it has committed stays, here too. In a language that
    is written without spaces, little of it is shown before it is final.

    Without memory; redacting twice changes nothing.

    Args:
        names: as in `names_in`; matched whatever their case and accents.

    Raises:
        ValueError: a name without a letter.
    """

    def __init__(self, *, names: Sequence[str] = ()) -> None:
        self._private = PrivateText(names=names)

    def feed(self, item: T, /) -> Iterator[T]:
        if self._private.names and isinstance(item, msgspec.Struct):
            item = _relabelled(item, self._private)
        match item:
            case Segment():
                yield _segment(item, self._private)
            case Hypothesis():
                yield _hypothesis(item, self._private)
            case Rejected():
                yield _rejected(item, self._private)
            case _:
                yield item

    def flush(self) -> Iterator[T]:
        return iter(())


def names_in(text: str) -> tuple[str, ...]:
    """The names in a file: one a line; empty lines and those that begin with # are left out."""
    lines = (" ".join(line.split()) for line in text.removeprefix("\ufeff").splitlines())
    return tuple(dict.fromkeys(line for line in lines if line and not line.startswith("#")))


def _segment(segment: Segment, private: PrivateText) -> Segment:
    words = segment.words and _words(segment.text, segment.words, private)
    return msgspec.structs.replace(segment, text=private.without(segment.text), words=words)


def _hypothesis(item: Hypothesis, private: PrivateText) -> Hypothesis:
    text = item.text if item.final else private.settled(item.text).rstrip()
    committed = private.settled(item.committed).rstrip()
    return msgspec.structs.replace(item, text=private.without(text), committed=private.without(committed))


def _rejected(item: Rejected, private: PrivateText) -> Rejected:
    """What was heard comes after the reason: `unsure (mean log probability -2.3): call Anna`."""
    reason, colon, heard = item.reason.partition(": ")
    return msgspec.structs.replace(item, reason=reason + colon + private.without(heard))


def _words(text: str, words: tuple[Word, ...], private: PrivateText) -> tuple[Word, ...]:
    """The words of `text` redacted as it is; by themselves, if they are not its words."""
    places = _places(text, words)
    if places is None:
        text = " ".join(word.text for word in words)
        places = _places(text, words)
        assert places is not None
    spans = private.spans(text)
    found: list[Word] = []
    first = 0
    for last, (_, end) in enumerate(places):
        if last + 1 < len(places) and any(one.start < end and one.end > places[last + 1][0] for one in spans):
            continue
        begin = places[first][0]
        inside = [
            Span(max(one.start, begin) - begin, min(one.end, end) - begin, one.kind)
            for one in spans
            if one.start < end and one.end > begin
        ]
        if inside:
            found.append(_one(words[first : last + 1], replaced(text[begin:end], inside)))
        else:
            found.extend(words[first : last + 1])
        first = last + 1
    return tuple(found)


def _places(text: str, words: Sequence[Word]) -> list[tuple[int, int]] | None:
    """Where each word stands in the text; None if they are not its words, in order."""
    places: list[tuple[int, int]] = []
    at = 0
    for word in words:
        place = text.find(word.text, at)
        if place < 0 or any(map(str.isalnum, text[at:place])):
            return None
        at = place + len(word.text)
        places.append((place, at))
    return None if any(map(str.isalnum, text[at:])) else places


def _one(words: Sequence[Word], text: str) -> Word:
    """Several words as one, as sure as the least sure of them."""
    known = [word.probability for word in words if word.probability is not None]
    turns: dict[str, int] = {}
    for word in words:
        for speaker, turn in zip(word.speakers, word.turns, strict=False):
            turns.setdefault(speaker, turn)
    speakers = tuple(dict.fromkeys(speaker for word in words for speaker in word.speakers))
    return Word(
        start=min(word.start for word in words),
        end=max(word.end for word in words),
        text=text,
        probability=min(known, default=None),
        speakers=speakers,
        turns=tuple(turns[speaker] for speaker in speakers if speaker in turns),
    )


_LABELS = frozenset({"speaker", "to", "interrupter", "interrupted"})


def _relabelled(record: T, private: PrivateText) -> T:
    """The record, and all in it, with labels that hold no given name."""
    assert isinstance(record, msgspec.Struct)
    changed: dict[str, object] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, str) and name in _LABELS:
            new: object = private.label(value)
        elif isinstance(value, tuple) and value:
            new = tuple(_member(name, one, private) for one in value)
        elif isinstance(value, msgspec.Struct):
            new = _relabelled(value, private)
        else:
            continue
        if new != value:
            changed[name] = new
    return msgspec.structs.replace(record, **changed) if changed else record


def _member(name: str, value: object, private: PrivateText) -> object:
    if isinstance(value, msgspec.Struct):
        return _relabelled(value, private)
    return private.label(value) if isinstance(value, str) and name == "speakers" else value
