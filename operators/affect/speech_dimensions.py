"""Valence, arousal and dominance of the voice, by a wav2vec2 regression (audEERING's msp-dim) in ONNX.

Which output is which is read from the model's own labels, never from a place: audEERING's order is arousal,
dominance, valence. Its values lie in about 0 to 1, 0.5 being neither.
Wagner et al., Dawn of the transformer era in speech emotion recognition, IEEE TPAMI 2023.
"""

from __future__ import annotations

from collections.abc import Sequence

from operators.affect.models import Clip, Dimensions
from operators.affect.onnx_files import OnnxFiles
from operators.affect.waveforms import Waveforms

RANGE = (0.0, 1.0)
AUDEERING = ("arousal", "dominance", "valence")
_TERMS = "CC BY-NC-SA 4.0, for research only, if these are audEERING's weights"


class OnnxSpeechDimensions:
    """The outputs that the labels call valence, arousal and dominance, of the first 20 s.

    Layout: signal or input_values [batch, frames] (and attention_mask) -> logits [batch, labels]
    (beside hidden_states).

    Raises:
        BackendError: it does not open, or has no output of these names.
    """

    def __init__(
        self,
        files: OnnxFiles,
        *,
        range: tuple[float, float] = RANGE,
        device: str = "cpu",
        threads: int = 1,
    ) -> None:
        if not range[0] < range[1]:
            raise ValueError(f"range={range}: want the lowest value, then the highest")
        self.range = range
        self._waveforms = Waveforms(files, device=device, threads=threads)
        labels = [label.lower() for label in self._waveforms.labels]
        self._places = tuple(labels.index(name) if name in labels else None for name in Dimensions._fields)
        if all(place is None for place in self._places):
            wanted = " or ".join(Dimensions._fields)
            raise files.error(f"no output is called {wanted}, but {', '.join(labels)}")
        licence = files.licence or (_TERMS if tuple(labels) == AUDEERING else "not stated")
        names = ", ".join(
            name for name, place in zip(Dimensions._fields, self._places, strict=True) if place is not None
        )
        self.notes: tuple[str, ...] = (
            f"{names} of the voice: {files.name} (about {range[0]:g} to {range[1]:g}; licence {licence})",
        )

    def __call__(self, clips: Sequence[Clip], /) -> list[Dimensions | None]:
        """None: shorter than 0.1 s."""
        return [
            None
            if logits is None
            else Dimensions(*(None if at is None else float(logits[at]) for at in self._places))
            for logits in self._waveforms.logits(clips)
        ]
