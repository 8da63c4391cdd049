"""Word error rates of benches: those of `stream_engine.harness.word_errors`, pooled by addition."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stream_engine.harness import word_errors
from stream_engine.harness.measured import Measured, Ratio
from stream_engine.harness.references import Line as Told
from stream_engine.harness.references import read_stm
from stream_engine.harness.word_errors import normalised as normalised

Line = tuple[float, str, str]  # start in seconds, speaker, text


def reference(stm: Path) -> list[Line]:
    """The lines of an STM file, by start."""
    return sorted((line.start, line.speaker, line.text) for line in read_stm(stm))


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
    return _rate(word_errors.wer(*map(word_errors.in_order, (_told(truth), _told(found)))))


def cpwer(truth: list[Line], found: list[Line]) -> Rate:
    """Concatenated minimum-permutation word error rate."""
    return _rate(word_errors.cpwer(_told(truth), _told(found)))


def _told(lines: list[Line]) -> list[Told]:
    return [Told(start, start, speaker, text) for start, speaker, text in lines]


def _rate(found: Measured) -> Rate:
    return Rate(round(found.part), round(found.whole)) if isinstance(found, Ratio) else Rate()
