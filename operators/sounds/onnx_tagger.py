"""A neural tagger in ONNX, in the layout of PANNs' CNN14: waveforms at 32 kHz in, AudioSet's 527 scores out.

Source: Q. Kong et al., PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition,
2020. A window of the session's audio is resampled by itself, with julius' kernel; above 8 kHz is nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.audio.stft import HOP, Spectra
from operators.audio.tensor_chunks import Transfers
from operators.sounds.audioset import NOISE, SPEECH
from operators.sounds.tagger import Floats
from operators.sounds.tagger_files import find_tagger
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.clock import RATE, samples
from stream_engine.errors import BackendError

if TYPE_CHECKING:
    import torch

OUTPUT = "clipwise_output"  # PANNs' name; beside it there may be an embedding


class OnnxTagger:
    """`model` opened: windows of 1 s each 0.5 s, 16 a call. Sessions and threads may share it.

    Args:
        model: a folder, an `.onnx` file, or a hub id; see `tagger_files`.
        rate: Hz that it wants.
        hub: how the hub is asked; `Hub(offline=True)` opens no socket.
        device: cpu or cuda.

    Raises:
        BackendError: it is missing or damaged, or its inputs, outputs and labels do not fit one another.
    """

    window, hop, batch = samples(1.0), samples(0.5), 16

    def __init__(
        self,
        *,
        model: str,
        rate: int = 32_000,
        hub: Hub | None = None,
        device: str = "cpu",
        threads: int = 1,
        transfers: Transfers | None = None,
    ) -> None:
        files = find_tagger(model, hub=hub or Hub())
        self.name = "cnn14" if "cnn14" in files.model.stem else files.model.stem
        self.labels = files.labels
        self.noise, self.speech = NOISE & set(files.labels), SPEECH & set(files.labels)
        self._rate, self._transfers = rate, transfers or Transfers()
        self._path = files.model
        self._session = _opened(files.model, device=device, threads=threads)
        self._input, self._most, self._length = self._wants()
        self._output = self._gives()

    def features(self, spectra: Spectra) -> torch.Tensor:
        """The samples of each cell: a view."""
        return spectra.samples.reshape(-1, HOP)

    def scores(self, windows: torch.Tensor) -> Floats:
        """Raises BackendError where the model gives no probabilities."""
        import torch
        from julius.resample import resample_frac

        waves = windows.reshape(len(windows), -1)
        if self._rate != RATE:
            waves = resample_frac(waves, RATE, self._rate)
        missing = (self._length or 0) - waves.shape[1]
        if self._length and missing:
            waves = torch.nn.functional.pad(waves, (0, missing))  # or cuts, where it is too long
        inputs = self._transfers.download(waves.contiguous())
        most = self._most or len(inputs)
        given = [self._run(inputs[at : at + most]) for at in range(0, len(inputs), most)]
        scores = np.concatenate(given)
        if scores.shape[1] != len(self.labels) or not (scores.min() >= 0 and scores.max() <= 1):
            raise BackendError(
                f"sound tagger {self._path}: want {len(self.labels)} probabilities a window, as there are "
                f"labels; it gives {scores.shape[1]} from {scores.min():.3g} to {scores.max():.3g}"
            )
        return scores

    def _run(self, waves: Floats) -> Floats:
        """One call; where the model takes a fixed number at a time, the rest of it is silence."""
        count = len(waves)
        if self._most and count < self._most:
            waves = np.pad(waves, ((0, self._most - count), (0, 0)))
        (scores,) = self._session.run([self._output], {self._input: waves})
        return np.asarray(scores, np.float32)[:count]

    def _wants(self) -> tuple[str, int | None, int | None]:
        """The name of the input, and the fixed sizes of batch and waveform, where they are fixed."""
        inputs = self._session.get_inputs()
        if len(inputs) != 1 or len(inputs[0].shape) != 2 or inputs[0].type != "tensor(float)":
            wanted = ", ".join(f"{one.name} {one.type} {one.shape}" for one in inputs)
            raise BackendError(
                f"sound tagger {self._path}: want one input of waveforms [batch, samples], not {wanted}"
            )
        batch, length = (size if isinstance(size, int) else None for size in inputs[0].shape)
        return inputs[0].name, batch, length

    def _gives(self) -> str:
        """The name of the output with a score for each label."""
        outputs = {one.name: one.shape[-1] for one in self._session.get_outputs() if len(one.shape) == 2}
        for name in (OUTPUT, *outputs):
            if outputs.get(name) == len(self.labels) or isinstance(outputs.get(name), str):
                return name
        raise BackendError(
            f"sound tagger {self._path}: {len(self.labels)} labels, and no output [batch, that]: {outputs}"
        )


def _opened(path: Path, *, device: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider"] if device.startswith("cuda") else []
    known = set(onnxruntime.get_available_providers())
    providers = [one for one in (*providers, "CPUExecutionProvider") if one in known]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors have no common base
        line = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise BackendError(f"sound tagger {path} does not open: {line}; fetch it again") from None
