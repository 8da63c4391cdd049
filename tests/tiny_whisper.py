"""A Whisper in the true CTranslate2 format: two layers, eight numbers wide, random weights; made in a second.

It understands nothing, but everything around it is real: files, tokenizer, loading, batches, word times,
language detection. Its vocabulary has the true size and, if multilingual, the empty word: by these
CTranslate2 (the older, the newer) tells that a model is not English only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAYERS, HEADS, WIDTH, MELS = 2, 2, 8, 80
POSITIONS = {"encoder": 1500, "decoder": 448}
MULTILINGUAL, ENGLISH = 51_865, 51_864  # tokens
TIMESTAMPS = 1501
SEED, END, HEARING = 11, 11.2, 8  # found by trying: texts of 4 to 20 words, which depend on the sound
TASKS = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")


def save_tiny_whisper(folder: Path, *, english_only: bool = False, end: float = END) -> Path:
    """Writes a model into a new `folder`, in the files of a converted checkpoint.

    The less it is inclined to `end` a text, the longer it goes on, and repeats itself: without bound at 0.
    """
    from ctranslate2.specs import WhisperSpec

    tokens, specials = _vocabulary(english_only=english_only)
    spec: Any = WhisperSpec(LAYERS, HEADS, LAYERS, HEADS)
    _fill(spec, len(tokens), np.random.default_rng(SEED))
    spec.decoder.projection.bias[tokens.index("<|endoftext|>")] = end
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = [1, 2]
    spec.config.suppress_ids_begin = [220, tokens.index("<|endoftext|>")]
    spec.config.alignment_heads = [(LAYERS - 1, 0), (LAYERS - 1, 1)]
    spec.config.lang_ids = [] if english_only else [tokens.index(f"<|{code}|>") for code in _languages()]
    spec.validate()
    spec.optimize(quantization="int8")
    folder.mkdir(parents=True)
    spec.save(str(folder))
    (folder / "tokenizer.json").write_text(json.dumps(_tokenizer(tokens, specials)), "utf-8")
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": MELS, "chunk_length": 30}))
    return folder


def _languages() -> tuple[str, ...]:
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    return tuple(code for code in _LANGUAGE_CODES if code != "yue")  # 99 of them, as in all but the newest


def _vocabulary(*, english_only: bool) -> tuple[list[str], list[str]]:
    """All tokens in order, and which of them are special: bytes, words, marks, timestamps."""
    from tokenizers.pre_tokenizers import ByteLevel

    size = ENGLISH if english_only else MULTILINGUAL
    marks = ["endoftext", "startoftranscript", *_languages(), *TASKS]
    times = [f"<|{index * 0.02:.2f}|>" for index in range(TIMESTAMPS)]
    specials = [f"<|{mark}|>" for mark in marks] + times
    letters = sorted(ByteLevel.alphabet())
    words = [f"Ġw{index}" for index in range(size - len(letters) - len(specials))]
    if not english_only:
        words[-1] = ""
    return letters + words + specials, specials


def _tokenizer(tokens: list[str], specials: list[str]) -> dict[str, Any]:
    """A byte-level BPE without merges, in the format of the library `tokenizers`."""
    text = tokens[: len(tokens) - len(specials)]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    added = [
        {"id": len(text) + index, "content": token, "special": index < len(specials) - TIMESTAMPS, **flags}
        for index, token in enumerate(specials)
    ]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    model = {"type": "BPE", "vocab": {token: id for id, token in enumerate(text)}, "merges": []}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": model,
    }


def _fill(spec: Any, vocabulary: int, chance: np.random.Generator) -> None:
    """Random weights in the shapes of the architecture; norms as they are at the start of training."""

    def weights(*shape: int) -> NDArray[np.float32]:
        return chance.normal(0, 0.5, shape).astype(np.float32)

    def linear(layer: Any, out: int, into: int) -> None:
        layer.weight, layer.bias = weights(out, into), weights(out)

    def norm(layer: Any) -> None:
        layer.gamma, layer.beta = np.ones(WIDTH, np.float32), np.zeros(WIDTH, np.float32)

    def attention(layer: Any) -> None:
        norm(layer.layer_norm)
        sizes = (3, 1) if len(layer.linear) == 2 else (1, 2, 1)  # queries, keys, values; output
        for part, size in zip(layer.linear, sizes, strict=True):
            linear(part, size * WIDTH, WIDTH)

    for name, half in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        half.position_encodings.encodings = 2 * weights(POSITIONS[name], WIDTH)
        norm(half.layer_norm)
        for layer in half.layer:
            attention(layer.self_attention)
            if name == "decoder":
                attention(layer.attention)
                layer.attention.linear[-1].weight *= HEARING
            norm(layer.ffn.layer_norm)
            linear(layer.ffn.linear_0, 4 * WIDTH, WIDTH)
            linear(layer.ffn.linear_1, WIDTH, 4 * WIDTH)
    for conv, into in ((spec.encoder.conv1, MELS), (spec.encoder.conv2, WIDTH)):
        conv.weight, conv.bias = weights(WIDTH, into, 3), weights(WIDTH)
    embeddings = weights(vocabulary, WIDTH)
    embeddings *= 4 / np.linalg.norm(embeddings, axis=1, keepdims=True)  # no token is likelier by itself
    spec.decoder.embeddings.weight = embeddings
    spec.decoder.projection.weight = spec.decoder.embeddings.weight
    spec.decoder.projection.bias = np.zeros(vocabulary, np.float32)
