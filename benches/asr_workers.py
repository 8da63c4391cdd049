"""Recognition of dense turns on 1, 2 and 4 workers: what more of them gain, and that the order stays.

Measured on utterances of real talk, one after the other, with moonshine (one thread a call). The gain
is wall time on one worker over wall time on N, medians of three runs, interleaved; the limit is the cores.

    python -m benches.asr_workers
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from benches.diarization import pcm
from benches.session import speech
from operators.speech.moonshine import Moonshine
from operators.speech.recognition import Recognition
from operators.speech.speech_turns import SpeechTurns
from operators.speech.utterances import UtteranceCutter
from operators.speech.voice_activity import VoiceActivityDetector, load_silero
from stream_engine.clock import RATE
from stream_engine.events import Utterance
from stream_engine.pipeline import Pipeline
from stream_engine.testing import chunked, run

WORKERS = (1, 2, 4)
ROUNDS = 3


class Listed:
    """A sink that keeps what came."""

    def __init__(self) -> None:
        self.items: list[Any] = []

    def write(self, item: Any, /) -> None:
        self.items.append(item)

    def commit(self) -> None: ...

    def discard(self) -> None: ...


def dense() -> tuple[NDArray[np.float32], list[Utterance]]:
    """Audio, [frames], and what is said in it."""
    audio = np.concatenate([pcm(path) for path in speech()])[: 180 * RATE]
    voice = run(VoiceActivityDetector(session=load_silero()), chunked(audio, [RATE] * 10_000))
    out = run(UtteranceCutter(), [*voice, *run(SpeechTurns(), voice)])
    return audio, [one for one in out if isinstance(one, Utterance)]


async def recognised(work: Any, utterances: Sequence[Utterance], workers: int) -> tuple[float, list[Any]]:
    """Seconds of wall time, and the segments in order."""

    async def source() -> AsyncIterator[Utterance]:
        for utterance in utterances:
            yield utterance

    sink = Listed()
    began = time.perf_counter()
    async with Pipeline.run() as pipeline:
        items = pipeline.source("utterances", source())
        limiter = anyio.CapacityLimiter(workers)
        said: Any = pipeline.workers("recognition", work, items, count=workers, limiter=limiter)
        pipeline.sink("segments", sink, said)
    return time.perf_counter() - began, sink.items


def measure() -> dict[str, Any]:
    audio, utterances = dense()
    recogniser = Moonshine()
    work = Recognition(recogniser=recogniser, audio=lambda one: audio[one.start : one.end])
    walls: dict[int, list[float]] = {count: [] for count in WORKERS}
    texts: list[Iterable[Any]] = []
    anyio.run(recognised, work, utterances[:8], max(WORKERS))  # opens the transcribers
    for _ in range(ROUNDS):
        for count in WORKERS:
            wall, items = anyio.run(recognised, work, utterances, count)
            walls[count].append(wall)
            texts.append(items)
    recogniser.close()
    medians = {count: statistics.median(seconds) for count, seconds in walls.items()}
    return {
        "cores": os.cpu_count(),
        "utterances": len(utterances),
        "same_text_in_the_same_order": all(items == texts[0] for items in texts),
        "gain": [
            {"workers": count, "over_one_worker": round(medians[1] / medians[count], 2)} for count in WORKERS
        ],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
