"""Which language a session is in: heard once, in the first few seconds of speech, and said how surely."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.clock import samples
from stream_engine.events import Language, Spoken, Utterance, Watermark
from stream_engine.operator import Operator


class LanguageState(msgspec.Struct, frozen=True):
    """What was said before the language was known, and then the language."""

    held: tuple[Utterance | Watermark, ...]
    language: Language | None


class LanguageChoice(Operator[Utterance | Watermark, Language | Utterance | Watermark]):
    """Utterances to the same with their language; watermarks keep their places among them.

    The first ones are held until they are `enough_s` of speech, `most` of them or all that there are; then
    the language is heard in all of them together, stated once, and is that of these and all that follow. So
    it depends on the utterances only. Lookahead: until then.

    Args:
        detect: gives the code of the language of samples, [frames], and its probability.
        audio: gives the samples of an utterance, [frames], float32, 16 kHz.
    """

    def __init__(
        self,
        *,
        detect: Callable[[NDArray[np.float32]], tuple[str, float]],
        audio: Callable[[Spoken], NDArray[np.float32]],
        enough_s: float = 3.0,
        most: int = 4,
        state: LanguageState | None = None,
    ) -> None:
        if enough_s <= 0 or most < 1:
            raise ValueError(f"enough_s={enough_s}, most={most}: want some speech to listen to")
        self._detect, self._audio = detect, audio
        self._enough, self._most = samples(enough_s), most
        self._held = list(state.held) if state else []
        self._language = state.language if state else None

    @property
    def state(self) -> LanguageState:
        return LanguageState(tuple(self._held), self._language)

    def feed(self, item: Utterance | Watermark, /) -> Iterator[Language | Utterance | Watermark]:
        if self._language is not None:
            yield _with(item, self._language)
            return
        self._held.append(item)
        heard = self._heard()
        if sum(one.end - one.start for one in heard) >= self._enough or len(heard) >= self._most:
            yield from self._choose(heard)

    def flush(self) -> Iterator[Language | Utterance | Watermark]:
        if heard := self._heard():
            yield from self._choose(heard)

    def _heard(self) -> list[Utterance]:
        return [one for one in self._held if isinstance(one, Utterance)]

    def _choose(self, heard: list[Utterance]) -> Iterator[Language | Utterance | Watermark]:
        held, self._held = self._held, []
        code, probability = self._detect(np.concatenate([self._audio(one) for one in heard]))
        end = max(one.end for one in heard)
        self._language = Language(at=end, code=code, probability=round(float(probability), 3))
        yield self._language
        for one in held:
            yield _with(one, self._language)


def _with(item: Utterance | Watermark, language: Language) -> Utterance | Watermark:
    return msgspec.structs.replace(item, language=language.code) if isinstance(item, Utterance) else item
