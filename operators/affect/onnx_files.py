"""The files of one ONNX model: in a folder, or on the hub (and then in its cache on this machine).

FOLDER                       model.onnx or onnx/model.onnx, config.json, ... in it
FOLDER/NAME.onnx             another file, as model_quantized.onnx
OWNER/NAME[@REVISION]        the same on the hub
OWNER/NAME[@REVISION]/FILE   another file there, as onnx/model_quantized.onnx
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from operators.speech.diarization.pyannote_hub import Folder, Hub, Place
from stream_engine.errors import BackendError
from stream_engine.store_header import identity_of

SPEECH = ("config.json", "preprocessor_config.json")
TEXT = ("config.json", "tokenizer.json")
_MODELS = ("model.onnx", "onnx/model.onnx")
_OUTSIDE = ("_data", ".data")  # endings of the file in which weights of more than 2 GB lie beside the model
_AUDONNX = "model.yaml"  # of audEERING's exports, in the place of a config.json


@dataclass(frozen=True)
class OnnxFiles:
    """Where they are; nothing is opened yet but what is asked for."""

    name: str  # for messages
    model: Path
    beside: dict[str, Path]  # by name
    licence: str | None = None  # as its card states it

    @property
    def identities(self) -> tuple[str, ...]:
        """What tells these files from others in the same place."""
        return tuple(identity_of(path) for path in (self.model, *self.beside.values()))

    def settings(self, name: str) -> dict[str, Any]:
        """A JSON file as it is; empty where there is none.

        Raises:
            BackendError: it is no JSON object.
        """
        if name not in self.beside:
            return {}
        try:
            found = json.loads(self.beside[name].read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise self.error(f"{name} cannot be read ({error})") from None
        if not isinstance(found, dict):
            raise self.error(f"{name} holds no JSON object")
        return found

    def labels(self, output: str) -> tuple[str, ...]:
        """The names of a model's outputs, in order, from `id2label`, or from audEERING's file.

        Raises:
            BackendError: they are not named, or only numbered.
        """
        named = self.settings("config.json").get("id2label") or self._audonnx_labels(output)
        try:
            labels = tuple(str(named[key]) for key in sorted(named, key=int))
        except (TypeError, ValueError):
            labels = ()
        if not labels or all(label.upper().startswith("LABEL_") for label in labels):
            raise self.error("the outputs have no names; want id2label in config.json")
        return labels

    def error(self, why: str) -> BackendError:
        return BackendError(f"affect model {self.name}: {why}; fetch it again, or choose another one")

    def _audonnx_labels(self, output: str) -> dict[str, Any]:
        if _AUDONNX not in self.beside:
            return {}
        import yaml

        try:
            (model,) = yaml.safe_load(self.beside[_AUDONNX].read_text("utf-8")).values()
            labels = model["labels"]
            labels = labels[output] if isinstance(labels, dict) else labels
            return {str(index): label for index, label in enumerate(labels)}
        except (OSError, yaml.YAMLError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise self.error(f"{_AUDONNX} cannot be read ({error})") from None


def find(model: str, *, hub: Hub, wanted: Sequence[str], needed: Sequence[str] = ()) -> OnnxFiles:
    """The files of a model: those of `wanted` that it has; fetched from the hub where need be.

    Raises:
        BackendError: it is absent, or lacks the model or a file that is `needed`.
    """
    place, names = _place(model, hub)
    inside, path = _model(place, names)
    beside = {name: found for name in wanted if (found := place.file(name)) is not None}
    if "config.json" not in beside and (found := place.file(_AUDONNX)) is not None:
        beside[_AUDONNX] = found
    if absent := [name for name in needed if name not in beside]:
        raise BackendError(f"affect model {model}: {', '.join(absent)} is missing; want it beside the model")
    for name in (inside + ending for ending in _OUTSIDE):
        if (found := _perhaps(place, name)) is not None:
            beside[name] = found
    return OnnxFiles(model, path, beside, _licence(_perhaps(place, "README.md")))


def _place(model: str, hub: Hub) -> tuple[Place, tuple[str, ...]]:
    """Where to look, and under which names the model may be there."""
    path = Path(model).expanduser()
    if path.is_dir():
        return Folder(path), _MODELS
    if path.is_file():
        folder = path.parent if (path.parent / "config.json").exists() else path.parent.parent
        if not (folder / "config.json").exists():
            folder = path.parent
        return Folder(folder), (path.relative_to(folder).as_posix(),)
    owner, _, rest = model.partition("/")
    name, _, file = rest.partition("/")
    if model.startswith(("/", "./", "../", "~")) or not (owner and name):
        raise BackendError(f"affect model {model}: no such folder; give one, or a hub id OWNER/NAME")
    return hub.model(f"{owner}/{name}"), (file,) if file else _MODELS


def _model(place: Place, names: Sequence[str]) -> tuple[str, Path]:
    """The first of `names` that is there, and where it lies now."""
    refused: BackendError | None = None
    for name in names:
        try:
            if (found := place.file(name)) is not None:
                return name, found
        except BackendError as error:  # offline, a name that was never asked for; another may have been
            refused = refused or error
    wanted = " or ".join(names)
    raise refused or BackendError(f"affect model {place.name}: no {wanted} there; want an ONNX export of it")


def _perhaps(place: Place, name: str) -> Path | None:
    """A file that most models lack; one that cannot be had is missed when the model is opened."""
    try:
        return place.file(name)
    except BackendError:
        return None


def _licence(card: Path | None) -> str | None:
    """What the head of a model's card states."""
    import yaml

    if card is None:
        return None
    head = card.read_text("utf-8", "replace").split("---")
    try:
        stated = yaml.safe_load(head[1]) if len(head) > 2 and not head[0].strip() else None
    except yaml.YAMLError:
        return None
    return str(stated["license"]) if isinstance(stated, dict) and "license" in stated else None
