"""Lists of fillers: words with which a speaker holds the floor while thinking.

A file has one filler a line, of one word or more; `#` begins a comment. One that also means something is
written between commas, and counts only where it is set apart in the middle of a sentence:

    um
    , you know,
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from operators.prosody.spoken_words import spoken_words

Phrase = tuple[str, ...]


class Fillers(NamedTuple):
    """The fillers of one language, in lower case."""

    always: frozenset[Phrase]
    set_apart: frozenset[Phrase]

    @property
    def longest(self) -> int:
        """Words of the longest one."""
        return max((len(phrase) for phrase in self.always | self.set_apart), default=0)

    def __or__(self, other: object, /) -> Fillers:
        """Those of both lists; one that is in both counts where either says so."""
        if not isinstance(other, Fillers):
            return NotImplemented
        return Fillers(self.always | other.always, self.set_apart | other.set_apart)


def packaged_fillers() -> dict[str, Fillers]:
    """Our own lists, by language code."""
    lists = (file for file in files("operators.prosody.fillers").iterdir() if file.name.endswith(".txt"))
    return {file.name.removesuffix(".txt"): _parsed(file.read_text("utf-8"), file.name) for file in lists}


def read_fillers(path: str | Path) -> Fillers:
    """A list of the user's.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8, a line is no filler, or there is none; names the file and the line.
    """
    try:
        text = Path(path).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not UTF-8: {error.reason}") from error
    found = _parsed(text, str(path))
    if not (found.always or found.set_apart):
        raise ValueError(f"{path}: no filler in it; write one a line")
    return found


def _parsed(text: str, name: str) -> Fillers:
    always: set[Phrase] = set()
    set_apart: set[Phrase] = set()
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip().removeprefix("\ufeff")
        if not entry:
            continue
        apart = entry.startswith(",") and entry.endswith(",")
        phrase = tuple(_words(entry.strip(", ")))
        if not phrase or (not apart and "," in entry):
            raise ValueError(f"{name}, line {number}: {line!r}; want a filler, or one between commas")
        (set_apart if apart else always).add(phrase)
    return Fillers(frozenset(always), frozenset(set_apart))


def _words(entry: str) -> Iterable[str]:
    return spoken_words(entry, language=None)
