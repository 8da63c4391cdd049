"""From a minute to a day of talk through the whole graph, with synthetic models: what length costs.

Bars: 24 h within 40 MB (RssAnon) of 10 min, and no slower per hour than 1 h. The graph is that of a session,
with its store, checkpoints and log; voice activity, segmentation, embedding and recognition are read off
the audio (`tests.oracle`), so that what is measured is the engine and what the operators remember.

    python -m benches.endless [HOURS]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import numpy as np
from numpy.typing import NDArray

from operators.audio.envelope import Envelopes
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.speech_turns import SpeechTurns
from operators.speech.utterances import UtteranceCutter
from operators.timeline.conversation import Conversation
from operators.timeline.in_order import InOrder
from operators.timeline.overlap import OverlapSweep
from sinks.event_log import EventLog
from stream_engine.analytics import Analytics
from stream_engine.barrier import Checkpoints
from stream_engine.checkpoint import Checkpoint
from stream_engine.clock import RATE, samples
from stream_engine.emission import Emission
from stream_engine.events import (
    SCHEMA,
    Chunk,
    Segment,
    SessionEnd,
    SessionStart,
    SourceChunk,
    Utterance,
    VoiceActivity,
    Watermark,
)
from stream_engine.operator import chain
from stream_engine.pipeline import Pipeline
from stream_engine.session import Session
from stream_engine.store import PcmStore
from stream_engine.topology import Devices, Gaps, Parts, intake, transcription, with_barriers
from stream_engine.tracer import Tracer
from tests.oracle import ReadingEmbedding, ReadingSegmentation, conversation, read, spoken

LOOP_S = 600
VOICES = 6
SHORT_S = 60, 600, 3600
HOURS = 24


class ReadingVoiceActivity:
    """Voice activity, read off the audio."""

    def feed(self, item: Chunk, /) -> Iterator[VoiceActivity | Watermark]:
        bits = read(item.samples[: len(item.samples) // 320 * 320])
        frames = np.any(bits.reshape(-1, 320), axis=1)
        yield VoiceActivity(start=item.start, hop=320, probabilities=tuple(0.95 * frames.astype(float)))
        yield Watermark(source="voice_activity", at=item.start + 320 * len(frames))

    def flush(self) -> Iterable[VoiceActivity]:
        return ()


class AsItIs:
    def feed(self, item: SourceChunk, /) -> Iterator[Chunk]:
        yield Chunk(start=item.start, samples=item.samples[:, 0])

    def flush(self) -> Iterable[Chunk]:
        return ()


def recognise(utterances: Sequence[Utterance]) -> list[list[Segment]]:
    """About three words a second."""
    return [[said(utterance)] for utterance in utterances]


def said(utterance: Utterance) -> Segment:
    words = 3 * (utterance.end - utterance.start) // RATE + 1
    return Segment(
        id=utterance.id,
        revision=0,
        final=True,
        start=utterance.start,
        end=utterance.end,
        speaker=utterance.speaker,
        text=" ".join(["word"] * words),
        words=None,
        turns=utterance.turns,
    )


async def source(audio: NDArray[np.float32], seconds: int) -> AsyncGenerator[SourceChunk]:
    """The ten minutes of `audio` again and again."""
    for number in range(seconds // 4):
        at = number * 4 % LOOP_S * RATE
        yield SourceChunk(start=number * 4 * RATE, rate=RATE, samples=audio[at : at + 4 * RATE, None])


async def session(folder: Path, seconds: int) -> float:
    """Seconds that it took."""
    audio = spoken(conversation(1, LOOP_S, VOICES), LOOP_S)
    began = time.perf_counter()
    tracer = Tracer()
    checkpoint = Checkpoint(folder / "checkpoint.sqlite", {"seconds": seconds})
    with PcmStore(os.open(folder, os.O_TMPFILE | os.O_RDWR, 0o600), ahead=60 * RATE) as store:
        parts = Parts(
            gaps=Gaps(store),
            envelope=Envelopes(),
            voice_activity=ReadingVoiceActivity(),
            diarizer=Diarizer(segmentation=ReadingSegmentation(), embedding=ReadingEmbedding()),
            speech_turns=SpeechTurns(),
            utterances=UtteranceCutter(),
            recognise=checkpoint.remembered(
                recognise, lambda one: store.view(one.start, one.end), "synthetic"
            ),
            overlap=OverlapSweep(),
            analytics=Analytics(conversation=chain(InOrder(), Conversation())),
        )
        async with Pipeline.run(tracer=tracer, checkpoints=Checkpoints(checkpoint.commit)) as pipeline:
            cpu = anyio.CapacityLimiter(2)
            intake(pipeline, source(audio, seconds), [("as it is", AsItIs())], store, device=cpu)
            follower = store.follow(RATE)
            heard = pipeline.source("audio", with_barriers(follower, samples(30.0)), capacity=2)
            emission = Emission(
                tracer=tracer,
                start=SessionStart(schema=SCHEMA, source="synthetic", recogniser="none", diarizer="none"),
                end=lambda: SessionEnd(duration=store.frames),
            )
            running = Session(
                pipeline=pipeline,
                items=transcription(pipeline, heard, parts, Devices(cpu=cpu, diarizer=cpu, recogniser=cpu)),
                emission=emission,
                position=lambda: follower.position,
            )
            running.sink("event log", EventLog(path=folder / "events.jsonl"))
    checkpoint.close()
    return time.perf_counter() - began


def anonymous_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return 0.0


def watched(seconds: int) -> dict[str, Any]:
    """A run in a process of its own: memory in its last third, wall seconds per hour of audio.

    Of the run itself: not of imports, nor of the audio that is made before it.
    """
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benches.endless", "--child", folder, str(seconds)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        memory: list[float] = []
        while process.poll() is None:
            memory.append(anonymous_mb(process.pid))
            time.sleep(0.1)
        told, _ = process.communicate()
        if process.returncode:
            raise RuntimeError(f"{command} ended with {process.returncode}")
        wall_s = float(told)
        alive = [value for value in memory if value]
        log = Path(folder) / "events.jsonl"
        return {
            "hours": round(seconds / 3600, 3),
            "memory_mb": round(float(np.median(alive[len(alive) * 2 // 3 :])), 1),
            "wall_s_per_hour": round(wall_s / seconds * 3600, 2),
            "log_mb": round(log.stat().st_size / 1e6, 2),
        }


def measure(hours: int = HOURS) -> dict[str, Any]:
    rows = [watched(seconds) for seconds in (*SHORT_S, hours * 3600)]
    return {
        "lengths": rows,
        "memory_longest_minus_10_min_mb": round(rows[-1]["memory_mb"] - rows[1]["memory_mb"], 1),
        "per_hour_longest_over_1_h": round(rows[-1]["wall_s_per_hour"] / rows[2]["wall_s_per_hour"], 3),
    }


def main() -> None:
    if "--child" in sys.argv:
        folder, seconds = sys.argv[-2:]
        print(anyio.run(partial(session, Path(folder), int(seconds))))
        return
    print(json.dumps(measure(*map(int, sys.argv[1:])), indent=1))


if __name__ == "__main__":
    main()
