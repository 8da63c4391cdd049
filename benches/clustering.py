"""Clustering over long real turn structures: ours, online, against offline clustering of the same embeddings.

Turns are AMI's and VoxConverse's (../shared/data/rttm, 17 files, 3.3 h, 1 to 20 speakers). The whole diarizer
runs over audio that says who speaks (`benches.told_voices`): activities are true, embeddings are a voice and
noise as measured on the dev clips with community-1's embedding (`benches.voice_noise`). So what is wrong is
the clustering's doing. `offline` clusters the very embeddings of the very turns when all are known:
scikit-learn's agglomerative clustering, average linkage, cosine; turns of 0.5 s of clean speech and more, the
others to the nearest group; with the one threshold that is best for all files together, which nobody knows
beforehand. `provisional` is the error of the labels that turns had when they became final, `shown` of those
they were first shown under; `changes_per_minute` counts final turns whose label changed afterwards.
`newcomer`: error of the last ten minutes, where a fourth voice joins three that have talked for two hours.
Error rates: collar 0, overlap counted, pooled over files and seeds.

Bar: final error <= offline + 2 points.

    python -m benches.clustering
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benches.diarization import DATA, Clip, Intervals, errors, pooled, rttm
from benches.told_voices import Noise, ToldEmbedding, ToldSegmentation, told
from benches.voice_noise import noise
from operators.speech.diarization import diarizer as module
from operators.speech.diarization.clustering import unit
from operators.speech.diarization.grouping import STRONG
from operators.speech.diarization.voices import Voices
from stream_engine.clock import RATE
from stream_engine.events import Relabel, Turn
from stream_engine.testing import chunked

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
DEFAULT = 1.5
LATENCIES = (0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
SEEDS = (0, 1, 2)
THRESHOLDS = np.arange(0.3, 1.0, 0.05)

Vectors = NDArray[np.float64]


class Outcome(msgspec.Struct):
    """A run over a file: turns in order, with their labels as they were first shown, when final, and last."""

    clip: Clip
    spans: list[tuple[float, float]]
    shown: list[str]
    final: list[str]
    last: list[str]
    seconds: Vectors  # [turns], of speech behind the vectors
    vectors: Vectors  # [turns, dimension], unit

    def turns(self, labels: list[str]) -> Intervals:
        return [(*span, label) for span, label in zip(self.spans, labels, strict=True)]


class Heard(Voices):
    """Voices that can be asked afterwards what they were told."""

    told: dict[int, tuple[float, Vectors]]

    def add(self, **turn: Any) -> Any:
        self.told = getattr(self, "told", {}) | {turn["turn"]: (turn["seconds"], unit(turn["vector"]))}
        return super().add(**turn)


@contextmanager
def listening() -> Iterator[None]:
    kept, module.Voices = module.Voices, Heard
    try:
        yield
    finally:
        module.Voices = kept


def structure(name: str, turns: Intervals) -> Clip:
    return Clip(name, told(turns, max(end for _, end, _ in turns) + 1)[0], turns)


def silent(clip: Clip) -> Clip:
    """The clip with its length, and without the memory that its audio takes."""
    return msgspec.structs.replace(clip, audio=np.broadcast_to(np.float32(0), len(clip.audio)))


def diarize(clip: Clip, voices: Noise, seed: int, **settings: Any) -> Outcome:
    with listening():
        operator = module.Diarizer(
            segmentation=ToldSegmentation(), embedding=ToldEmbedding(voices, seed), **settings
        )
    events = [e for c in chunked(clip.audio, [RATE] * 10**5) for e in operator.feed(c)]
    events += list(operator.flush())
    shown: dict[int, str] = {}
    final: dict[int, Turn] = {}
    last: dict[int, str] = {}
    for event in events:
        if isinstance(event, Turn) and event.end > event.start:
            shown.setdefault(event.id, str(event.speaker))
            if event.final:
                final[event.id], last[event.id] = event, str(event.speaker)
        elif isinstance(event, Relabel):
            moved = event.turns or [turn for turn, label in last.items() if label == event.speaker]
            last |= dict.fromkeys(moved, event.to)
    heard: Any = operator._voices  # the embeddings are nobody's business but the clustering's
    return Outcome(
        clip=silent(clip),
        spans=[(turn.start / RATE, turn.end / RATE) for turn in final.values()],
        shown=[shown[turn] for turn in final],
        final=[str(turn.speaker) for turn in final.values()],
        last=[last[turn] for turn in final],
        seconds=np.array([heard.told[turn][0] for turn in final]),
        vectors=np.stack([heard.told[turn][1] for turn in final]),
    )


def offline(outcome: Outcome, threshold: float) -> list[str]:
    """Labels for all turns at once; `threshold` is a cosine distance."""
    from sklearn.cluster import AgglomerativeClustering

    strong = np.flatnonzero(outcome.seconds >= STRONG)
    if len(strong) < 2:
        return ["0"] * len(outcome.spans)
    clustering = AgglomerativeClustering(metric="cosine", linkage="average", distance_threshold=threshold)
    clustering.set_params(n_clusters=None)  # the constructor takes None, too, but is annotated by its default
    groups = clustering.fit_predict(outcome.vectors[strong])
    centres = np.stack(
        [outcome.vectors[strong][groups == group].mean(0) for group in range(groups.max() + 1)]
    )
    labels = (outcome.vectors @ (centres / np.linalg.norm(centres, axis=1)[:, None]).T).argmax(1)
    labels[strong] = groups
    return [str(label) for label in labels.tolist()]


def rate(outcomes: list[Outcome], labels: list[list[str]]) -> float:
    parts = [
        errors(outcome.clip, outcome.turns(given)) for outcome, given in zip(outcomes, labels, strict=True)
    ]
    return pooled(parts)


def best_offline(outcomes: list[Outcome]) -> tuple[float, float]:
    """The lowest error of one threshold for all, and that threshold."""
    return min(
        (rate(outcomes, [offline(outcome, threshold) for outcome in outcomes]), float(threshold))
        for threshold in THRESHOLDS
    )


def changes_per_minute(outcomes: list[Outcome]) -> float:
    changed = sum(np.sum(np.array(outcome.final) != np.array(outcome.last)) for outcome in outcomes)
    return float(changed) / (sum(outcome.clip.seconds for outcome in outcomes) / 60)


def newcomer(hours: float, voices: Noise) -> float:
    random = np.random.default_rng(0)
    turns: Intervals = []
    at, who = 1.0, 0
    while at < hours * 3600 + 600:
        who = int((who + random.integers(1, 3 if at < hours * 3600 else 4)) % (3 if at < hours * 3600 else 4))
        end = at + random.uniform(0.8, 5)
        turns.append((at, end, "ABCD"[who]))
        at = end + random.uniform(0.2, 1)
    outcome = diarize(structure("newcomer", turns), voices, 0)
    late = [turn for turn in turns if turn[0] > hours * 3600]
    found = [turn for turn in outcome.turns(outcome.last) if turn[1] > late[0][0]]
    return pooled([errors(msgspec.structs.replace(outcome.clip, reference=late), found)])


def measure() -> dict[str, Any]:
    measured = noise()
    runs: dict[float, list[Outcome]] = {latency: [] for latency in LATENCIES}
    for path in sorted((DATA / "rttm").glob("*/*.rttm")):
        clip = structure(path.stem, rttm(path))
        for latency, outcomes in runs.items():
            seeds = SEEDS if latency == DEFAULT else SEEDS[:1]
            outcomes += [diarize(clip, measured, seed, latency=latency) for seed in seeds]
    ours = runs[DEFAULT]
    final = rate(ours, [outcome.last for outcome in ours])
    best, threshold = best_offline(ours)
    return {
        "noise": msgspec.structs.asdict(measured),
        "final": final,
        "offline": best,
        "offline_threshold": threshold,
        "points_above_offline": 100 * (final - best),
        "newcomer": newcomer(2, measured),
        "latency": [
            {
                "latency_s": latency,
                "final": rate(outcomes, [outcome.last for outcome in outcomes]),
                "provisional": rate(outcomes, [outcome.final for outcome in outcomes]),
                "shown": rate(outcomes, [outcome.shown for outcome in outcomes]),
                "changes_per_minute": changes_per_minute(outcomes),
            }
            for latency, outcomes in runs.items()
        ],
        "files": [
            {
                "file": outcome.clip.name,
                "minutes": outcome.clip.seconds / 60,
                "speakers": len({speaker for *_, speaker in outcome.clip.reference}),
                "found": len(set(outcome.last)),
                "ours": rate([outcome], [outcome.last]),
                "offline": rate([outcome], [offline(outcome, threshold)]),
            }
            for outcome in ours[:: len(SEEDS)]
        ],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
