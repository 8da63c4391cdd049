"""Disfluencies in a text: fillers, repetitions and false starts, each counted once.

    We, um, wan- we wanted to -- they should go to the the harbour.
        └┬┘ └┬─┘           └─┬─┘                   └──┬──┘
      filler false start     false start              repetition

A repetition is a word said again at once, or with only fillers and commas between. A false start is speech
broken off and begun anew: a part of a word with a hyphen after it; a dash after a word that can end no phrase
("to --"); a dash or an ellipsis after which one of the last four words is said again ("I was... I was"). A
dash that sets something apart, a pause written as an ellipsis and a filler by itself are none.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from operators.prosody.filler_list import Fillers
from operators.prosody.spoken_words import WORD

_TOKEN = re.compile(
    rf"(?P<word>{WORD})(?P<cut>-(?=[\s,]))?"  # "wan- "
    r"|(?P<dash>-{2,3}|[–—]|(?<=\s)-(?=\s))|(?P<dots>\.{2,}|…)|(?P<end>[.!?。？！]+)|(?P<comma>[,;:])"
)
_AGAIN = 4  # words before a break, one of which is said again after it
_DOUBLED = frozenset("ha had bye many much no now oh ok okay really so that very yeah yes".split())
_UNENDING = frozenset(
    "a an the my your his our their its i we he she they and but or because if to of from with for at by "
    "am is are was were be been i'm i've i'd i'll it's he's she's we're they're you're that's there's "
    "very really into".split()
)
_CONJOINED = frozenset({"and", "or", "to"})  # after a hyphen that stands for a word: pre- and post-war


class Disfluencies(NamedTuple):
    """How often each occurs."""

    fillers: int
    repetitions: int
    false_starts: int


class _Token(NamedTuple):
    word: str  # lower-case; "" of a sign
    sign: str  # "dash", "dots", "end", "comma"; "cut" of a word broken off, "" of any other


def disfluencies(text: str, fillers: Fillers) -> Disfluencies:
    """Counts those of an English text; `repetitions` and `false_starts` know English words only."""
    tokens, count = _without_fillers(_tokens(text), fillers)
    repetitions = false_starts = 0
    for at, token in enumerate(tokens):
        before, after = _words_before(tokens, at), _word_after(tokens, at)
        if after is None:
            continue
        match token.sign:
            case "cut":
                false_starts += after not in _CONJOINED
            case "dash":
                false_starts += bool(before) and (before[-1] in _UNENDING or after in before)
            case "dots":
                false_starts += after in before
            case "" if after == token.word and not _broken(tokens, at):
                repetitions += not token.word.isdecimal() and token.word not in _DOUBLED
            case _:
                pass
    return Disfluencies(count, repetitions, false_starts)


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    for match in _TOKEN.finditer(text.replace("’", "'")):
        if match["word"]:
            found.append(_Token(match["word"].lower(), "cut" if match["cut"] else ""))
        else:
            found.append(_Token("", str(match.lastgroup)))
    return found


def _without_fillers(tokens: list[_Token], fillers: Fillers) -> tuple[list[_Token], int]:
    """The other tokens, and how many fillers there were; the longest that fits is taken."""
    rest: list[_Token] = []
    count = at = 0
    while at < len(tokens):
        for size in range(fillers.longest, 0, -1):
            phrase = tuple(token.word for token in tokens[at : at + size])
            if phrase in fillers.always or (phrase in fillers.set_apart and _apart(tokens, at, at + size)):
                count, at = count + 1, at + size
                break
        else:
            rest.append(tokens[at])
            at += 1
    return rest, count


def _apart(tokens: list[_Token], start: int, end: int) -> bool:
    """Whether `[start, end)` is in the middle of a sentence, with a comma, a dash or dots on both sides."""
    signs = ("comma", "dash", "dots")
    return (
        start >= 2
        and end + 1 < len(tokens)
        and tokens[start - 1].sign in signs
        and tokens[end].sign in signs
        and bool(tokens[start - 2].word)
    )


def _words_before(tokens: list[_Token], at: int) -> list[str]:
    """The last words up to and with `at`, of the same sentence."""
    words: list[str] = []
    for token in reversed(tokens[max(0, at - 2 * _AGAIN) : at + 1]):
        if token.sign == "end":
            break
        if token.word:
            words.append(token.word)
    return words[:_AGAIN][::-1]


def _word_after(tokens: list[_Token], at: int) -> str | None:
    """The next word, of the same sentence."""
    for token in tokens[at + 1 :]:
        if token.word:
            return token.word
        if token.sign == "end":
            return None
    return None


def _broken(tokens: list[_Token], at: int) -> bool:
    """Whether a dash or dots come before the next word: a false start, then."""
    for token in tokens[at + 1 :]:
        if token.word:
            return False
        if token.sign in ("dash", "dots"):
            return True
    return False
