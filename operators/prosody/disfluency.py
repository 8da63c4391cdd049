"""Disfluencies in a text: fillers, repetitions and false starts, each counted once.

    We, um, wan- we wanted to -- they should go to the the harbour.
        └┬┘ └┬─┘           └─┬─┘                   └──┬──┘
      filler false start     false start              repetition

A repetition is a word said again at once, or with only fillers and commas between; or two or three words said
again at once, fillers apart; not those that are often doubled on purpose ("very very", "more and more and
more"). A false start is speech broken off and begun anew: a part of a word with a hyphen after it; a dash
after a word that can end no phrase ("to --"); a dash or an ellipsis after which one of the last four words is
said again ("I was... I was"). A dash that sets something apart, a pause written as an ellipsis and a filler
by itself are none.
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
_LETTER_WORDS = frozenset({"a", "i"})
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
    repetitions = false_starts = at = 0
    while at < len(tokens):
        again = _said_again(tokens, at)
        repetitions += again > 0
        false_starts += _begun_anew(tokens, at)
        at += again or 1
    return Disfluencies(count, repetitions, false_starts)


def _said_again(tokens: list[_Token], at: int) -> int:
    """How many words from `at` on are said again; 0: none."""
    for size in (3, 2):
        words = [token.word for token in tokens[at : at + 2 * size]]
        if len(words) < 2 * size:
            continue
        if len(set(words[:size])) > 1 and "" not in words and words[:size] == words[size:]:
            before, after = tokens[:at][-1:], tokens[at + 2 * size :][:1]
            if [t.word for t in before] != words[-1:] and [t.word for t in after] != words[:1]:
                return size
    token = tokens[at]
    spelled = token.word.isdecimal() or (len(token.word) == 1 and token.word not in _LETTER_WORDS)
    if not token.word or token.sign or spelled or token.word in _DOUBLED:
        return 0
    for other in tokens[at + 1 :]:
        if other.sign != "comma":
            return int(other.word == token.word)
    return 0


def _begun_anew(tokens: list[_Token], at: int) -> bool:
    """Whether speech is broken off at this token, and goes on differently in the same sentence."""
    sign, after = tokens[at].sign, _word_after(tokens, at)
    if after is None:
        return False
    match sign:
        case "cut":
            return after not in _CONJOINED
        case "dash":
            before = _words_before(tokens, at)
            return bool(before) and (before[-1] in _UNENDING or after in before)
        case "dots":
            return after in _words_before(tokens, at)
        case _:
            return False


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
    longest = fillers.longest
    while at < len(tokens):
        for size in range(longest, 0, -1):
            phrase = tuple(token.word for token in tokens[at : at + size])
            if phrase in fillers.always:
                count, at = count + 1, at + size
                break
            if phrase in fillers.set_apart and _apart(tokens, at, at + size):
                if rest and rest[-1] is tokens[at - 1]:  # with the signs that set it apart
                    rest.pop()
                count, at = count + 1, at + size + 1
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
