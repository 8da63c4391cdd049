"""What Whisper says where nobody speaks, found out by what it is unsure of, repeats, or says over silence.

`no_speech`, `unsure` and `compression` are the tests, and the limits, of Whisper's own decoding (Radford et
al. 2022, section 4.5), which decodes again at a higher temperature where one fails. Here nothing is decoded
twice: results would depend on chance. What fails is dropped, and the reason is kept.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from operators.speech.local_agreement import spelled
from operators.speech.recognition import Transcript
from stream_engine.events import Word

SENTENCE_END = (".", "!", "?", "。", "！", "？", "…")


@dataclass(frozen=True, kw_only=True)
class Guards:
    """Limits beyond which a text is not believed; None switches one off."""

    no_speech: float | None = 0.6  # probability of no speech, where the text is unsure as well
    unsure: float = -1.0  # mean log probability of a token below which a text is unsure
    lost: float | None = -2.0  # the same, below which the text is noise whatever else is said
    compression: float | None = 2.4  # bytes of the text over bytes of it compressed: repetition
    silence: float | None = (
        0.01  # level of silence, as a share of the clip's: repetitions over it are dropped
    )

    def believed(
        self,
        text: str,
        words: tuple[Word, ...],
        samples: NDArray[np.float32],
        *,
        no_speech: float,
        log_probability: float,
    ) -> Transcript:
        """What is left of the text of a clip, [frames], and what was dropped, with the reason."""
        text = " ".join(text.split())
        reason = self.against(text, no_speech=no_speech, log_probability=log_probability) if text else None
        if reason:
            return Transcript("", (), dropped=f"{reason}: {text}")
        echoes = set(self.echoes(words, samples))
        if not echoes:
            return Transcript(text, words)
        kept = tuple(word for index, word in enumerate(words) if index not in echoes)
        echo = _text([words[index] for index in sorted(echoes)])
        return Transcript(_text(kept), kept, dropped=f"repetition over silence: {echo}")

    def against(self, text: str, *, no_speech: float, log_probability: float) -> str | None:
        """Why a text is not believed; None if it is."""
        if self.no_speech is not None and no_speech > self.no_speech and log_probability < self.unsure:
            return f"no speech (probability {no_speech:.2f})"
        if self.compression is not None and (ratio := compression(text)) > self.compression:
            return f"repetition (compression ratio {ratio:.1f})"
        if self.lost is not None and log_probability < self.lost:
            return f"unsure (mean log probability {log_probability:.1f})"
        return None

    def echoes(self, words: Sequence[Word], samples: NDArray[np.float32]) -> list[int]:
        """Indices of the words of sentences that repeat the one before over silence."""
        if self.silence is None or not len(samples):
            return []
        limit = self.silence * level(samples)
        found: list[int] = []
        before: list[str] = []
        for sentence in _sentences(words):
            said = [spelled(words[index].text) for index in sentence]
            start, end = words[sentence[0]].start, words[sentence[-1]].end
            if said == before and level(samples[start:end]) <= limit:
                found += sentence
            before = said
        return found


def _text(words: Sequence[Word]) -> str:
    return " ".join(word.text for word in words)


def compression(text: str) -> float:
    """How much shorter a text becomes by deflation: 1 to 2 for speech, more where it repeats itself."""
    data = text.strip().encode()
    return len(data) / len(zlib.compress(data))


def level(samples: NDArray[np.float32]) -> float:
    """Root mean square of a clip, [frames]; 0 for an empty one."""
    return float(np.sqrt(np.mean(np.square(samples)))) if len(samples) else 0.0


def _sentences(words: Sequence[Word]) -> list[list[int]]:
    """Indices of words, sentence by sentence."""
    found: list[list[int]] = [[]]
    for index, word in enumerate(words):
        found[-1].append(index)
        if word.text.endswith(SENTENCE_END):
            found.append([])
    return [sentence for sentence in found if sentence]
