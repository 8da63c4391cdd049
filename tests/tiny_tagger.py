"""A tagger in ONNX with the layout of PANNs' CNN14, small enough to be made by a test.

Its four classes hear: speech never; Music as loud as the window is; Rain as loud as it is above 12 kHz (of
which audio at 16 kHz has nothing, so only bad resampling gives any); Train the length of the window, as a
share of 2 s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

LABELS = ("Speech", "Music", "Rain", "Train")
TAPS = 63


def write_tagger(path: Path, *, batch: int | str = "batch", length: int | str = "samples") -> Path:
    """`waveform` [batch, samples] at 32 kHz -> `clipwise_output` [batch, 4] and `embedding` [batch, 1]."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    times = np.arange(TAPS) - TAPS // 2
    low_pass = np.sinc(times * 0.75) * 0.75 * np.hamming(TAPS)  # 12 kHz of 32
    high_pass = (times == 0) - low_pass
    constants = {
        "filter": high_pass.astype(np.float32)[None, None],
        "one": np.array([1], np.int64),
        "zero": np.array([0.0], np.float32),
        "two_seconds": np.array(64_000.0, np.float32),
        "two": np.array([2], np.int64),
    }
    nodes = [
        helper.make_node("Mul", ["waveform", "waveform"], ["squares"]),
        helper.make_node("ReduceMean", ["squares", "one"], ["power"], keepdims=1),
        helper.make_node("Sqrt", ["power"], ["loud"]),
        helper.make_node("Unsqueeze", ["waveform", "one"], ["channels"]),
        helper.make_node("Conv", ["channels", "filter"], ["high"]),
        helper.make_node("Mul", ["high", "high"], ["high_squares"]),
        helper.make_node("ReduceMean", ["high_squares", "two"], ["high_power"], keepdims=0),
        helper.make_node("Sqrt", ["high_power"], ["rain"]),
        helper.make_node("Mul", ["loud", "zero"], ["speech"]),
        helper.make_node("Shape", ["waveform"], ["shape"], start=1),
        helper.make_node("Cast", ["shape"], ["samples_here"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["samples_here", "two_seconds"], ["share"]),
        helper.make_node("Add", ["speech", "share"], ["train"]),
        helper.make_node("Concat", ["speech", "loud", "rain", "train"], ["clipwise_output"], axis=1),
        helper.make_node("Identity", ["loud"], ["embedding"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("waveform", TensorProto.FLOAT, [batch, length])],
        [
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, [batch, 1]),
            helper.make_tensor_value_info("clipwise_output", TensorProto.FLOAT, [batch, len(LABELS)]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, str(path))
    return path


def write_labels(path: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """As in the AudioSet release."""
    rows = [f'{index},/m/{index},"{label}"' for index, label in enumerate(labels)]
    path.write_text("\n".join(["index,mid,display_name", *rows]), "utf-8")
    return path


def tagger_folder(folder: Path) -> Path:
    write_tagger(folder / "cnn14.onnx")
    write_labels(folder / "class_labels_indices.csv")
    return folder
