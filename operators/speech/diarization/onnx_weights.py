"""The weights inside an ONNX Runtime model, under the names that pyannote's torch classes know them by.

The embedded community-1 models are ONNX Runtime flatbuffers, exported from those classes. Most weights are
8 bit integers, which the graph makes float before it computes (`integers * scale + zero`): no activation is
rounded. So torch on these weights is the same network, to the rounding of float32:

    ONNX                                             torch
    LSTM  W, R [2, 4 h, in], gates i o f c      ->   weight_ih, weight_hh and their _reverse, gates i f c o
    MatMul [in, out]                            ->   Linear.weight [out, in]
    Conv with its batch norm folded into it     ->   Conv.weight, and a batch norm that only adds the bias
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stream_engine.errors import BackendError

Floats = NDArray[np.float32]
Weights = dict[str, Floats]

_DTYPES = {1: np.float32, 3: np.int8, 7: np.int64}  # of ONNX's TensorProto, those that occur
_GATES = (0, 2, 3, 1)  # where torch's gates input, forget, cell, output are among ONNX's
_EPSILON = 1e-5  # of torch's BatchNorm2d


class Node(NamedTuple):
    """One operation of the graph; names of tensors."""

    kind: str
    inputs: list[str]
    output: str

    @property
    def module(self) -> str:
        """The torch module it was exported from: `/a/layer2/layer2.0/conv1/Conv` is `a.layer2.0.conv1`."""
        parts = self.output.strip("/").split("/")[:-1]
        kept = [part for part, after in pairwise([*parts, ""]) if not after.startswith(f"{part}.")]
        return ".".join(kept)


class OnnxWeights:
    """Weights and operations of an ONNX Runtime model, given as the bytes of an `.ort` file."""

    def __init__(self, data: bytes) -> None:
        from onnxruntime.tools.ort_format_model.ort_flatbuffers_py.fbs import InferenceSession

        session: Any = InferenceSession.InferenceSession
        graph: Any = session.GetRootAs(data, 0).Model().Graph()
        tensors = [graph.Initializers(index) for index in range(graph.InitializersLength())]
        self.values = {tensor.Name().decode(): _array(tensor) for tensor in tensors}
        self.nodes = [_node(graph.Nodes(index)) for index in range(graph.NodesLength())]

    def value(self, name: str) -> Floats:
        """A weight as float32, out of integers where it is kept so.

        Raises:
            BackendError: there is none of that name: another version of the model.
        """
        name = name.removesuffix("_add_tensor")
        if name in self.values:
            return self.values[name].astype(np.float32)
        try:
            integers, scale, zero = (self.values[name + end] for end in _PARTS)
        except KeyError:
            raise BackendError(f"community-1: the embedded model has no weight {name}; update it") from None
        return integers.astype(np.float32) * scale + zero

    def of(self, kind: str) -> list[Node]:
        """The operations of one kind, in the order of the graph."""
        return [node for node in self.nodes if node.kind == kind]


def segmentation_weights(model: OnnxWeights) -> Weights:
    """`PyanNet.state_dict()`."""
    inner = [name.removeprefix("inner.") for name in model.values if name.startswith("inner.")]
    names = {name.removesuffix(end) for name in inner for end in ("", *_PARTS) if name.endswith(end)}
    whole = [name for name in names if not name.endswith(_PARTS)]
    weights = {name: model.value(f"inner.{name}") for name in whole}
    for layer, node in enumerate(model.of("LSTM")):
        weights |= _lstm(layer, *(model.value(name) for name in node.inputs[1:4]))
    for node in model.of("MatMul"):
        module = node.module.removeprefix("inner.")
        if module.startswith(("linear.", "classifier")):
            weights[f"{module}.weight"] = model.value(node.inputs[1]).T
    return weights


def embedding_weights(model: OnnxWeights) -> Weights:
    """`WeSpeakerResNet34.state_dict()`, save for its counts of batches."""
    weights: Weights = {}
    for node in model.of("Conv"):
        weights[f"{node.module}.weight"] = model.value(node.inputs[1])
        norm = node.module.replace("conv", "bn").replace("shortcut.0", "shortcut.1")
        weights |= _only_bias(norm, model.value(node.inputs[2]))
    (last,) = model.of("Gemm")
    weights["resnet.seg_1.weight"] = model.value(last.inputs[1])
    weights["resnet.seg_1.bias"] = model.value(last.inputs[2])
    return weights


def _lstm(layer: int, inputs: Floats, recurrent: Floats, biases: Floats) -> Weights:
    """Shape: [2, 4 h, in], [2, 4 h, h], [2, 8 h]; the first of two is forwards."""
    weights: Weights = {}
    for direction, end in enumerate(("", "_reverse")):
        of_inputs, of_recurrent = np.split(biases[direction], 2)
        for kind, value in (
            ("weight_ih", inputs[direction]),
            ("weight_hh", recurrent[direction]),
            ("bias_ih", of_inputs),
            ("bias_hh", of_recurrent),
        ):
            gates = np.split(value, 4)
            weights[f"lstm.{kind}_l{layer}{end}"] = np.concatenate([gates[gate] for gate in _GATES])
    return weights


def _only_bias(norm: str, bias: Floats) -> Weights:
    """A batch norm that adds `bias` and does nothing else."""
    return {
        f"{norm}.weight": np.full_like(bias, np.sqrt(1 + _EPSILON)),
        f"{norm}.bias": bias,
        f"{norm}.running_mean": np.zeros_like(bias),
        f"{norm}.running_var": np.ones_like(bias),
    }


def _array(tensor: Any) -> NDArray[Any]:
    shape = [tensor.Dims(index) for index in range(tensor.DimsLength())]
    return np.frombuffer(tensor.RawDataAsNumpy().tobytes(), _DTYPES[tensor.DataType()]).reshape(shape)


def _node(node: Any) -> Node:
    inputs = [node.Inputs(index).decode() for index in range(node.InputsLength())]
    return Node(node.OpType().decode(), inputs, node.Outputs(0).decode())


_PARTS = ("_quantized", "_scale", "_zero_point")
