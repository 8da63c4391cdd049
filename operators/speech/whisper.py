"""Whisper through faster-whisper (CTranslate2): any size, any of its languages, CPU or GPU, clips in batches.

A clip's text depends on nothing but the clip. So decoding goes without timestamp tokens and without the text
before, at temperature 0; prompts are equally long; and of faster-whisper's batched pipeline the parts are
used, not the whole, whose word times of one clip depend on the clip before it in the batch.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from operators.speech.recognition import Transcript
from operators.speech.whisper_checkpoint import find_checkpoint, open_checkpoint
from operators.speech.whisper_guards import Guards
from operators.speech.whisper_tokens import known_languages, suppressed, tokenizer_of
from operators.speech.whisper_words import placed_words
from stream_engine.clock import RATE
from stream_engine.errors import BackendError

LONGEST_S = 30  # what the encoder hears at a time
OUT_OF_MEMORY = ("out of memory", "alloc_failed", "failed to allocate")  # of CUDA, cuBLAS, the CPU
Clip = NDArray[np.float32]  # [frames], 16 kHz mono


class Whisper:
    """A `Recogniser` with word times, for as many sessions and threads as like to share it.

    Args:
        model: a name that faster-whisper knows (`tiny.en`), a hub id, or a CTranslate2 folder.
        device: `cpu` or `cuda`.
        compute_type: CTranslate2's: `default` (as the checkpoint), `int8`, `float16`, `bfloat16`, `float32`.
        language: of all clips that come without one; None: a multilingual model listens to each.
        offline: open no socket.
        prompt: text that is put before every clip: names, spelling, style.
        threads: of one call; the caller's, for it knows who else computes.
        workers: calls that run at a time; more wait.
        batch: clips decoded together; halved where the device's memory is too small.
        beam: width of the search.
        guards: what is not believed.

    Raises:
        BackendError: model, device, precision or language is missing.
    """

    name = "faster-whisper"
    word_times = True

    def __init__(
        self,
        *,
        model: str,
        device: str = "cpu",
        compute_type: str = "default",
        language: str | None = None,
        offline: bool = False,
        prompt: str | None = None,
        threads: int = 1,
        workers: int = 1,
        batch: int = 8,
        beam: int = 5,
        guards: Guards = Guards(),  # noqa: B008  # frozen
    ) -> None:
        self._model: Any = open_checkpoint(
            find_checkpoint(model, offline=offline),
            device=device,
            compute_type=compute_type,
            threads=threads,
            workers=workers,
        )
        self.model = model
        self.languages: frozenset[str] | None = known_languages(self._model)
        self.language = self.known(language) if language else "en" if self.languages == {"en"} else None
        self.batch = batch
        self.halved = 0  # times that the batch was halved
        self._prompt, self._beam, self._guards = prompt, beam, guards
        self._lock = threading.Lock()

    def known(self, language: str) -> str:
        """The code by which the model knows a language: `en` for `en-GB`.

        Raises:
            BackendError: it does not know it.
        """
        code = language.lower().replace("_", "-").split("-")[0]
        if code not in (self.languages or ()):
            knows = "English only" if self.languages == {"en"} else f"{len(self.languages or ())} languages"
            what = f"recogniser faster-whisper:{self.model}"
            raise BackendError(f"{what} knows {knows}, not {language!r}; choose another model")
        return code

    def transcribe(
        self,
        clips: Sequence[Clip],
        /,
        *,
        languages: Sequence[str | None] | None = None,
        prompt: str | None = None,
    ) -> list[Transcript]:
        """What is said in each clip of at most 30 s, in the language given for it, if any.

        `prompt` is what was said before them all; it follows that of the constructor.

        Raises:
            ValueError: a clip is longer than the encoder hears.
        """
        told = " ".join(part.strip() for part in (self._prompt, prompt) if part)
        given = list(languages) if languages is not None else [None] * len(clips)
        found: list[Transcript] = [Transcript("", ())] * len(clips)
        left = [index for index, clip in enumerate(clips) if len(clip)]
        while left:
            now = left[: self.batch]
            try:
                texts = self._decode([clips[index] for index in now], [given[index] for index in now], told)
            except (RuntimeError, MemoryError) as error:
                if len(now) == 1 or not _out_of_memory(error):
                    raise
                with self._lock:
                    self.batch, self.halved = min(self.batch, len(now) // 2), self.halved + 1
                continue
            for index, text in zip(now, texts, strict=True):
                found[index] = text
            left = left[len(now) :]
        return found

    def detect(self, samples: Clip, /) -> tuple[str, float]:
        """The language of a clip, of which the first 30 s are heard, and how probable it is."""
        if not self._model.model.is_multilingual:
            return "en", 1.0
        encoded = self._model.encode(self._features([samples[: LONGEST_S * RATE]]))
        return _likeliest(self._model.model.detect_language(encoded)[0])

    def close(self) -> None:
        """Frees the weights; nobody may be inside `transcribe`."""
        self._model.model.unload_model()

    def _decode(self, clips: list[Clip], given: list[str | None], told: str) -> list[Transcript]:
        codes = [self.known(code) if code else self.language for code in given]
        if None in codes:
            heard = self._model.model.detect_language(self._model.encode(self._features(clips)))
            codes = [code or _likeliest(one)[0] for code, one in zip(codes, heard, strict=True)]
        found: dict[int, Transcript] = {}
        for code in dict.fromkeys(cast("list[str]", codes)):  # a call finds word times in one language
            indices = [index for index, other in enumerate(codes) if other == code]
            found |= zip(indices, self._say([clips[index] for index in indices], code, told), strict=True)
        return [found[index] for index in range(len(clips))]

    def _say(self, clips: list[Clip], code: str, told: str) -> list[Transcript]:
        """The texts of clips in one language, all after the same text."""
        encoded = self._model.encode(self._features(clips))
        tokenizer = tokenizer_of(self._model, code)
        before = tokenizer.encode(f" {told}") if told else []
        prompt = self._model.get_prompt(tokenizer, before, without_timestamps=True)
        results = self._model.model.generate(
            encoded,
            [prompt] * len(clips),
            beam_size=self._beam,
            suppress_tokens=suppressed(tokenizer),
            return_scores=True,
            return_no_speech_prob=True,
        )
        tokens = [[token for token in one.sequences_ids[0] if token < tokenizer.eot] for one in results]
        words = placed_words(self._model, tokenizer, encoded, tokens, [len(clip) for clip in clips])
        return [
            self._guards.believed(
                tokenizer.decode(ids),
                placed,
                clip,
                no_speech=result.no_speech_prob,
                log_probability=_mean(result.scores[0], len(result.sequences_ids[0])),
            )
            for clip, ids, placed, result in zip(clips, tokens, words, results, strict=True)
        ]

    def _features(self, clips: list[Clip]) -> NDArray[np.float32]:
        """Log-mel spectra, each filled up to 30 s: [clips, mels, 3000], float32."""
        from faster_whisper.audio import pad_or_trim

        if any(len(clip) > LONGEST_S * RATE for clip in clips):
            longest = max(map(len, clips)) / RATE
            raise ValueError(f"a clip of {longest:.1f} s: want at most {LONGEST_S} s, all that Whisper hears")
        return np.stack([pad_or_trim(self._model.feature_extractor(clip)[..., :-1]) for clip in clips])


def _likeliest(probabilities: list[tuple[str, float]]) -> tuple[str, float]:
    """The first of CTranslate2's languages, `<|en|>`, with its probability."""
    token, probability = probabilities[0]
    return token[2:-2], round(float(probability), 3)


def _mean(score: float, tokens: int) -> float:
    """Mean log probability of the tokens and of the end, of which `score` is the sum over the tokens."""
    return score * tokens / (tokens + 1)


def _out_of_memory(error: Exception) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or any(sign in said for sign in OUT_OF_MEMORY)
