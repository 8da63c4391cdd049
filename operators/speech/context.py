"""Recognition with the end of the text so far as a prompt: names and spelling stay the same in a session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.speech.recognition import Recogniser, Recognition, Transcript
from stream_engine.events import Language, Rejected, Segment, Spoken, Utterance, Watermark
from stream_engine.operator import Operator


class Prompted(Recogniser, Protocol):
    """A recogniser that may be told what was said before a clip."""

    def transcribe(
        self,
        clips: Sequence[NDArray[np.float32]],
        /,
        *,
        languages: Sequence[str | None] | None = None,
        prompt: str | None = None,
    ) -> list[Transcript]: ...


class ContextState(msgspec.Struct, frozen=True):
    """The last words."""

    words: tuple[str, ...]


class RecognitionInContext(
    Operator[Utterance | Language | Watermark, Segment | Rejected | Language | Watermark]
):
    """Utterances, one after the other, to what `Recognition` gives, the last `words` of text as a prompt.

    A text then depends on those before it, so this has a memory, and one utterance is recognised at a time,
    on one worker. Texts that were not believed are no part of the prompt.
    """

    def __init__(
        self,
        *,
        recogniser: Prompted,
        audio: Callable[[Spoken], NDArray[np.float32]],
        words: int = 50,
        state: ContextState | None = None,
    ) -> None:
        if words < 1:
            raise ValueError(f"words={words}: want at least one")
        self._told = _Told(recogniser)
        self._recognition = Recognition(recogniser=self._told, audio=audio)
        self._most = words
        self._words = state.words if state else ()

    @property
    def state(self) -> ContextState:
        return ContextState(self._words)

    def feed(
        self, item: Utterance | Language | Watermark, /
    ) -> Iterator[Segment | Rejected | Language | Watermark]:
        if not isinstance(item, Utterance):
            yield item
            return
        self._told.prompt = " ".join(self._words) or None
        (found,) = self._recognition([item])
        for one in found:
            if isinstance(one, Segment):
                self._words = (*self._words, *one.text.split())[-self._most :]
            yield one

    def flush(self) -> Iterator[Segment | Rejected | Language]:
        return iter(())


class _Told:
    """A recogniser with the prompt of the next call."""

    def __init__(self, recogniser: Prompted) -> None:
        self._recogniser = recogniser
        self.prompt: str | None = None
        self.name, self.languages = recogniser.name, recogniser.languages
        self.batch, self.word_times = 1, recogniser.word_times

    def transcribe(
        self, clips: Sequence[NDArray[np.float32]], /, *, languages: Sequence[str | None] | None = None
    ) -> list[Transcript]:
        return self._recogniser.transcribe(clips, languages=languages, prompt=self.prompt)
