"""Texts through a transformer encoder: tokens, filled up under a mask, in batches of like length.

Tokens are those of the library `tokenizers`, from the model's own tokenizer.json. Texts are encoded one by
one: the library's batches start threads of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.affect.onnx_files import OnnxFiles
from operators.affect.onnx_model import OnnxModel

# Tokens in one call, filling included, and how much longer the longest of it may be than the shortest. On one
# thread of a CPU, 8 texts with 15 labels each in one call of 16 k tokens took 1.7 x as long as one by one; in
# calls of 1 k, 1.0 x. A GPU waits for large calls.
ON_CPU, ON_GPU = (1_024, 2.0), (16_384, 4.0)


class Encoded(NamedTuple):
    """One text, or one pair of texts."""

    ids: list[int]
    types: list[int]  # 0: of the first text, 1: of the second


class TextModel:
    """Logits of encoded texts.

    Args:
        files: with tokenizer.json.
        most: tokens of a text or pair, special ones included; of a pair, the first text is cut.

    Raises:
        BackendError: model or tokenizer does not open, or it is not a model over tokens under a mask.
    """

    def __init__(self, files: OnnxFiles, *, most: int, pairs: bool, device: str, threads: int) -> None:
        from tokenizers import Tokenizer

        self._model = OnnxModel(files, device=device, threads=threads)
        self.labels = files.labels(self._model.output)
        self.together, self.slack = ON_CPU if self._model.on_cpu else ON_GPU
        missing = [name for name in ("input_ids", "attention_mask") if name not in self._model.inputs]
        if missing:
            raise files.error(f"it has no input {', '.join(missing)}, but {', '.join(self._model.inputs)}")
        if fixed := [size for size in self._model.inputs["input_ids"].shape if isinstance(size, int)]:
            raise files.error(f"it was exported for input of a fixed size, {fixed[0]}")
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(files.beside["tokenizer.json"]))
        except Exception as error:  # noqa: BLE001 - the library raises no other class
            raise files.error(f"tokenizer.json does not open ({str(error).splitlines()[0]})") from None
        padding: dict[str, Any] = self._tokenizer.padding or {}
        known = files.settings("config.json").get("pad_token_id", padding.get("pad_id"))
        self._filling = int(known) if known is not None else 0
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(most, strategy="only_first" if pairs else "longest_first")

    def encoded(self, text: str, pair: str | None = None) -> Encoded:
        found = self._tokenizer.encode(text, pair)
        return Encoded(found.ids, found.type_ids)

    def logits(self, texts: Sequence[Encoded]) -> NDArray[np.float32]:
        """One call. Shape: [texts, labels]."""
        lengths = np.array([len(text.ids) for text in texts])
        shape = len(texts), int(lengths.max())
        ids, types = np.full(shape, self._filling), np.zeros(shape, np.int64)
        for row, text in enumerate(texts):
            ids[row, : len(text.ids)] = text.ids
            types[row, : len(text.ids)] = text.types
        mask = np.arange(shape[1]) < lengths[:, None]
        given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
        wanted = self._model.inputs
        return self._model.run({n: self._model.integers(n, v) for n, v in given.items() if n in wanted})
