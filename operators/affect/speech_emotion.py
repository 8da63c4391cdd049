"""Emotion classes of the voice, by a wav2vec2 classifier exported to ONNX."""

from __future__ import annotations

from collections.abc import Sequence

from operators.affect.models import Clip, Scores
from operators.affect.onnx_files import OnnxFiles
from operators.affect.onnx_model import softmax
from operators.affect.waveforms import Waveforms


class OnnxSpeechEmotion:
    """Probabilities of the classes that the model's `id2label` names, of the first 20 s.

    Layout: input_values [batch, frames] (and attention_mask) -> logits [batch, classes].

    Raises:
        BackendError: it does not open, or does not name its classes.
    """

    def __init__(self, files: OnnxFiles, *, device: str = "cpu", threads: int = 1) -> None:
        self._waveforms = Waveforms(files, device=device, threads=threads)
        self.labels = self._waveforms.labels
        licence = f"; licence {files.licence}" if files.licence else ""
        self.notes: tuple[str, ...] = (
            f"emotion of the voice: {files.name} ({len(self.labels)} classes{licence})",
        )

    def __call__(self, clips: Sequence[Clip], /) -> list[Scores | None]:
        """None: shorter than 0.1 s."""
        return [
            None if logits is None else dict(zip(self.labels, softmax(logits).tolist(), strict=True))
            for logits in self._waveforms.logits(clips)
        ]
