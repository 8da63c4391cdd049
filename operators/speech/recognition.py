"""Recognition: the text of one utterance at a time, behind a protocol that back ends fulfil."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.events import Segment, Utterance, Word


class Transcript(msgspec.Struct, frozen=True):
    """What was said in a clip; times of words are samples from the clip's start."""

    text: str
    words: tuple[Word, ...] | None = None  # None: the back end has no word times


class Recogniser(Protocol):
    """Speech to text, one clip at a time.

    `transcribe` may be called from several threads at once, and its result depends on the samples only.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> frozenset[str] | None:
        """Language codes that it knows; None: any."""
        ...

    def transcribe(self, samples: NDArray[np.float32], /) -> Transcript:
        """The words in `samples` ([frames], float32, 16 kHz mono; not changed)."""
        ...


class Recognition:
    """Utterance in, at most one final segment out; without memory, so it may run on several workers.

    `audio(start, end)` gives the samples of an interval of the session clock, [frames] float32 at 16 kHz; it
    too is called from several threads.
    """

    def __init__(self, *, recogniser: Recogniser, audio: Callable[[int, int], NDArray[np.float32]]) -> None:
        self._recogniser = recogniser
        self._audio = audio

    def __call__(self, utterance: Utterance, /) -> Iterator[Segment]:
        found = self._recogniser.transcribe(self._audio(utterance.start, utterance.end))
        text = " ".join(found.text.split())
        if not text:
            return
        yield Segment(
            id=utterance.id,
            revision=0,
            final=True,
            start=utterance.start,
            end=utterance.end,
            speaker=utterance.speaker,
            text=text,
            words=_placed(found.words, utterance),
            turns=utterance.turns,
        )


def _placed(words: tuple[Word, ...] | None, utterance: Utterance) -> tuple[Word, ...] | None:
    """Words moved from the clip's clock to the session's, inside the utterance, with its speaker."""
    if words is None:
        return None
    speakers = () if utterance.speaker is None else (utterance.speaker,)
    return tuple(
        msgspec.structs.replace(
            word,
            start=min(utterance.start + word.start, utterance.end),
            end=min(utterance.start + word.end, utterance.end),
            speakers=word.speakers or speakers,
        )
        for word in words
    )
