"""Recognition: the text of one utterance at a time, behind a protocol that back ends fulfil."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.events import Rejected, Segment, Spoken, Utterance, Word

NO_WORDS = "no words"  # the recogniser heard none


class Transcript(msgspec.Struct, frozen=True):
    """What was said in a clip; times of words are samples from the clip's start."""

    text: str
    words: tuple[Word, ...] | None = None  # None: the back end has no word times
    dropped: str | None = None  # text that was not believed, and why


class Recogniser(Protocol):
    """Speech to text.

    `transcribe` may be called from several threads at once, and the result for a clip depends on its samples
    only, not on its company.
    """

    @property
    def name(self) -> str: ...

    @property
    def languages(self) -> frozenset[str] | None:
        """Language codes that it knows; None: any."""
        ...

    @property
    def batch(self) -> int:
        """How many clips it likes to have at a time."""
        ...

    @property
    def word_times(self) -> bool:
        """Whether transcripts have `words`."""
        ...

    def transcribe(
        self, clips: Sequence[NDArray[np.float32]], /, *, languages: Sequence[str | None] | None = None
    ) -> list[Transcript]:
        """The words in each clip ([frames], float32, 16 kHz mono; not changed), in its language if given."""
        ...


@runtime_checkable
class Listens(Protocol):
    """A recogniser that can tell which language is spoken; `language` is None where nobody has said."""

    language: str | None

    def detect(self, samples: NDArray[np.float32], /) -> tuple[str, float]:
        """The code of the language, and its probability."""
        ...


class Recognition:
    """Utterances in; out of each a final segment, or why there is none.

    Without memory, so it may run on several workers. `audio(utterance)` gives its samples,
    [frames] float32 at 16 kHz; it too is called from several threads.
    """

    def __init__(self, *, recogniser: Recogniser, audio: Callable[[Spoken], NDArray[np.float32]]) -> None:
        self._recogniser = recogniser
        self._audio = audio

    def __call__(self, utterances: Sequence[Utterance], /) -> list[tuple[Segment | Rejected, ...]]:
        clips = [self._audio(one) for one in utterances]
        found = self._recogniser.transcribe(clips, languages=[one.language for one in utterances])
        return [tuple(_said(said, one)) for said, one in zip(found, utterances, strict=True)]


def _said(found: Transcript, utterance: Utterance) -> Iterator[Segment | Rejected]:
    text = " ".join(found.text.split())
    if text:
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
    if found.dropped is not None or not text:
        yield Rejected(
            id=utterance.id,
            start=utterance.start,
            end=utterance.end,
            speaker=utterance.speaker,
            reason=found.dropped or NO_WORDS,
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
