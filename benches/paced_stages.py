"""A session at the pace of life, without waiting for it: three stages that work at the same time."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.word_lags import Shown
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.moonshine import Moonshine
from operators.speech.partials import Partials
from operators.speech.recognition import Recognition
from operators.speech.utterances import UtteranceCutter
from operators.speech.voice_activity import VoiceActivityDetector
from stream_engine.clock import RATE
from stream_engine.events import Hypothesis, Relabel, Segment, Turn, Utterance, Watermark
from stream_engine.operator import Operator
from stream_engine.testing import chunked

CHUNK = RATE // 10


@dataclass
class Stage:
    """One stage on the clock: it takes an item when it is done with the one before."""

    free: float = 0.0
    busy: float = 0.0

    def does(self, item_at: float, cost: float) -> float:
        self.free = max(self.free, item_at) + cost
        self.busy += cost
        return self.free


@dataclass
class Session:
    """What one clip gave."""

    turns: list[Turn | Relabel | Watermark] = field(default_factory=list[Turn | Relabel | Watermark])
    partials: list[Hypothesis] = field(default_factory=list[Hypothesis])
    segments: list[Segment] = field(default_factory=list[Segment])
    shown: list[Shown] = field(default_factory=list[Shown])
    busy: tuple[float, float, float] = (0.0, 0.0, 0.0)


def timed(
    operator: Operator[Any, Any], items: Sequence[Any], *, end: bool = False
) -> tuple[list[Any], float]:
    """What an operator gives for items, and the seconds that it took."""
    began = time.perf_counter()
    out = [one for item in items for one in operator.feed(item)]
    out += operator.flush() if end else ()
    return out, time.perf_counter() - began


def session(audio: NDArray[np.float32], models: Any, silero: Any, moonshine: Moonshine) -> Session:
    """A clip at the pace of life: everything that was shown, and when."""

    def samples_of(one: Any) -> NDArray[np.float32]:
        return audio[one.start : one.end]

    diarizer = Diarizer(segmentation=models[0], embedding=models[1])
    voice, cutter = VoiceActivityDetector(session=silero), UtteranceCutter()
    partials = Partials(recogniser=moonshine, audio=samples_of, voiced_s=0.25)
    recognise = Recognition(recogniser=moonshine, audio=samples_of)
    hears, drafts, writes = Stage(), Stage(), Stage()
    found = Session()
    chunks = chunked(audio, [CHUNK] * (len(audio) // CHUNK))
    for number, chunk in enumerate(chunks):
        last = number == len(chunks) - 1
        at = chunk.end / RATE
        turns, diarizing = timed(diarizer, [chunk], end=last)
        ready = hears.does(at, diarizing)
        found.turns += turns
        heard, _ = timed(voice, [chunk], end=last)
        for one, cost in each(partials, [*heard, *turns], end=last):
            emitted = drafts.does(ready, cost)
            for partial in one:
                found.partials.append(partial)
                if not partial.final:
                    found.shown.append(
                        Shown(
                            partial.start / RATE,
                            partial.end / RATE,
                            partial.text,
                            partial.committed,
                            at,
                            diarizing + cost,
                            emitted,
                        )
                    )
        utterances, _ = timed(cutter, [*heard, *turns], end=last)
        for utterance in utterances:
            if not isinstance(utterance, Utterance):
                continue
            began = time.perf_counter()
            ((*said,),) = recognise([utterance])
            cost = time.perf_counter() - began
            emitted = writes.does(ready, cost)
            for segment in said:
                if isinstance(segment, Segment):
                    found.segments.append(segment)
                    start, end = segment.start / RATE, segment.end / RATE
                    found.shown.append(
                        Shown(start, end, segment.text, segment.text, at, diarizing + cost, emitted)
                    )
    found.busy = (hears.busy, drafts.busy, writes.busy)
    return found


def each(
    operator: Operator[Any, Any], items: Sequence[Any], *, end: bool
) -> Iterator[tuple[list[Any], float]]:
    """`timed`, item by item."""
    for item in items:
        yield timed(operator, [item])
    if end:
        yield timed(operator, [], end=True)
