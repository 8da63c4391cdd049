"""community-1 in torch (pyannote's classes, the embedded weights) against ONNX Runtime on the same weights.

One thread each, side by side on `pyannote.audio.sample`: milliseconds for a window of 10 s and for a stretch
of 1.3 s (medians), loading, and what differs. Bars: the same activity in every frame of every window,
embeddings within 1e-4 of their largest component, the same turns and labels (boundaries within one frame,
17 ms). `together`: stretches of 1 to 1.6 s embedded 8 at a time, against one by one. With `--device cuda` the
torch side runs on a GPU.

    python -m benches.torch_models [--device cpu|cuda]
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
import wave
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"

from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.diarization.models import Samples
from operators.speech.diarization.pyannote_models import PyannoteEmbedding
from operators.speech.diarization.torch_community_1 import torch_community_1
from stream_engine.clock import RATE
from stream_engine.events import Relabel, Turn
from stream_engine.testing import chunked, run

ROUNDS = 9


def sample() -> Samples:
    """30 s, two speakers on the telephone."""
    package = find_spec("pyannote.audio")
    assert package is not None
    assert package.origin is not None
    with wave.open(str(Path(package.origin).parent / "sample" / "sample.wav")) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return pcm.astype(np.float32) / np.float32(32768)


def milliseconds(*contenders: Callable[[], object]) -> list[float]:
    """Medians, each contender in turn so that all meet the same machine."""
    spent: list[list[float]] = [[] for _ in contenders]
    for _ in range(ROUNDS):
        for contender, times in zip(contenders, spent, strict=True):
            begun = time.perf_counter()
            contender()
            times.append(1e3 * (time.perf_counter() - begun))
    return [round(statistics.median(times), 2) for times in spent]


def turns(segmentation: Any, embedding: Any, audio: Samples) -> list[tuple[int, int, str | None]]:
    """Final turns under their last labels."""
    found: dict[int, tuple[int, int, str | None]] = {}
    for event in run(Diarizer(segmentation=segmentation, embedding=embedding), chunked(audio, [RATE] * 30)):
        if isinstance(event, Turn) and event.final and event.end > event.start:
            found[event.id] = event.start, event.end, event.speaker
        elif isinstance(event, Relabel):
            for turn, (start, end, label) in found.items():
                if turn in event.turns or label == event.speaker:
                    found[turn] = start, end, event.to
    return sorted(found.values())


def measure(*, device: str = "cpu") -> dict[str, Any]:
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _measured(device)
    finally:
        torch.set_num_threads(threads)


def _measured(device: str) -> dict[str, Any]:
    audio = sample()
    begun = time.perf_counter()
    theirs, their_voice = Community1Segmentation(), Community1Embedding()
    loaded = time.perf_counter()
    torch_community_1(device=device)
    imported = time.perf_counter()
    ours, voice = torch_community_1(device=device)
    ready = time.perf_counter()
    windows = np.stack([audio[start : start + 160_000] for start in range(0, 320_001, 16_000)])
    stretches = [audio[110_000 + 20_000 * n : 110_000 + 20_000 * n + 16_000 + 1_200 * n] for n in range(8)]
    together = PyannoteEmbedding(voice.model, device=device, batch=8)
    one, other = np.stack([ours(window[None])[0] for window in windows]), theirs(windows)
    vectors, reference = voice(stretches), their_voice(stretches)
    window, stretch = windows[:1], [audio[110_000:130_800]]
    seg = milliseconds(lambda: theirs(window), lambda: ours(window))
    emb = milliseconds(lambda: their_voice(stretch), lambda: voice(stretch))
    eight = milliseconds(lambda: voice(stretches), lambda: together(stretches))
    mine, their_turns = turns(ours, voice, audio), turns(theirs, their_voice, audio)
    same = [label for *_, label in mine] == [label for *_, label in their_turns]
    moved = max((abs(a - b) for m, t in zip(mine, their_turns) for a, b in zip(m[:2], t[:2])), default=0)  # noqa: B905
    return {
        "device": device,
        "load_s": {
            "onnxruntime": round(loaded - begun, 2),
            "torch_first": round(imported - loaded, 2),
            "torch_again": round(ready - imported, 2),
        },
        "window_ms": {"onnxruntime": seg[0], "torch": seg[1]},
        "stretch_ms": {"onnxruntime": emb[0], "torch": emb[1]},
        "eight_stretches_ms": {"one_by_one": eight[0], "together": eight[1]},
        "frames_that_differ": int((one != other).any(axis=2).sum()),
        "frames": int(one.shape[0] * one.shape[1]),
        "embedding_error": float(np.abs(vectors - reference).max() / np.abs(reference).max()),
        "embedding_error_together": float(
            np.abs(together(stretches) - vectors).max() / np.abs(vectors).max()
        ),
        "same_labels": same,
        "boundaries_moved_ms": moved / 16,
        "turns": len(mine),
    }


if __name__ == "__main__":
    given = sys.argv[sys.argv.index("--device") + 1] if "--device" in sys.argv else "cpu"
    print(json.dumps(measure(device=given), indent=1))
