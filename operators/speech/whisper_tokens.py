"""Whisper's vocabulary: the languages that it has a token for, and the tokens that are never said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer


def known_languages(model: Any) -> frozenset[str]:
    """The codes for which the vocabulary has a token: older models lack some that the library lists."""
    if not model.model.is_multilingual:
        return frozenset({"en"})
    known = model.supported_languages
    return frozenset(code for code in known if model.hf_tokenizer.token_to_id(f"<|{code}|>") is not None)


def tokenizer_of(model: Any, code: str) -> Tokenizer:
    """The tokenizer of a `WhisperModel` for text in one language."""
    from faster_whisper.tokenizer import Tokenizer

    return Tokenizer(model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=code)


def suppressed(tokenizer: Tokenizer) -> list[int]:
    """Tokens that are never said: signs for what is no speech, and Whisper's own marks."""
    from faster_whisper.transcribe import get_suppressed_tokens

    return list(cast("Any", get_suppressed_tokens)(tokenizer, [-1]))
