"""pyannote's community-1 models, out of the shared library of the `moonshine-voice` wheel.

The wheel carries them as data symbols of the namespace `cppannote::embedded_community1`: two ONNX Runtime
models. Nothing is downloaded, nothing of the library is called.
Models: pyannote speaker-diarization-community-1, CC BY 4.0.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from operators.speech.diarization.fbank import fbank
from operators.speech.diarization.models import Activity, Samples, Vector
from stream_engine.errors import BackendError

_PREFIX = "_ZN9cppannote19embedded_community1"
_INSTALL = "pip install 'stream-engine[embedded]'"


class Community1Segmentation:
    """Up to three local speakers in 10 s of audio, two at once, each frame 0 or 1 (powerset)."""

    window = 160_000
    step = 270
    width = 991

    def __init__(self) -> None:
        self._session = _session("segmentation_ort_data")

    def __call__(self, windows: Samples, /) -> Activity:
        """Shape: [batch, 160000] -> [batch, 589, 3]."""
        return self._session.run(None, {"waveforms": windows[:, None, :]})[0]


class Community1Embedding:
    """WeSpeaker ResNet34: [256]."""

    dimension = 256
    shortest = 4_000

    def __init__(self) -> None:
        self._session = _session("embedding_ort_data")

    def __call__(self, stretches: list[Samples], /) -> Vector:
        """Each stretch ([samples]) on its own, since they differ in length -> [stretches, 256]."""
        return np.stack([self._embed(stretch) for stretch in stretches])

    def _embed(self, stretch: Samples) -> Vector:
        features = fbank(stretch)[None]
        weights = np.ones(features.shape[:2], np.float32)
        return self._session.run(None, {"fbank": features, "weights": weights})[0][0]


def _session(name: str) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    # Stretches differ in length: a memory pattern for each that was met would be kept for good.
    options.enable_mem_pattern = False
    return onnxruntime.InferenceSession(embedded(name), options, providers=["CPUExecutionProvider"])


def embedded(name: str) -> bytes:
    """One of the models, or of the tables that belong to them, as it lies in the library.

    Raises:
        BackendError: the wheel is not installed, or carries nothing of that name.
    """
    path, symbols = _library()
    symbol = f"{_PREFIX}{len(name)}{name}E"
    if symbol not in symbols:
        raise BackendError(f"no community-1 weights in {path}: {name} is missing; {_INSTALL}")
    return bytes((ctypes.c_char * symbols[symbol]).in_dll(ctypes.CDLL(path), symbol))


@cache
def _library() -> tuple[str, dict[str, int]]:
    """The library's path, and the size of each data symbol of the embedded models."""
    package = importlib.util.find_spec("moonshine_voice")
    if package is None or package.origin is None:
        raise BackendError(f"community-1 weights are not installed: {_INSTALL}")
    found = sorted(Path(package.origin).parent.glob("libmoonshine*"))
    if not found:
        raise BackendError(f"no libmoonshine in {Path(package.origin).parent}: {_INSTALL}")
    try:
        from elftools.elf.elffile import ELFFile
    except ImportError as missing:
        raise BackendError(f"pyelftools is not installed: {_INSTALL}") from missing
    with found[0].open("rb") as file:
        table: Any = ELFFile(file).get_section_by_name(".dynsym")
        symbols = {symbol.name: symbol["st_size"] for symbol in table.iter_symbols()}
    return str(found[0]), {name: size for name, size in symbols.items() if name.startswith(_PREFIX)}
