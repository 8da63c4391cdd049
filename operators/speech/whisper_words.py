"""Word times out of Whisper's cross-attention, on the session's clock, each clip by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from stream_engine.clock import MILLISECOND, samples
from stream_engine.events import Word

if TYPE_CHECKING:
    from faster_whisper.tokenizer import Tokenizer

FRAME = 160  # samples of a column of features
STEP = samples(0.02)  # resolution of the attention, and the least that a word lasts
BEFORE = "\"'“¿([{-"  # punctuation that belongs to the word that follows; the rest to the one before
AFTER = "\"'.。,，!！?？:：”)]}、"


def placed_words(
    model: Any,
    tokenizer: Tokenizer,
    encoded: Any,
    tokens: list[list[int]],
    lengths: list[int],
) -> list[tuple[Word, ...]]:
    """The words of each clip, with times in samples from its start, inside it, on whole milliseconds.

    Args:
        model: a `WhisperModel`.
        encoded: the encoder's output of the clips, [clips, 1500, width].
        tokens: of the texts, one list per clip.
        lengths: of the clips, in samples.
    """
    frames = [max(2, -(-length // FRAME)) for length in lengths]
    alignments = model.find_alignment(tokenizer, tokens, encoded, frames)
    return [
        _words(alignment, ids, tokenizer, length // MILLISECOND * MILLISECOND)
        for alignment, ids, length in zip(alignments, tokens, lengths, strict=True)
    ]


def _words(alignment: list[Any], tokens: list[int], tokenizer: Tokenizer, length: int) -> tuple[Word, ...]:
    """faster-whisper's own finish (marks joined to words, long words shortened) of one clip.

    It is given one alignment that is known already, and no clip before: in its batched pipeline the end of
    the clip before in the batch would shorten the first word.
    """
    from faster_whisper import WhisperModel

    if not alignment:
        return ()
    known = cast("Any", SimpleNamespace(frames_per_second=100, find_alignment=lambda *_: [alignment]))
    segment: dict[str, Any] = {"tokens": tokens, "seek": 0, "start": 0.0, "end": length / 16_000}
    WhisperModel.add_word_timestamps(
        known, cast("Any", [[segment]]), tokenizer, cast("Any", None), 0, BEFORE, AFTER, 0.0
    )
    found: list[Word] = []
    for word in segment["words"]:
        text = word["word"].strip()
        start = min(max(samples(word["start"]), 0), max(length - STEP, 0))
        end = min(max(samples(word["end"]), start + STEP), length)
        if text and end > start:
            found.append(
                Word(start=start, end=end, text=text, probability=round(float(word["probability"]), 3))
            )
    return tuple(found)
