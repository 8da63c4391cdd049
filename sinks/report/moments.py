"""Moments to look at: the few strongest of each kind."""

from __future__ import annotations

from bisect import insort
from typing import NamedTuple

from sinks.inert_text import plain
from sinks.labelled import Told
from sinks.report.sound_names import sound_name
from stream_engine.clock import RATE
from stream_engine.events import Gap, Interruption, Overlap, SoundEvent

EACH = 5
SNIPPET = 160  # letters of a line that stand beside a moment; the transcript has all
_ENOUGH_WORDS, _ENOUGH_S = 5, 1.5  # below these a pace says nothing
_NEGATIVE = -0.3


class Moment(NamedTuple):
    """Something at a place in the recording."""

    at: int  # samples
    figure: str
    who: tuple[str | None, ...]
    text: str = ""
    join: str = ""  # what stands between two of them


class Moments:
    """Keeps the `EACH` strongest moments of each kind, whatever the length of the session."""

    def __init__(self) -> None:
        self._kinds: dict[str, list[tuple[float, int, int, Moment]]] = {}
        self._count = 0  # so that no two moments are compared
        self._spoken_until: int | None = None

    def groups(self) -> list[tuple[str, list[Moment]]]:
        """Kinds that have any, each with the strongest first."""
        return [
            (_TITLES[kind], [found[-1] for found in self._kinds[kind]])
            for kind in (*_BESIDE, *_SAID)
            if kind in self._kinds
        ]

    def _put(self, kind: str, weight: float, moment: Moment) -> None:
        held = self._kinds.setdefault(kind, [])
        self._count += 1
        insort(held, (-weight, moment.at, self._count, moment))
        del held[EACH:]

    # --- beside what is said ---------------------------------------------------------------------

    def turn(self, start: int, end: int) -> None:
        """Turns in order of start; what lies between them is silence."""
        if self._spoken_until is not None and start - self._spoken_until >= RATE:
            length = (start - self._spoken_until) / RATE
            self._put("silence", length, Moment(self._spoken_until, f"{length:.1f} s", (), "nobody speaks"))
        self._spoken_until = max(end, self._spoken_until or 0)

    def overlap(self, one: Overlap) -> None:
        length = (one.end - one.start) / RATE
        self._put("overlap", length, Moment(one.start, f"{length:.1f} s", one.speakers, "at once"))

    def interruption(self, one: Interruption) -> None:
        length = (one.end - one.start) / RATE
        what = "takes the floor from" if one.successful else "tries to take the floor from"
        moment = Moment(one.start, f"{length:.1f} s", (one.interrupter, one.interrupted), join=what)
        self._put("interruption", length + 1000 * one.successful, moment)

    def sound(self, one: SoundEvent) -> None:
        if one.label.lower() != "silence":
            length = (one.end - one.start) / RATE
            self._put(
                "sound", one.score * length, Moment(one.start, f"{length:.1f} s", (), sound_name(one.label))
            )

    def gap(self, one: Gap) -> None:
        length = (one.end - one.start) / RATE
        self._put("gap", length, Moment(one.start, f"{length:.1f} s", (), plain(one.reason)))

    # --- what is said, and how -------------------------------------------------------------------

    def said(self, told: Told, text: str) -> None:
        segment, prosody, affect, _ = told
        found: list[tuple[str, float, str]] = []
        long_enough = segment.end - segment.start >= _ENOUGH_S * RATE
        if prosody and long_enough:
            if prosody.wpm is not None and (prosody.words or 0) >= _ENOUGH_WORDS:
                found.append(("fast", prosody.wpm, f"{prosody.wpm:.0f} words/min"))
            if prosody.loudness_dbfs is not None:
                found.append(("loud", prosody.loudness_dbfs, f"{prosody.loudness_dbfs:.1f} dBFS"))
        if affect:
            if affect.arousal is not None:
                found.append(("arousal", affect.arousal, f"{affect.arousal:.2f}"))
            if affect.sentiment is not None and affect.sentiment <= _NEGATIVE:
                found.append(("negative", -affect.sentiment, f"{affect.sentiment:.2f}"))
        known = [word.probability for word in segment.words or () if word.probability is not None]
        if len(known) >= _ENOUGH_WORDS:
            mean = sum(known) / len(known)
            found.append(("unsure", -mean, f"{mean:.0%}"))
        for kind, weight, figure in found:
            if self._matters(kind, weight):
                snippet = text if len(text) <= SNIPPET else text[: SNIPPET - 1].rstrip() + "…"
                self._put(kind, weight, Moment(segment.start, figure, (segment.speaker,), snippet))

    def _matters(self, kind: str, weight: float) -> bool:
        held = self._kinds.get(kind)
        return not held or len(held) < EACH or -weight < held[-1][0]


_BESIDE = ("interruption", "overlap", "silence", "gap", "sound")
_SAID = ("fast", "loud", "arousal", "negative", "unsure")
_TITLES = {
    "interruption": "Interruptions",
    "overlap": "Longest overlaps",
    "silence": "Longest silences",
    "gap": "Missing audio",
    "sound": "Sounds",
    "fast": "Fastest passages",
    "loud": "Loudest passages",
    "arousal": "Highest arousal",
    "negative": "Most negative words",
    "unsure": "Least certain recognition",
}
