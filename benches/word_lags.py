"""When each word was shown and committed: texts that came out, against the true times of words."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benches.recognition import DATA
from benches.words import normalised
from stream_engine.harness.latency import said

Reference = tuple[float, str]  # end in seconds, word


@dataclass(frozen=True)
class Shown:
    """Text that came out, and why when; all in seconds of the session."""

    start: float
    end: float
    text: str
    committed: str
    audio: float  # what had to be heard for it
    compute: float
    emitted: float


def lags(shown: Sequence[Shown], words: Sequence[Reference]) -> list[dict[str, float]]:
    """Of each word that was recognised: seconds from its end until it was shown and committed, with parts."""
    rows: list[dict[str, float]] = []
    first: dict[int, Shown] = {}
    kept: dict[int, Shown] = {}
    for one in sorted(shown, key=lambda one: one.emitted):
        for found, text in ((first, one.text), (kept, one.committed)):
            for index in said(text, one, words):
                found.setdefault(index, one)
    for index, one in first.items():
        end = words[index][0]
        lookahead = one.audio - end
        row = {
            "shown": one.emitted - end,
            "lookahead": lookahead,
            "compute": one.compute,
            "queueing": one.emitted - one.audio - one.compute,
        }
        if index in kept:
            row |= {"committed": kept[index].emitted - end, "policy": kept[index].emitted - one.emitted}
        rows.append(row)
    return rows


def spoken(path: Path) -> list[Reference]:
    """Words with times of a TSV file, as they are compared."""
    with path.open() as file:
        rows = [(float(row["end"]), normalised(row["word"])) for row in csv.DictReader(file, delimiter="\t")]
    return sorted((end, word) for end, words in rows for word in words.split())


def quantiles(rows: list[dict[str, float]], name: str) -> dict[str, float]:
    values = [row[name] for row in rows if name in row]
    return {f"p{at}": round(float(np.percentile(values, at)), 2) for at in (50, 90, 95)}


def clips() -> list[tuple[Path, Path]]:
    """Recordings with the times of their words."""
    found: list[tuple[Path, Path]] = []
    for words in sorted([*(DATA / "asr").glob("*.words.auto.tsv"), *(DATA / "diar").glob("*.words.tsv")]):
        name = words.name.split(".")[0]
        audio = (words.with_name(name + ending) for ending in (".wav", ".flac", ".mp3"))
        found.append((next(path for path in audio if path.exists()), words))
    return found
