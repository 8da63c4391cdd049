"""Word error rates: how texts are made comparable, and what is counted.

Normalisation, in the manner of Whisper's English one, on both sides: lower case; what stands in brackets
goes; words broken off ("desk-" before a blank) go; other hyphens become blanks; punctuation goes, apostrophes
inside words stay; the fillers uh, um, uhm, hm, hmm, mm, mmm, mhm go. Spelling and numbers are left alone.

WER counts errors against the reference in order of time, speakers ignored. cpWER (meeteval) joins the words
of each speaker and takes the best assignment of hypothesis to reference speakers. Pooled: all errors over
all words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Line = tuple[float, str, str]  # start in seconds, speaker, text
FILLERS = r"\b(uh|um|uhm|hm|hmm|mm|mmm|mhm)\b"


def normalised(text: str) -> str:
    """`text` as both sides of a comparison are written."""
    text = re.sub(r"[\[(<].*?[\])>]", " ", text.lower().replace("’", "'"))
    text = re.sub(r"\b[\w']+-(?=[\s.,?!]|$)", " ", text)
    text = re.sub(r"[^\w']", " ", text)
    text = re.sub(r"(?<!\w)'|'(?!\w)", " ", text)
    return " ".join(re.sub(FILLERS, " ", text).split())


def reference(stm: Path) -> list[Line]:
    """The lines of an STM file, by start."""
    rows = [line.split(None, 5) for line in stm.read_text().splitlines() if not line.startswith(";;")]
    return sorted((float(row[3]), row[2], row[5] if len(row) > 5 else "") for row in rows)


@dataclass
class Rate:
    """Errors over reference words, pooled by addition."""

    errors: int = 0
    words: int = 0

    def __add__(self, other: Rate) -> Rate:
        return Rate(self.errors + other.errors, self.words + other.words)

    @property
    def value(self) -> float:
        return self.errors / max(self.words, 1)


def wer(truth: list[Line], found: list[Line]) -> Rate:
    """Word error rate, speakers ignored."""
    from meeteval.wer import siso_word_error_rate

    score: Any = siso_word_error_rate  # typed too narrowly: it takes plain text as well
    sides = (" ".join(normalised(text) for _, _, text in sorted(lines)) for lines in (truth, found))
    rate = score(*sides)
    return Rate(rate.errors, rate.length)


def cpwer(truth: list[Line], found: list[Line]) -> Rate:
    """Concatenated minimum-permutation word error rate."""
    from meeteval.wer import cp_word_error_rate

    score: Any = cp_word_error_rate
    sides = _by_speaker(truth), _by_speaker(found)
    rate = score(*sides, reference_sort=False, hypothesis_sort=False)
    return Rate(rate.errors, rate.length)


def _by_speaker(lines: list[Line]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for _, speaker, text in sorted(lines):
        said.setdefault(speaker, []).append(normalised(text))
    return {speaker: " ".join(texts) for speaker, texts in said.items()}
