"""Who talked: a row for each speaker, from the session's statistics, or from turns and text alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sinks.inert_text import plain
from stream_engine.clock import RATE
from stream_engine.events import Interruption, SpeakerFigures, Statistics

NOBODY = "nobody named"


class Cast:
    """The speakers in order of appearance; a number for each."""

    def __init__(self) -> None:
        self._numbers: dict[str | None, int] = {}

    def number(self, speaker: str | None) -> int:
        return self._numbers.setdefault(speaker, len(self._numbers))

    @property
    def names(self) -> list[str]:
        return [(plain(name) or "(no name)") if name is not None else NOBODY for name in self._numbers]

    @property
    def speakers(self) -> list[str | None]:
        return list(self._numbers)


class Talker(NamedTuple):
    """One row of who talked."""

    number: int
    name: str
    speech_s: float
    share: float  # of all talk time
    words: int
    figures: SpeakerFigures | None  # None: nobody took any


def talkers(
    cast: Cast, speech: Mapping[int, int], words: Mapping[int, int], statistics: Statistics | None
) -> list[Talker]:
    """Who talked most first; `speech` (samples) and `words` are by number."""
    known = {one.speaker: one for one in statistics.speakers} if statistics else {}
    whole = sum(speech.values()) or 1
    rows = [
        Talker(
            number=number,
            name=name,
            speech_s=speech.get(number, 0) / RATE,
            share=speech.get(number, 0) / whole,
            words=words.get(number, 0),
            figures=known.get(speaker) if speaker is not None else None,
        )
        for number, (name, speaker) in enumerate(zip(cast.names, cast.speakers, strict=True))
    ]
    return sorted(rows, key=lambda row: (-row.speech_s, row.number))


class Cell(NamedTuple):
    """How often one interrupts another."""

    made: int
    won: int
    weight: int  # 0 to 4, by the largest cell


def matrix(cast: Cast, interruptions: Iterable[Interruption]) -> list[list[Cell | None]]:
    """[interrupter][interrupted]; None on the diagonal; empty where nobody interrupts."""
    counts: dict[tuple[int, int], tuple[int, int]] = {}
    for one in interruptions:
        pair = cast.number(one.interrupter), cast.number(one.interrupted)
        made, won = counts.get(pair, (0, 0))
        counts[pair] = made + 1, won + one.successful
    if not counts:
        return []
    most = max(made for made, _ in counts.values())
    people = range(len(cast.names))

    def cell(by: int, of: int) -> Cell | None:
        made, won = counts.get((by, of), (0, 0))
        return None if by == of else Cell(made, won, -(-4 * made // most))

    return [[cell(by, of) for of in people] for by in people]
