"""Affect models in the true ONNX layouts: the inputs, outputs and files of the real ones, random weights.

They understand nothing, but everything around them is real: files, labels, tokens, masks, batches.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
MSP_DIM = ("arousal", "dominance", "valence")
GO_EMOTIONS = (*(f"emotion {index}" for index in range(27)), "neutral")
MNLI = ("contradiction", "neutral", "entailment")
KERNEL, STRIDE = 400, 320  # of all of wav2vec2's first layers together
WORDS = (
    "<s> <pad> </s> <unk> yeah no the plan is great i hate this what do you think thank you hello this "
    "example question request instruction command complaint apology opinion agreement disagreement "
    "suggestion status update small talk gratitude greeting farewell a b c d e f g h . , ?"
).split()


class Graph:
    """Nodes and weights, put together by calls."""

    def __init__(self, seed: int) -> None:
        self.nodes: list[Any] = []
        self.weights: list[Any] = []
        self._chance = np.random.default_rng(seed)

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        output = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def value(self, array: NDArray[Any] | np.float32) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def random(self, *shape: int, scale: float = 1.0) -> str:
        return self.value(self._chance.normal(0, scale, shape).astype(np.float32))

    def ints(self, *values: int) -> str:
        return self.value(np.array(values, np.int64))

    def save(self, path: Path, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        graph = helper.make_graph(self.nodes, "tiny", list(inputs), list(outputs), self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.checker.check_model(model)
        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save(model, str(path))


def save_speech(
    folder: Path,
    labels: Sequence[str],
    *,
    input_name: str = "input_values",
    masked: bool = True,
    rows: int | None = None,
    norm: str = "layer",
    normalise: bool | None = True,
    hidden: bool = False,
    scale: float = 4.0,
    width: int = 8,
    layers: int = 0,
    seed: int = 1,
) -> Path:
    """A wav2vec2 head: frames of 20 ms, their mean (under the mask), a linear layer."""
    g = Graph(seed)
    x = g.node("Unsqueeze", input_name, g.ints(1))
    x = g.node("Conv", x, g.random(width, 1, KERNEL, scale=0.3), strides=[STRIDE])
    if norm == "group":  # over time, so that zeros behind a clip would change all of it
        ones, zeros = np.ones(width, np.float32), np.zeros(width, np.float32)
        x = g.node("InstanceNormalization", x, g.value(ones), g.value(zeros))
    x = g.node("Transpose", g.node("Tanh", x), perm=[0, 2, 1])  # [batch, frames, width]
    for _ in range(layers):
        x = g.node("Tanh", g.node("MatMul", x, g.random(width, width, scale=width**-0.5)))
    if masked:
        ends = g.node(
            "Slice", "attention_mask", g.ints(KERNEL - 1), g.ints(1 << 40), g.ints(1), g.ints(STRIDE)
        )
        mask = g.node("Unsqueeze", g.node("Cast", ends, to=TensorProto.FLOAT), g.ints(2))
        total = g.node("ReduceSum", g.node("Mul", x, mask), g.ints(1), keepdims=0)
        x = g.node("Div", total, g.node("ReduceSum", mask, g.ints(1), keepdims=0), output="hidden_states")
    else:
        x = g.node("ReduceMean", x, axes=[1], keepdims=0, output="hidden_states")
    weights = g.random(width, len(labels), scale=scale), g.random(len(labels), scale=0.1)
    g.node("Gemm", x, *weights, output="logits")
    batch = rows or "batch"
    inputs = [helper.make_tensor_value_info(input_name, TensorProto.FLOAT, [batch, "frames"])]
    if masked:
        inputs.append(helper.make_tensor_value_info("attention_mask", TensorProto.INT64, [batch, "frames"]))
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, len(labels)])]
    if hidden:
        outputs.insert(0, helper.make_tensor_value_info("hidden_states", TensorProto.FLOAT, [batch, width]))
    g.save(folder / "model.onnx", inputs, outputs)
    config = {"model_type": "wav2vec2", "feat_extract_norm": norm, "id2label": numbered(labels)}
    (folder / "config.json").write_text(json.dumps(config))
    if normalise is not None:
        front = {"do_normalize": normalise, "sampling_rate": 16_000}
        (folder / "preprocessor_config.json").write_text(json.dumps(front))
    return folder


def save_audonnx(folder: Path) -> Path:
    """As audEERING publishes it: a batch of one, `signal`, no mask, labels in model.yaml."""
    save_speech(
        folder, MSP_DIM, input_name="signal", masked=False, rows=1, normalise=None, hidden=True, scale=0.5
    )
    (folder / "config.json").unlink()
    rows = "".join(f"    - {label}\n" for label in MSP_DIM)
    labels = f"    hidden_states:\n    - hidden_states-0\n    logits:\n{rows}"
    (folder / "model.yaml").write_text(
        f"$audonnx.core.model.Model==0.6.1:\n  path: model.onnx\n  labels:\n{labels}"
    )
    return folder


def save_text(
    folder: Path,
    labels: Sequence[str],
    *,
    problem: str | None = None,
    types: bool = False,
    inside: str = "model.onnx",
    width: int = 16,
    layers: int = 1,
    seed: int = 2,
) -> Path:
    """A RoBERTa of few numbers: embeddings, positions counted by the mask, attention, the output of `<s>`."""
    g = Graph(seed)
    small = width**-0.5
    floats = g.node("Cast", "attention_mask", to=TensorProto.FLOAT)
    count = g.node("CumSum", "attention_mask", g.value(np.array(1, np.int64)))
    x = g.node("Gather", g.random(len(WORDS), width), "input_ids")
    x = g.node("Add", x, g.node("Gather", g.random(514, width, scale=0.3), count))
    if types:
        x = g.node("Add", x, g.node("Gather", g.random(2, width, scale=0.3), "token_type_ids"))
    off = g.node("Mul", g.node("Sub", g.value(np.float32(1)), floats), g.value(np.float32(-1e9)))
    off = g.node("Unsqueeze", off, g.ints(1))
    for _ in range(layers):
        q, k, v = (g.node("MatMul", x, g.random(width, width, scale=small)) for _ in range(3))
        scores = g.node("MatMul", q, g.node("Transpose", k, perm=[0, 2, 1]))
        scores = g.node("Add", g.node("Mul", scores, g.value(np.float32(small))), off)
        heard = g.node("MatMul", g.node("Softmax", scores, axis=-1), v)
        x = g.node("Tanh", g.node("Add", x, heard))
        wide = g.node("Tanh", g.node("MatMul", x, g.random(width, 4 * width, scale=small)))
        x = g.node("Add", x, g.node("MatMul", wide, g.random(4 * width, width, scale=small / 2)))
    first = g.node("Gather", x, g.value(np.array(0, np.int64)), axis=1)
    weights = g.random(width, len(labels), scale=2 * small), g.random(len(labels), scale=0.1)
    g.node("Gemm", first, *weights, output="logits")
    names = ["input_ids", "attention_mask"] + ["token_type_ids"] * types
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "tokens"]) for name in names]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(labels)])]
    g.save(folder / inside, inputs, outputs)
    config = {"pad_token_id": 1, "id2label": numbered(labels)} | (
        {"problem_type": problem} if problem else {}
    )
    (folder / "config.json").write_text(json.dumps(config))
    save_tokenizer(folder / "tokenizer.json")
    return folder


def save_tokenizer(path: Path) -> None:
    """Words, and RoBERTa's marks around them: <s> a </s>, <s> a </s></s> b </s>."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    vocabulary = {word: id for id, word in enumerate(dict.fromkeys(WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = [(mark, vocabulary[mark]) for mark in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B:1 </s>:1", special_tokens=marks
    )
    tokenizer.enable_padding(pad_id=1, pad_token="<pad>")
    tokenizer.save(str(path))


def numbered(labels: Sequence[str]) -> dict[str, str]:
    return {str(index): label for index, label in enumerate(labels)}
