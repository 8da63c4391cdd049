"""Emotions of words, by a RoBERTa that was trained on GoEmotions (28 labels) or the like, in ONNX.

Several of GoEmotions' labels may apply to one text, so each has a probability of its own (a sigmoid); the
analyser before made them add up to 1.
Demszky et al., GoEmotions: a dataset of fine-grained emotions, ACL 2020.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.affect.known_texts import SIZE, KnownTexts
from operators.affect.models import Scores
from operators.affect.onnx_files import OnnxFiles
from operators.affect.onnx_model import batches, sigmoid, softmax
from operators.affect.text_model import TextModel

TOKENS = 128
GO_EMOTIONS = 28


class OnnxTextEmotion:
    """Scores of the labels that the model's `id2label` names, of the first 128 tokens.

    Multi-label if its config says so, or says nothing and has GoEmotions' 28 labels. Layout: input_ids,
    attention_mask (and token_type_ids) [batch, tokens] -> logits [batch, labels].

    Raises:
        BackendError: it does not open, or does not name its labels.
    """

    def __init__(self, files: OnnxFiles, *, known: int = SIZE, device: str = "cpu", threads: int = 1) -> None:
        self._model = TextModel(files, most=TOKENS, pairs=False, device=device, threads=threads)
        self.labels = self._model.labels
        kind = files.settings("config.json").get("problem_type")
        self.multi_label = kind == "multi_label_classification" or (
            kind is None and len(self.labels) == GO_EMOTIONS
        )
        self.known: KnownTexts[str] = KnownTexts(known)
        licence = f"; licence {files.licence}" if files.licence else ""
        several = "several at once" if self.multi_label else "one of them"
        self.notes: tuple[str, ...] = (
            f"emotions of the words: {files.name} ({len(self.labels)} labels, {several}{licence})",
        )

    def __call__(self, texts: Sequence[str], /) -> list[Scores]:
        return self.known.answers(texts, self._scores)

    def _scores(self, texts: list[str]) -> list[Scores]:
        encoded = [self._model.encoded(text) for text in texts]
        scores = np.empty((len(texts), len(self.labels)), np.float32)
        lengths = [len(one.ids) for one in encoded]
        for batch in batches(lengths, most=self._model.together, slack=self._model.slack):
            logits = self._model.logits([encoded[place] for place in batch])
            scores[batch] = sigmoid(logits) if self.multi_label else softmax(logits)
        return [dict(zip(self.labels, row, strict=True)) for row in scores.tolist()]
