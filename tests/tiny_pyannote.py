"""Tiny pyannote checkpoints in the true format: random weights, the real classes, saved as lightning does."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")

CONFIG = """\
dependencies:
  pyannote.audio: 4.0.0
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: VBxClustering
    segmentation: $model/segmentation
    segmentation_batch_size: 32
    embedding: $model/embedding
    embedding_batch_size: 32
    embedding_exclude_overlap: true
    plda: $model/plda
params:
  clustering: {threshold: 0.6, Fa: 0.07, Fb: 0.8}
  segmentation: {min_duration_off: 0.0}
"""


def tiny_segmentation(*, speakers: int = 3, together: int | None = 2, seconds: float = 5.0) -> Any:
    """PyanNet of a few units, lively enough to hear voices come and go; `together` None is multi-label."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.segmentation import PyanNet

    torch.manual_seed(0)
    model = PyanNet(
        sincnet={"stride": 10},
        lstm={"hidden_size": 8, "num_layers": 1},
        linear={"hidden_size": 8, "num_layers": 1},
    )
    model.specifications = Specifications(
        problem=Problem.MONO_LABEL_CLASSIFICATION if together else Problem.MULTI_LABEL_CLASSIFICATION,
        resolution=Resolution.FRAME,
        duration=seconds,
        classes=[f"speaker#{number}" for number in range(speakers)],
        powerset_max_classes=together,
        permutation_invariant=True,
    )
    model.build()
    with torch.no_grad():
        for weights in [*model.lstm.parameters(), model.classifier.weight]:
            torch.nn.init.normal_(weights)
    return model.eval()


def tiny_embedding() -> Any:
    """WeSpeakerResNet34: its size is fixed (26 MB)."""
    import torch
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from pyannote.audio.models.embedding import WeSpeakerResNet34

    torch.manual_seed(0)
    model = WeSpeakerResNet34()
    model.specifications = Specifications(
        problem=Problem.REPRESENTATION, resolution=Resolution.CHUNK, duration=5.0
    )
    return model.eval()


def save(model: Any, path: Path) -> Path:
    """A checkpoint as `lightning.Trainer` writes it, with what pyannote adds."""
    import lightning
    import torch

    checkpoint = {
        "state_dict": model.state_dict(),
        "hyper_parameters": dict(model.hparams),
        "hparams_name": "kwargs",
        "pytorch-lightning_version": lightning.__version__,
        "epoch": 0,
        "global_step": 0,
    }
    model.on_save_checkpoint(checkpoint)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(checkpoint, path)
    return path


def pipeline_folder(folder: Path) -> Path:
    """Laid out as pyannote/speaker-diarization-community-1 is."""
    save(tiny_segmentation(), folder / "segmentation" / "pytorch_model.bin")
    save(tiny_embedding(), folder / "embedding" / "pytorch_model.bin")
    (folder / "config.yaml").write_text(CONFIG)
    return folder
