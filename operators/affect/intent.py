"""What a text is meant to do: zero-shot, by a model of entailment (BART or the like on MNLI) in ONNX.

Each label is made a sentence, "This example is LABEL."; its score is how much rather the text entails than
contradicts it. All labels of a text are one call, and so are those of several texts; a text that was asked
for before is not asked again. (The analyser before made a call for each label.)
Yin, Hay and Roth, Benchmarking zero-shot text classification, EMNLP 2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from operators.affect.known_texts import SIZE, KnownTexts
from operators.affect.models import Scores
from operators.affect.onnx_files import OnnxFiles
from operators.affect.onnx_model import batches, softmax
from operators.affect.text_model import TextModel

TOKENS = 256  # of a text with its label; what is longer is cut at the text's end
TEMPLATE = "This example is {}."


class OnnxIntent:
    """Scores of any labels for texts.

    Layout: input_ids, attention_mask (and token_type_ids) [batch, tokens] -> logits [batch, 3], of which the
    names of two begin with "contradict" and "entail".

    Raises:
        BackendError: it does not open, or is no model of entailment.
    """

    def __init__(self, files: OnnxFiles, *, known: int = SIZE, device: str = "cpu", threads: int = 1) -> None:
        self._model = TextModel(files, most=TOKENS, pairs=True, device=device, threads=threads)
        self._places = [self._place(files, name) for name in ("contradict", "entail")]
        self.known: KnownTexts[tuple[str, tuple[str, ...]]] = KnownTexts(known)
        licence = f"; licence {files.licence}" if files.licence else ""
        self.notes: tuple[str, ...] = (f"intents of the words: {files.name} (zero-shot{licence})",)

    def __call__(self, texts: Sequence[str], labels: Sequence[str], /) -> list[Scores]:
        if not labels:
            raise ValueError("no labels to choose from")
        return self.known.answers([(text, tuple(labels)) for text in texts], self._scores)

    def _scores(self, asked: list[tuple[str, tuple[str, ...]]]) -> list[Scores]:
        labels = asked[0][1]
        hypotheses = [TEMPLATE.format(label.replace("_", " ")) for label in labels]
        pairs = [[self._model.encoded(text, one) for one in hypotheses] for text, _ in asked]
        scores = np.empty((len(asked), len(labels)), np.float32)
        longest = [max(len(pair.ids) for pair in of_text) for of_text in pairs]
        most = self._model.together // len(labels)
        for batch in batches(longest, most=most, slack=self._model.slack):
            logits = self._model.logits([pair for place in batch for pair in pairs[place]])
            entailed = softmax(logits[:, self._places])[:, 1]
            scores[batch] = entailed.reshape(len(batch), len(labels))
        return [dict(zip(labels, row, strict=True)) for row in scores.tolist()]

    def _place(self, files: OnnxFiles, name: str) -> int:
        found = [at for at, label in enumerate(self._model.labels) if label.lower().startswith(name)]
        if len(found) != 1:
            raise files.error(f"no model of entailment: its outputs are {', '.join(self._model.labels)}")
        return found[0]
