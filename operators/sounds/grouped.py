"""A tagger whose classes are put into groups: the score of a group is the highest of its classes."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from operators.audio.stft import Spectra
from operators.sounds.tagger import Floats, Tagger
from stream_engine.errors import BackendError

if TYPE_CHECKING:
    import torch


class Grouped:
    """`tagger`, with groups for labels; labels that no row names keep their own name.

    A group counts as noise, or as speech, if all its classes do.

    Args:
        groups: label -> group; an empty group leaves the label out.

    Raises:
        BackendError: it names a label that the tagger does not have, or leaves nothing.
    """

    def __init__(self, tagger: Tagger, *, groups: dict[str, str]) -> None:
        if unknown := sorted(set(groups) - set(tagger.labels)):
            raise BackendError(f"class map: {tagger.name} has no label {unknown[0]!r}; see its label file")
        members: dict[str, list[str]] = {}
        for label in tagger.labels:
            if group := groups.get(label, label):
                members.setdefault(group, []).append(label)
        if not members:
            raise BackendError("class map: it leaves no label")
        self._tagger = tagger
        self.name, self.window, self.hop, self.batch = tagger.name, tagger.window, tagger.hop, tagger.batch
        self.labels = tuple(members)
        self.noise = frozenset(group for group, of in members.items() if tagger.noise.issuperset(of))
        self.speech = frozenset(group for group, of in members.items() if tagger.speech.issuperset(of))
        place = {label: index for index, label in enumerate(tagger.labels)}
        self._order = [place[label] for of in members.values() for label in of]
        self._first = np.cumsum([0, *map(len, members.values())])[:-1]

    def features(self, spectra: Spectra) -> torch.Tensor:
        return self._tagger.features(spectra)

    def scores(self, windows: torch.Tensor) -> Floats:
        return np.maximum.reduceat(self._tagger.scores(windows)[:, self._order], self._first, axis=1)


def read_groups(path: Path) -> dict[str, str]:
    """A class map: CSV rows `label,group`, with or without a header `audioset,group`.

    Raises:
        BackendError: it cannot be read, or a row has not two columns.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BackendError(f"class map {path}: {error}") from None
    if rows and [cell.strip().lower() for cell in rows[0]] in (["audioset", "group"], ["label", "group"]):
        del rows[0]
    for number, row in enumerate(rows, 1):
        if len(row) != 2:
            raise BackendError(f"class map {path}: row {number} has {len(row)} columns, want label,group")
    return {label.strip(): group.strip() for label, group in rows}
