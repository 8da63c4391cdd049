"""Clips of speech through a wav2vec2 network: normalised, filled up, in batches of like length.

    clips      ████████████        batch 1  ██████▒▒   mask 11111100
               ██████                       ████████        11111111
               ████████            batch 2  ████████████

Zeros behind a clip change nothing only where the network is told of them by an attention mask, and normalises
its first layer by frame and not over time (`feat_extract_norm` "layer", as in the large models). Measured on
torchaudio's wav2vec2 of random weights, 0.6 s filled up to 1 s: by frame 2e-6, over time 2e-2. So any other
model gets clips of one length together, and an export for a batch of one gets them one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.affect.models import Clip
from operators.affect.onnx_files import OnnxFiles
from operators.affect.onnx_model import OnnxModel, batches
from stream_engine.clock import RATE

LONGEST = 20 * RATE  # only the beginning of a longer clip is listened to
SHORTEST = RATE // 10  # four frames; the network's first needs 25 ms
TOGETHER = 8 * LONGEST  # samples in one call, zeros included
ON_CPU, ON_GPU = 1.25, 4.0  # how much longer the longest clip of a call may be: a CPU pays for zeros in full
_MASK = "attention_mask"


class Waveforms:
    """Logits of clips.

    Raises:
        BackendError: the model does not open, or is not one over 16 kHz waveforms.
    """

    def __init__(self, files: OnnxFiles, *, device: str = "cpu", threads: int = 1) -> None:
        self._model = OnnxModel(files, device=device, threads=threads)
        self.labels = files.labels(self._model.output)
        config = files.settings("config.json")
        front = files.settings("preprocessor_config.json")
        if (rate := front.get("sampling_rate", RATE)) != RATE:
            raise files.error(f"it wants audio at {rate} Hz, and there is {RATE}")
        self._normalised = bool(front) and front.get("do_normalize", True)  # True: that file's default
        audio = [one for one in self._model.inputs.values() if one.name != _MASK]
        if len(audio) != 1 or len(audio[0].shape) != 2 or audio[0].type != "tensor(float)":
            raise files.error(f"want one input [batch, frames], and it has {', '.join(self._model.inputs)}")
        self._input = audio[0].name
        rows, frames = audio[0].shape
        if isinstance(frames, int) or (isinstance(rows, int) and rows != 1):
            raise files.error(f"it was exported for input of {rows} x {frames} only")
        self._masked = _MASK in self._model.inputs
        padded = self._masked and config.get("feat_extract_norm") == "layer"
        self._slack = 1.0 if not padded else ON_CPU if self._model.on_cpu else ON_GPU
        self._together = 1 if rows == 1 else TOGETHER

    def logits(self, clips: Sequence[Clip]) -> list[NDArray[np.float32] | None]:
        """Of the first 20 s of each, [labels]; None for less than 0.1 s.

        The clips are not copied before they are put into a batch.
        """
        heard = [clip[:LONGEST] for clip in clips]
        found: list[NDArray[np.float32] | None] = [None] * len(heard)
        places = [place for place, clip in enumerate(heard) if len(clip) >= SHORTEST]
        lengths = [len(heard[place]) for place in places]
        for batch in batches(lengths, most=self._together, slack=self._slack):
            rows = [places[index] for index in batch]
            for place, row in zip(rows, self._run([heard[place] for place in rows]), strict=True):
                found[place] = row
        return found

    def _run(self, clips: list[Clip]) -> NDArray[np.float32]:
        """One call: clips of which the last is the longest."""
        shape = len(clips), len(clips[-1])
        if len(clips) == 1 and not self._normalised:
            values = np.ascontiguousarray(clips[0], np.float32)[None]  # the clip itself where it can be
        else:
            values = np.zeros(shape, np.float32)
            for row, clip in zip(values, clips, strict=True):
                row[: len(clip)] = normalised(clip) if self._normalised else clip
        feeds: dict[str, NDArray[Any]] = {self._input: values}
        if self._masked:
            lengths = np.array([len(clip) for clip in clips])
            feeds[_MASK] = self._model.integers(_MASK, np.arange(shape[1]) < lengths[:, None])
        return self._model.run(feeds)


def normalised(clip: Clip) -> Clip:
    """Without mean and of variance 1, as transformers' Wav2Vec2FeatureExtractor does it."""
    mean = clip.mean(dtype=np.float64)
    deviation = np.sqrt(clip.var(dtype=np.float64) + 1e-7)
    return ((clip - mean) / deviation).astype(np.float32)
