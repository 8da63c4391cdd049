"""The files of an ONNX tagger: in a folder, or on a hub (and then in its cache on this machine)."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from operators.speech.diarization.pyannote_hub import Folder, Hub, Place
from stream_engine.errors import BackendError

MODELS = ("cnn14.onnx", "panns_cnn14.onnx", "model.onnx")
LABELS = ("labels.csv", "class_labels_indices.csv")
COLUMNS = ("display_name", "label", "name")  # of labels, where a file has a header


class TaggerFiles(NamedTuple):
    """A model and its labels, on this machine."""

    model: Path
    labels: tuple[str, ...]


def find_tagger(model: str, *, hub: Hub) -> TaggerFiles:
    """A tagger by its folder, its `.onnx` file, or `OWNER/NAME[@REVISION]` on the hub.

    Raises:
        BackendError: it is not there, cannot be fetched, or lacks its labels.
    """
    path = Path(model).expanduser()
    names: tuple[str, ...] = MODELS
    if path.suffix == ".onnx" and path.is_file():
        place: Place = Folder(path.parent)
        names = (path.name,)
    elif path.is_dir():
        place = Folder(path)
    elif model.startswith(("/", "./", "../", "~")) or path.suffix == ".onnx" or "/" not in model:
        raise BackendError(f"sound tagger: no folder and no .onnx file {model}; give one, or a hub id")
    else:
        place = replace(hub, what="sound tagger").model(model)
    return TaggerFiles(_first(place, names), read_labels(_first(place, LABELS)))


def _first(place: Place, names: tuple[str, ...]) -> Path:
    """The first of the files that the place has. Offline, a hub's cache may not know which it lacks."""
    missing: BackendError | None = None
    for name in names:
        try:
            if (found := place.file(name)) is not None:
                return found
        except BackendError as error:
            missing = missing or error
    raise missing or BackendError(f"sound tagger {place.name} has none of {', '.join(names)}")


def read_labels(path: Path) -> tuple[str, ...]:
    """Labels in the order of the classes: a CSV with a header and a column of them, or a label a line.

    Raises:
        BackendError: it cannot be read, or a label is missing.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BackendError(f"sound tagger: labels {path}: {error}") from None
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    named = next((header.index(name) for name in COLUMNS if name in header), None)
    rows, column = (rows, -1) if named is None else (rows[1:], named)
    labels = tuple(row[column].strip() if column < len(row) else "" for row in rows)
    if not labels or not all(labels):
        raise BackendError(f"sound tagger: {path} has no label in each row; want index,mid,display_name")
    return labels
