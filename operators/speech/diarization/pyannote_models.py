"""pyannote's models, in torch on any device, as the diarizer wants them (see `models`)."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from operators.audio.tensor_chunks import Transfers
from operators.speech.diarization.batching import Batches
from operators.speech.diarization.models import Activity, Samples, Vector
from stream_engine.clock import RATE
from stream_engine.errors import BackendError

if TYPE_CHECKING:
    import torch
    from pyannote.audio import Model

SEGMENTATION_BATCH = 32  # windows of 10 s on a GPU; on a CPU more than one is no faster
EMBEDDING_BATCH = 32
_MOST_SAMPLES = 2 * RATE  # no model that needs more is of use for turns


class PyannoteSegmentation:
    """Local speakers by a frame-wise pyannote model: powerset as 0 or 1, multi-label as probabilities.

    Off the CPU each call is filled up to a whole batch, so that the device runs the same kernels, and gives
    the same result for a window, however many windows come with it.

    Args:
        model: of any number of local speakers.
        device: where torch runs it.
        batch: windows in one call; halved for good when memory runs out (counted in `batches.halved`).

    Raises:
        BackendError: the model is of another kind, or of another rate.
    """

    def __init__(self, model: Model, *, device: str = "cpu", batch: int | None = None) -> None:
        from pyannote.audio.core.task import Resolution
        from pyannote.audio.utils.powerset import Powerset

        specifications: Any = _specifications(model)
        if specifications.resolution != Resolution.FRAME or not specifications.classes:
            raise BackendError(f"{_kind(model)} tells nothing of frames: it is not a segmentation model")
        self.model: Any = model.to(device).eval()
        self.window = round(specifications.duration * RATE)
        sizes: Any = model.receptive_field_size
        self.width: int = sizes(num_frames=1)
        self.step: int = sizes(num_frames=2) - self.width
        frames: Any = model.num_frames
        if frames(self.window) != (self.window - self.width) // self.step + 1:
            raise BackendError(
                f"{_kind(model)} pads its windows: its frames lie on no grid that can be joined"
            )
        self.speakers = len(specifications.classes)
        self._powerset: Any = None
        if specifications.powerset:
            self._powerset = Powerset(self.speakers, specifications.powerset_max_classes).to(device)
        size = batch or (1 if device == "cpu" else SEGMENTATION_BATCH)
        self.batches: Batches[Samples] = Batches(self._activity, size=size)
        self._device = device
        self.transfers = Transfers()

    @property
    def batch(self) -> int:
        """Windows that are worth giving in one call."""
        return self.batches.size

    def __call__(self, windows: Samples, /) -> Activity:
        """Shape: [batch, window] -> [batch, frames, local speakers]."""
        return np.stack(self.batches.run(windows))

    def _activity(self, windows: list[Samples]) -> Activity:
        import torch

        filled = np.stack(windows)
        if self._device != "cpu":
            filled = np.pad(filled, ((0, self.batches.size - len(windows)), (0, 0)))
        with torch.inference_mode():
            waveforms = self.transfers.upload(filled, self._device)
            scores: torch.Tensor = self.model(waveforms[:, None])  # [batch, frames, classes]
            activity = self._powerset.to_multilabel(scores) if self._powerset is not None else scores
            return self.transfers.download(activity[: len(windows)].float())


class PyannoteEmbedding:
    """The voice by any pyannote embedding model, WeSpeaker ResNets in batches of stretches.

    Stretches of different length are filled up to the longest, and what is filled up is kept at zero before
    each convolution and left out of the statistics: that is what a stretch on its own meets at its end.
    Other models take stretches one by one.
    """

    def __init__(self, model: Model, *, device: str = "cpu", batch: int | None = None) -> None:
        from pyannote.audio.core.task import Resolution
        from pyannote.audio.models.embedding.wespeaker import BaseWeSpeakerResNet
        from torch.nn import Conv2d

        specifications: Any = _specifications(model)
        if specifications.resolution != Resolution.CHUNK:
            raise BackendError(f"{_kind(model)} gives frames, not one vector: it is not an embedding model")
        self.model: Any = model.to(device).eval()
        self._device = device
        self.transfers = Transfers()
        self.dimension: int = self.model.dimension
        lengths = range(4_000, _MOST_SAMPLES, 800)
        self.shortest = next((n for n in lengths if self.model.num_frames(n) >= 2), _MOST_SAMPLES)
        together = isinstance(model, BaseWeSpeakerResNet)
        size = batch or (1 if device == "cpu" else EMBEDDING_BATCH)
        self.batches: Batches[Samples] = Batches(self._embed, size=size if together else 1)
        self._masks = threading.local()  # sessions in several threads share the model
        if together:
            for module in self.model.resnet.modules():
                if isinstance(module, Conv2d):
                    module.register_forward_pre_hook(self._masked)

    @property
    def batch(self) -> int:
        """Stretches that are worth giving in one call."""
        return self.batches.size

    def __call__(self, stretches: list[Samples], /) -> Vector:
        """Each stretch ([samples]) on its own -> [stretches, dimension]."""
        return np.stack(self.batches.run(stretches))

    def _embed(self, stretches: list[Samples]) -> Vector:
        import torch

        with torch.inference_mode():
            waveforms = [self.transfers.upload(stretch, self._device) for stretch in stretches]
            if len(waveforms) == 1:
                return self.transfers.download(self.model(waveforms[0][None, None]).float())
            features = [self.model.compute_fbank(waveform[None, None])[0] for waveform in waveforms]
            return self.transfers.download(self._together(features).float())

    def _together(self, features: list[torch.Tensor]) -> torch.Tensor:
        """Shape: each [frames, bins] -> [stretches, dimension]."""
        import torch

        lengths = torch.tensor([len(feature) for feature in features], device=self._device)
        filled = torch.nn.utils.rnn.pad_sequence(features, batch_first=True)
        masks: dict[int, torch.Tensor] = {}
        longest = filled.shape[1]
        while longest not in masks:  # each stage of the ResNet halves the frames, three times in all
            masks[longest] = (torch.arange(longest, device=self._device) < lengths[:, None]).to(filled.dtype)
            longest, lengths = (longest + 1) // 2, (lengths + 1) // 2
        self._masks.by_length = masks
        try:
            frames = self.model.resnet.forward_frames(filled)
            return self.model.forward_embedding(frames, weights=masks[frames.shape[-1]])
        finally:
            self._masks.by_length = None

    def _masked(self, _: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Keeps what is filled up at zero: [batch, channels, bins, frames]."""
        masks = getattr(self._masks, "by_length", None)
        if masks is None:
            return inputs
        return (inputs[0] * masks[inputs[0].shape[-1]][:, None, None, :],)


def _specifications(model: Model) -> object:
    specifications = model.specifications
    if isinstance(specifications, tuple):
        raise BackendError(f"{_kind(model)} has several tasks: give a model of one")
    rate: Any = model.hparams["sample_rate"]
    if rate != RATE:
        raise BackendError(f"{_kind(model)} wants audio at {rate} Hz: give a model for {RATE} Hz")
    return specifications


def _kind(model: Model) -> str:
    return f"pyannote model {type(model).__name__}"
