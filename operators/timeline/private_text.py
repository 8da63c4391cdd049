"""Where a text says something private, and the text without it.

call Anna Smith on five five oh one  ──►  call [NAME] on [NUMBER]
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from operators.timeline.folded_text import LETTER, folded
from operators.timeline.private_patterns import (
    BESIDE_NUMBERS,
    DATE,
    EMAIL,
    JOINING,
    MONTHS,
    MONTHS_BESIDE_NUMBERS,
    NUMBER,
    NUMBER_WORDS,
    ORDINALS,
    PARTS_OF_ADDRESSES,
    URL,
)

KINDS = ("NUMBER", "EMAIL", "URL", "DATE", "NAME")
_KEPT = rf"\[(?:{'|'.join(KINDS).lower()})\]"
_OF_NUMBERS = frozenset(
    " ".join(
        (NUMBER_WORDS, BESIDE_NUMBERS, ORDINALS, JOINING, MONTHS, MONTHS_BESIDE_NUMBERS, "the of de del")
    ).split()
)
_OF_ADDRESSES = frozenset(["", "at", *PARTS_OF_ADDRESSES.split()])
_LETTER = re.compile(LETTER)
_WORD = re.compile(f"{LETTER}+")
_NUMBERS = re.compile(f"(?P<DATE>{DATE})|(?P<NUMBER>{NUMBER})")
_OUTSIDE = re.compile(rf"^(?:(?!{LETTER}).)+|(?:(?!{LETTER}).)+$", re.DOTALL)


class Span(NamedTuple):
    """A private part of a text."""

    start: int
    end: int
    kind: str

    @property
    def shown(self) -> str:
        return f"[{self.kind}]"


class PrivateText:
    """Finds what `private_patterns` says, and the given `names`, whatever their case and accents.

    A name stands as a whole, its parts joined by a space or a hyphen, with or without its apostrophe; a
    genitive or plural s belongs to it, 's does not. Without memory.

    Raises:
        ValueError: a name without a letter.
    """

    def __init__(self, *, names: Sequence[str] = ()) -> None:
        parts = [_pieces(folded(name)[0]) for name in names]
        for name, pieces in zip(names, parts, strict=True):
            if not re.search(r"[^\W\d_]", "".join(pieces)):
                raise ValueError(f"names: {name!r} has no letter")
        self.names = tuple(names)
        self._beginnings = [[_key(piece) for piece in pieces] for pieces in parts if len(pieces) > 1]
        self._numbers = {"".join(map(_key, pieces)): place for place, pieces in enumerate(parts, start=1)}
        self._names = re.compile(_names(parts) or "(?!)")
        self._first = re.compile(f"{_KEPT}|(?P<EMAIL>{EMAIL})|(?P<URL>{URL})|(?P<NAME>{self._names.pattern})")

    def spans(self, text: str) -> list[Span]:
        """What is private in `text`, in order; what was redacted before is not."""
        plain, places = folded(text)
        found: list[re.Match[str]] = []

        def hidden(one: re.Match[str]) -> str:
            found.append(one)
            return "]" * len(one.group())

        before = -1
        while before != len(found):  # what is hidden may uncover the beginning of an address beside it
            before = len(found)
            plain = self._first.sub(hidden, plain)  # from numbers too: "five June Carter" is no date
            plain = _NUMBERS.sub(hidden, plain)
        return [
            Span(places[one.start()], max(places[one.end()], places[one.end() - 1] + 1), one.lastgroup)
            for one in sorted(found, key=re.Match.start)
            if one.lastgroup
        ]

    def without(self, text: str) -> str:
        """`text` with each private part replaced by its kind."""
        return replaced(text, self.spans(text))

    def settled(self, text: str) -> str:
        """The beginning of `text` that means the same whatever words follow.

        Left out are its last word, as the possible beginning of an address, and numbers, months, parts of
        addresses and the beginning of a name before it. So `without(settled(text))` is the beginning of
        that of all texts that begin with `text`.
        """
        words = list(re.finditer(r"\S+", text))
        keys = [_key(folded(word.group())[0]) for word in words]
        cut = len(keys)
        while cut and keys[cut - 1] in _OF_ADDRESSES:
            cut -= 1
        cut = min([max(cut - 1, 0), *self._names_begun(keys)])
        spans, before = self.spans(text) if words else [], -1
        while cut != before:
            before = cut
            while cut and _bound(keys[cut - 1], keys[cut]):
                cut -= 1
            for one in spans:
                while one.start < words[cut].start() < one.end:
                    cut -= 1
        return text[: words[cut].start()] if words else ""

    def label(self, speaker: str) -> str:
        """A speaker's label, in which a name is replaced by its place among the names."""
        plain, places = folded(speaker)
        shown, at = "", 0
        for name in self._names.finditer(plain):
            key = "".join(map(_key, _pieces(name.group())))
            number = next(self._numbers[one] for one in (key, key[:-1], key[:-2]) if one in self._numbers)
            shown += speaker[at : places[name.start()]] + f"PERSON_{number:02d}"
            at = places[name.end()]
        return shown + speaker[at:]

    def _names_begun(self, keys: list[str]) -> list[int]:
        """Where the ends of the text are the beginnings of names."""
        pieces = [(piece, place) for place, key in enumerate(keys) for piece in key.split("-")]
        tail = [piece for piece, _ in pieces]
        return [
            pieces[-count][1]
            for name in self._beginnings
            for count in range(1, min(len(name), len(pieces) + 1))
            if tail[-count:] == name[:count]
        ]


def replaced(text: str, spans: Sequence[Span]) -> str:
    """`text` with each span replaced by its kind."""
    ends = [0, *(span.end for span in spans)]
    kept = [text[end : span.start] + span.shown for end, span in zip(ends, spans, strict=False)]
    return "".join(kept) + text[ends[-1] :]


def _bound(before: str, after: str) -> bool:
    """Whether two words may be parts of one address, number or date."""
    return before in _OF_ADDRESSES or after in _OF_ADDRESSES or (_of_number(before) and _of_number(after))


def _of_number(key: str) -> bool:
    return any(map(str.isdigit, key)) or not _OF_NUMBERS.isdisjoint(_WORD.findall(key)) or not key


def _key(word: str) -> str:
    """A folded word without the marks around it and apostrophes."""
    return _OUTSIDE.sub("", word).replace("'", "").replace(".", "")


def _pieces(name: str) -> list[str]:
    return [piece for piece in re.split(r"[\s-]+", name) if piece]


def _names(all_pieces: Sequence[Sequence[str]]) -> str:
    """A pattern for names in folded text, long ones first; in a script without spaces they stand anywhere."""
    kinds: dict[tuple[bool, bool], list[str]] = {}
    for pieces in sorted(all_pieces, key=lambda pieces: -sum(map(len, pieces))):
        ends = bool(_LETTER.match(pieces[0])), bool(_LETTER.match(pieces[-1].rstrip(".")[-1:]))
        kinds.setdefault(ends, []).append(_name(pieces, inflected=ends[1]))
    return "|".join(
        (rf"(?<!{LETTER})" if begins else "") + f"(?:{'|'.join(names)})" + (rf"(?!{LETTER})" if ends else "")
        for (begins, ends), names in kinds.items()
    )


def _name(pieces: Sequence[str], *, inflected: bool) -> str:
    written = r"(?:\s*-\s*|\s+)".join(
        "".join(rf"{re.escape(one)}?" if one in "'." else re.escape(one) for one in piece) for piece in pieces
    )
    return written + ("(?:e?s)?" if inflected and len(pieces[-1].rstrip(".")) > 2 else "")
