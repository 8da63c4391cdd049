"""Word error rates by meeteval: how texts are made comparable, and what is counted.

Normalisation, in the manner of Whisper's English one, on both sides: lower case; what stands in brackets
goes; words broken off ("desk-" before a blank) go; other hyphens become blanks; punctuation goes, apostrophes
inside words stay; the fillers uh, um, uhm, hm, hmm, mm, mmm, mhm go. Spelling and numbers are left alone.

WER counts errors against the reference in order of time, speakers ignored. cpWER joins the words of each
speaker and takes the best assignment of hypothesis to reference speakers. tcpWER does the same, and a word
matches only within the collar of where it was said (von Neumann et al. 2023); the times of words are spread
over their line by their letters, as meeteval does by default.
"""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from stream_engine.harness.columns import TCP_COLLAR_S
from stream_engine.harness.measured import Absent, Measured, Ratio
from stream_engine.harness.references import Line

FILLERS = r"\b(uh|um|uhm|hm|hmm|mm|mmm|mhm)\b"
NO_MEETEVAL = "meeteval is not installed: pip install 'stream-engine[scoring]'"
TCPWER = "time_constrained_minimum_permutation_word_error_rate"
NO_WORDS = "the reference has no words"


def normalised(text: str) -> str:
    """`text` as both sides of a comparison are written."""
    text = re.sub(r"[\[(<].*?[\])>]", " ", text.lower().replace("’", "'"))
    text = re.sub(r"\b[\w']+-(?=[\s.,?!]|$)", " ", text)
    text = re.sub(r"[^\w']", " ", text)
    text = re.sub(r"(?<!\w)'|'(?!\w)", " ", text)
    return " ".join(re.sub(FILLERS, " ", text).split())


def wer(reference: str, hypothesis: str) -> Measured:
    """Of two texts, as they were written or as they are compared."""
    try:
        from meeteval.wer import siso_word_error_rate
    except ImportError:
        return Absent(NO_MEETEVAL)
    score: Any = siso_word_error_rate
    return _rate(score(normalised(reference), normalised(hypothesis)))


def cpwer(reference: Sequence[Line], hypothesis: Sequence[Line]) -> Measured:
    if not (reference and hypothesis):
        return wer(in_order(reference), in_order(hypothesis))
    try:
        from meeteval.wer import cp_word_error_rate
    except ImportError:
        return Absent(NO_MEETEVAL)
    score: Any = cp_word_error_rate
    sides = _by_speaker(reference), _by_speaker(hypothesis)
    return _rate(score(*sides, reference_sort=False, hypothesis_sort=False))


def tcpwer(reference: Sequence[Line], hypothesis: Sequence[Line]) -> Measured:
    if not (reference and hypothesis):
        return wer(in_order(reference), in_order(hypothesis))
    try:
        from meeteval import wer as scorers
        from meeteval.io import SegLST
    except ImportError:
        return Absent(NO_MEETEVAL)
    logging.getLogger("preprocess").setLevel(logging.ERROR)  # it takes the length of a line for a word's
    table: Any = SegLST
    score: Any = getattr(scorers, TCPWER)
    sides = [
        table(
            [
                {
                    "session_id": "1",
                    "speaker": line.speaker,
                    "start_time": line.start,
                    "end_time": max(line.end, line.start),
                    "words": normalised(line.text),
                }
                for line in sorted(lines)
            ]
        )
        for lines in (reference, hypothesis)
    ]
    return _rate(score(*sides, collar=TCP_COLLAR_S))


def in_order(lines: Sequence[Line]) -> str:
    """All that is said, in order of start, as it is compared."""
    return " ".join(normalised(line.text) for line in sorted(lines))


def _rate(rate: Any) -> Measured:
    if not rate.length and not rate.errors:
        return Absent(NO_WORDS)
    return Ratio(rate.errors, rate.length)


def _by_speaker(lines: Sequence[Line]) -> dict[str, str]:
    said: dict[str, list[str]] = {}
    for line in sorted(lines):
        said.setdefault(line.speaker, []).append(normalised(line.text))
    return {speaker: " ".join(texts) for speaker, texts in said.items()}
