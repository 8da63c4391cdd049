"""What the engine costs against the number of operators, of sessions, and of speakers.

Operators: CPU of a chunk of 20 ms (a no-op stage each, traced) through 1 to 16 of them. Sessions: the same
through 4 stages each, 1 to 8 sessions at once in one event loop; per chunk, so that flat is free of charge.
Speakers: CPU per second of talk of the diarizer (its models read off the audio, so that clustering and turn
taking are what is measured), and of overlap, order and figures behind it, for 2 to 8 voices.

    python -m benches.costs
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any

import anyio

from benches.channel import CAPACITY, ITEMS, Pass, chunks
from operators.speech.diarization.diarizer import Diarizer
from operators.timeline.conversation import Conversation
from operators.timeline.in_order import InOrder
from operators.timeline.overlap import OverlapSweep
from stream_engine.clock import RATE
from stream_engine.events import Turn
from stream_engine.operator import chain
from stream_engine.pipeline import Pipeline
from stream_engine.testing import chunked, run
from stream_engine.tracer import Tracer
from tests.oracle import ReadingEmbedding, ReadingSegmentation, conversation, spoken

OPERATORS = (1, 2, 4, 8, 16)
SESSIONS = (1, 2, 4, 8)
STAGES = 4
VOICES = (2, 4, 6, 8)
TALK_S = 600
ROUNDS = 3


async def session(stages: int, items: int) -> None:
    async with Pipeline.run(tracer=Tracer()) as pipeline:
        stream = pipeline.source("source", chunks(items), capacity=CAPACITY)
        for number in range(stages):
            stream = pipeline.stage(f"pass {number}", Pass(), stream, capacity=CAPACITY)
        async for _ in stream:
            pass


async def at_once(sessions: int, stages: int) -> float:
    """CPU microseconds a chunk."""
    began = time.process_time()
    async with anyio.create_task_group() as group:
        for _ in range(sessions):
            group.start_soon(session, stages, ITEMS // sessions)
    return (time.process_time() - began) / ITEMS * 1e6


def of_voices(voices: int) -> dict[str, Any]:
    audio = spoken(conversation(1, TALK_S, voices), TALK_S)
    diarizer = Diarizer(segmentation=ReadingSegmentation(), embedding=ReadingEmbedding())
    began = time.process_time()
    said = run(diarizer, chunked(audio, [RATE] * TALK_S))
    diarized = time.process_time()
    sweep, figures = OverlapSweep(), chain(InOrder(sources=("diarizer", "overlap")), Conversation())
    for item in said:
        for one in (*sweep.feed(item), item):
            list(figures.feed(one))
    list(figures.flush())
    ended = time.process_time()
    found = {item.speaker for item in said if isinstance(item, Turn) and item.final and item.speaker}
    return {
        "voices": voices,
        "found": len(found),
        "diarizer_ms_per_s": round((diarized - began) / TALK_S * 1000, 3),
        "figures_ms_per_s": round((ended - diarized) / TALK_S * 1000, 3),
    }


def measure() -> dict[str, Any]:
    def middle(sessions: int, stages: int) -> float:
        return round(statistics.median(anyio.run(at_once, sessions, stages) for _ in range(ROUNDS)), 2)

    return {
        "operators": [{"operators": count, "us_per_chunk": middle(1, count)} for count in OPERATORS],
        "sessions": [{"sessions": count, "us_per_chunk": middle(count, STAGES)} for count in SESSIONS],
        "speakers": [of_voices(voices) for voices in VOICES],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
