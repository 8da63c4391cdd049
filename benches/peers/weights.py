"""Weights that both sides open: community-1 in pyannote's own format, a tiny Whisper in CTranslate2's.

community-1 is rebuilt from the wheel of moonshine-voice (`torch_community_1`, its PLDA tables as pyannote's
two .npz files), so that pyannote's own pipeline runs on the very weights that ours runs on. The Whisper
understands nothing (`tests.tiny_whisper`): it is there for its cost and its format. Real ones by path.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

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


def pyannote_pipeline(folder: Path) -> Path:
    """A folder laid out as pyannote/speaker-diarization-community-1 is, with its weights.

    Raises:
        BackendError: the wheel that carries the weights is missing, or carries others.
    """
    from operators.speech.diarization.torch_community_1 import torch_community_1
    from tests.tiny_pyannote import save

    if (folder / "config.yaml").exists():
        return folder
    segmentation, embedding = torch_community_1()
    save(segmentation.model, folder / "segmentation" / "pytorch_model.bin")
    save(embedding.model, folder / "embedding" / "pytorch_model.bin")
    _save_plda(folder / "plda")
    (folder / "config.yaml").write_text(CONFIG)
    return folder


def _save_plda(folder: Path) -> None:
    """The tables of the embedded pipeline: x-vectors, through an LDA [256, 128], into the PLDA's space."""
    from operators.speech.diarization.community_1 import embedded

    folder.mkdir(parents=True)
    np.savez(
        folder / "xvec_transform.npz",
        mean1=np.frombuffer(embedded("xvec_mean1")),
        mean2=np.frombuffer(embedded("xvec_mean2"), np.float32),
        lda=np.frombuffer(embedded("xvec_lda"), np.float32).reshape(256, 128),
    )
    np.savez(
        folder / "plda.npz",
        mu=np.frombuffer(embedded("plda_mu")),
        tr=np.frombuffer(embedded("plda_tr")).reshape(128, 128),
        psi=np.frombuffer(embedded("plda_psi")),
    )


def tiny_whisper(folder: Path) -> Path:
    """A CTranslate2 folder of random weights in the true format."""
    from tests.tiny_whisper import save_tiny_whisper

    return folder if folder.exists() else save_tiny_whisper(folder, english_only=True)
