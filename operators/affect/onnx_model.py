"""An ONNX model in ONNX Runtime: opened once, called from any thread."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.affect.onnx_files import OnnxFiles

_INTEGERS = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}


class OnnxModel:
    """Named inputs to one output, [batch, outputs].

    Args:
        files: of the model.
        device: `cuda` runs there if this ONNX Runtime can; all others on the CPU.
        threads: of one call.

    Raises:
        BackendError: it does not open.
    """

    def __init__(self, files: OnnxFiles, *, device: str = "cpu", threads: int = 1) -> None:
        import onnxruntime

        self.files = files
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Batches differ in length: a memory pattern for each that was met would be kept for good.
        options.enable_mem_pattern = False
        options.log_severity_level = 3  # errors are raised, too
        there = onnxruntime.get_available_providers()
        wanted = ("CUDAExecutionProvider",) if device.startswith("cuda") else ()
        providers = [name for name in wanted if name in there] + ["CPUExecutionProvider"]
        self.on_cpu = len(providers) == 1
        try:
            self._session: Any = onnxruntime.InferenceSession(str(files.model), options, providers=providers)
        except Exception as error:  # noqa: BLE001 - each kind of fault has a class of its own
            raise files.error(f"it does not open ({str(error).splitlines()[0]})") from None
        self.inputs: dict[str, Any] = {one.name: one for one in self._session.get_inputs()}
        outputs = [one.name for one in self._session.get_outputs()]
        if "logits" not in outputs and len(outputs) != 1:
            raise files.error(f"it has no output `logits`, but {', '.join(outputs)}")
        self.output = "logits" if "logits" in outputs else outputs[0]

    def integers(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """`values` in the type that an input wants."""
        return values.astype(_INTEGERS.get(self.inputs[name].type, np.int64), copy=False)

    def run(self, feeds: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Shape: [batch, outputs]."""
        return self._session.run([self.output], dict(feeds))[0].astype(np.float32, copy=False)


def batches(lengths: Sequence[int], *, most: int, slack: float) -> Iterator[list[int]]:
    """The places of items, shortest first, in batches of at most `most` in all, the filling counted.

    The longest of a batch is at most `slack` times the shortest; with 1, only items of one length share a
    batch. A batch has at least one item.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = (len(batch) + 1) * lengths[place] > most
        if batch and (full or lengths[place] > slack * lengths[batch[0]]):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Over the last axis."""
    with np.errstate(invalid="ignore"):  # what is no number stays none
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


def sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Of each element, without overflow."""
    return (0.5 * (1 + np.tanh(0.5 * logits))).astype(np.float32)
