"""The embedded community-1 weights in pyannote's own torch classes: the same models, on any device.

On `pyannote.audio.sample`, against ONNX Runtime: the same activity in each frame, embeddings within 5e-6.
Models: pyannote speaker-diarization-community-1, CC BY 4.0.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from operators.speech.diarization.community_1 import embedded
from operators.speech.diarization.onnx_weights import (
    OnnxWeights,
    Weights,
    embedding_weights,
    segmentation_weights,
)
from operators.speech.diarization.pyannote_models import PyannoteEmbedding, PyannoteSegmentation


def torch_community_1(*, device: str = "cpu") -> tuple[PyannoteSegmentation, PyannoteEmbedding]:
    """Both models, ready to run.

    Raises:
        BackendError: the wheel that carries the weights is missing, or carries others.
    """
    return torch_segmentation(device=device), torch_embedding(device=device)


def torch_segmentation(*, device: str = "cpu") -> PyannoteSegmentation:
    """Up to three local speakers in 10 s of audio, two at once (powerset)."""
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    model = PyanNet(sincnet={"stride": 10}, lstm={"num_layers": 4})
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=10.0,
        classes=["speaker#1", "speaker#2", "speaker#3"],
        powerset_max_classes=2,
        permutation_invariant=True,
    )
    model.build()
    _fill(model, segmentation_weights(OnnxWeights(embedded("segmentation_ort_data"))))
    return PyannoteSegmentation(model, device=device)


def torch_embedding(*, device: str = "cpu") -> PyannoteEmbedding:
    """WeSpeaker ResNet34: [256]."""
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34

    model = WeSpeakerResNet34()
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0
    )
    _fill(model, embedding_weights(OnnxWeights(embedded("embedding_ort_data"))))
    return PyannoteEmbedding(model, device=device)


def _fill(model: Any, weights: Weights) -> None:
    """Every parameter gets its weight; a count of batches, which only training reads, may be missing."""
    import torch

    state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    counts = {
        name: value for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")
    }
    model.load_state_dict({**counts, **state}, strict=True)
