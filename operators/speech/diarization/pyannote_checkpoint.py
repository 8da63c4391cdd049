"""Finding and opening pyannote checkpoints: a hub id, a checkpoint file, or a folder.

    FOLDER or ID with a pipeline's config.yaml      ->  the segmentation and the embedding that it names
    FOLDER or ID with segmentation/ and embedding/  ->  these two
    FILE, FOLDER or ID with one pytorch_model.bin   ->  that model; the other is the embedded community-1's

A checkpoint is a pickle, and opening a pickle can run code. pyannote opens it without restriction. Here it is
first read by torch's restricted unpickler (`weights_only`), which knows tensors, plain values and the classes
that describe a pyannote model, and builds nothing else; only what passes is given to pyannote. What does not
pass is refused, unless it comes from pyannote's own place on the hub, whose code runs here anyway.
"""

from __future__ import annotations

import hashlib
import os
import pickle
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

from operators.speech.diarization.pyannote_hub import Folder, Hub, HubModel, Place
from operators.speech.diarization.pyannote_models import PyannoteEmbedding, PyannoteSegmentation
from operators.speech.diarization.torch_community_1 import torch_embedding, torch_segmentation
from stream_engine.errors import BackendError

WEIGHTS, CONFIG = "pytorch_model.bin", "config.yaml"
ROLES = ("segmentation", "embedding")
EXAMPLE = "pyannote/speaker-diarization-community-1"


@dataclass(frozen=True)
class PyannoteDiarizer:
    """The two models of a diarizer."""

    segmentation: PyannoteSegmentation
    embedding: PyannoteEmbedding
    notes: tuple[str, ...]  # what a user should know of the choice
    digest: str  # of all weights, since results depend on them


@dataclass(frozen=True)
class Weights:
    """A checkpoint on this machine."""

    path: Path
    trusted: bool  # to hold code that may run


def load_pyannote(model: str, *, device: str = "cpu", hub: Hub | None = None) -> PyannoteDiarizer:
    """Opens the models that `model` names, on a torch device.

    Args:
        model: a hub id (`OWNER/NAME` or `OWNER/NAME@REVISION`), a file or a folder.
        device: where torch runs them.
        hub: where ids are looked up; `Hub(offline=True)` opens no socket.

    Raises:
        BackendError: absent, gated, of the wrong kind, or not safe to open.
    """
    os.environ.setdefault("PYANNOTE_METRICS_ENABLED", "0")
    digest = hashlib.blake2b(digest_size=16)
    opened: dict[str, Any] = {}
    for weights in find(model, hub or Hub()):
        role, checkpoint = _opened(weights)
        if role in opened:
            raise BackendError(f"pyannote model {model}: two {role} models, where one of each is wanted")
        opened[role] = checkpoint
        digest.update(weights.path.read_bytes())
    notes = tuple(
        f"{model} is one model: {role} by the embedded community-1" for role in ROLES if role not in opened
    )
    one, other = (opened.get(role) for role in ROLES)
    return PyannoteDiarizer(
        PyannoteSegmentation(one, device=device) if one else torch_segmentation(device=device),
        PyannoteEmbedding(other, device=device) if other else torch_embedding(device=device),
        notes,
        digest.hexdigest(),
    )


def find(model: str, hub: Hub) -> list[Weights]:
    """The checkpoints that `model` names: two, or one of which it is not known yet what it is for."""
    path = Path(model).expanduser()
    if path.is_file() and path.name != CONFIG:
        return [Weights(path, trusted=False)]
    if path.exists():
        return _in(Folder(path if path.is_dir() else path.parent), hub)
    if path.is_absolute() or model.count("/") != 1 or model.startswith(("./", "../", "~")):
        raise BackendError(f"pyannote model {model}: no such file or folder; or give an id like {EXAMPLE}")
    return _in(hub.model(model), hub)


def _in(place: Place, hub: Hub) -> list[Weights]:
    if config := place.file(CONFIG):
        if named := _pipeline(config):
            return [_named(named[role], place, hub) for role in ROLES]
    if found := _weights(place, WEIGHTS):
        return [found]
    pair = [_weights(place, f"{role}/{WEIGHTS}") for role in ROLES]
    if None in pair:
        raise BackendError(
            f"pyannote model {place.name} has no {CONFIG} of a diarizer and no {WEIGHTS}; try {EXAMPLE}"
        )
    return [weights for weights in pair if weights]


def _weights(place: Place, name: str) -> Weights | None:
    path = place.file(name)
    return Weights(path, place.trusted) if path else None


def _pipeline(config: Path) -> dict[str, Any] | None:
    """The models that a pipeline's configuration names; None if it is that of something else."""
    import yaml

    try:
        content: Any = yaml.safe_load(config.read_text("utf-8"))
        parameters: Any = content["pipeline"]["params"]
        return {role: parameters[role] for role in ROLES}
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError):
        return None


def _named(named: Any, place: Place, hub: Hub) -> Weights:
    """A model as configurations name it: `$model/FOLDER`, an id, a path, or a mapping with a checkpoint."""
    folder = ""
    if isinstance(named, dict):
        mapping = cast("dict[str, Any]", named)
        folder = mapping.get("subfolder") or ""
        revision = mapping.get("revision")
        named = f"{mapping.get('checkpoint')}@{revision}" if revision else mapping.get("checkpoint")
    text = str(named)
    if text.startswith("$model/"):
        folder, _, revision = text.removeprefix("$model/").partition("@")
        if revision and isinstance(place, HubModel):
            place = replace(place, revision=revision)
    elif Path(text).is_file():
        return Weights(Path(text), place.trusted)
    else:
        place = Folder(Path(text)) if Path(text).is_dir() else hub.model(text)
    found = _weights(place, f"{folder}/{WEIGHTS}" if folder else WEIGHTS)
    if found is None:
        raise BackendError(f"pyannote model {place.name}: no {WEIGHTS} in {folder or 'it'}; try {EXAMPLE}")
    return found


def _opened(weights: Weights) -> tuple[str, Any]:
    """What the checkpoint is for, and the model in it.

    Raises:
        BackendError: it is no pyannote checkpoint, or not safe to open.
    """
    import torch
    from pyannote.audio import Model
    from pyannote.audio.core.task import Problem, Resolution, Specifications
    from torch.torch_version import TorchVersion

    try:
        with torch.serialization.safe_globals([Problem, Resolution, Specifications, TorchVersion]):
            torch.load(weights.path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as refused:
        if not weights.trusted:
            reason = _first_line(refused)
            raise BackendError(f"{weights.path} is no checkpoint that is safe to open: {reason}") from None
    except (
        RuntimeError,
        EOFError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        struct.error,
    ) as broken:
        raise BackendError(f"{weights.path} is no checkpoint: {_first_line(broken)}") from None
    try:
        model: Any = Model.from_pretrained(weights.path)
    except (KeyError, AttributeError, ImportError, RuntimeError, TypeError) as broken:
        raise BackendError(f"{weights.path} is no pyannote model: {_first_line(broken)}") from None
    frames = getattr(model.specifications, "resolution", None) == Resolution.FRAME
    return ROLES[0] if frames else ROLES[1], model


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
