"""A tagger whose scores are written into the audio: sample values of cells are the scores of its labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import BINS, HOP, Spectra
from stream_engine.clock import samples

if TYPE_CHECKING:
    import torch


class ScriptedTagger:
    """Class i of a window has the largest value that sample i of its cells holds; notes each call."""

    name = "script"
    window, hop, batch = samples(1.0), samples(0.5), 4

    def __init__(self, *labels: str, noise: tuple[str, ...] = (), speech: tuple[str, ...] = ()) -> None:
        self.labels = labels
        self.noise, self.speech = frozenset(noise), frozenset(speech)
        self.calls: list[int] = []  # windows of each
        self.cells = 0  # looked at

    def features(self, spectra: Spectra) -> torch.Tensor:
        self.cells += spectra.frames
        return spectra.samples.reshape(-1, HOP)[:, : len(self.labels)]

    def scores(self, windows: torch.Tensor) -> NDArray[np.float32]:
        self.calls.append(len(windows))
        return windows.amax(1).numpy()


def script(seconds: float, **labels: list[tuple[float, float, float]]) -> NDArray[np.float32]:
    """Audio in which each label has a score in some stretches (start, end, score): [frames]."""
    cells = np.zeros((round(seconds * 100), HOP), np.float32)
    for place, stretches in enumerate(labels.values()):
        for start, end, score in stretches:
            cells[round(start * 100) : round(end * 100), place] = score
    return cells.reshape(-1)


def spectra(audio: NDArray[np.float32], cells: list[int]) -> list[Spectra]:
    """`audio` as items of so many cells, the rest as one; nobody looks at the bins."""
    import torch

    whole = torch.from_numpy(np.pad(audio, (0, -len(audio) % HOP)))
    items: list[Spectra] = []
    at = 0
    for count in (*cells, len(whole) // HOP):
        end = min(at + count, len(whole) // HOP)
        if end > at:
            bins = torch.zeros(end - at, BINS, dtype=torch.complex64)
            items.append(Spectra(at * HOP, whole[at * HOP : end * HOP], bins, min(end * HOP, len(audio))))
        at = end
    return items
