"""All analytics together, without neural models: their cost, and that their memory does not grow.

Bar: >= 40 x real time on one core; state O(speakers + open windows). A session of real speech is transcribed
once; then its audio and its turns and texts go through all operators again, one after the other, on one
thread, in the order in which a session gives them; CPU seconds are counted per operator. The same, two and
four times in a row on one clock, shows what the states hold and what the process needs.

    python -m benches.analytics
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

import stream_engine
from benches.session import joined
from operators.affect.affect import Affects
from operators.affect.choice import affect_models
from operators.audio.stft import Stft
from operators.prosody.filler_list import packaged_fillers
from operators.prosody.frames import FrameFeatures
from operators.prosody.paralinguistics import Paralinguistics
from operators.sounds.signal_tagger import SignalTagger
from operators.sounds.sound_events import SoundEvents
from operators.timeline.conversation import Conversation
from operators.timeline.in_order import InOrder
from operators.timeline.overlap import OverlapSweep
from operators.timeline.sound_join import SoundJoin
from stream_engine.clock import RATE
from stream_engine.events import Chunk, Relabel, Segment, Turn, Watermark
from stream_engine.ffmpeg_command import binary
from stream_engine.operator import chain

LENGTH_S = 300
ROUNDS = (1, 2, 4)
BEHIND = 8 * RATE  # turns and texts come so long after their audio


class Costs:
    """Operators by name, and the CPU seconds that each took."""

    def __init__(self, operators: dict[str, Any]) -> None:
        self.operators = operators
        self.spent = dict.fromkeys(operators, 0.0)

    def feed(self, name: str, item: Any) -> list[Any]:
        return self._timed(name, self.operators[name].feed, item)

    def flush(self, name: str) -> list[Any]:
        return self._timed(name, self.operators[name].flush)

    def _timed(self, name: str, work: Any, *items: Any) -> list[Any]:
        began = time.process_time()
        out = list(work(*items))
        self.spent[name] += time.process_time() - began
        return out

    def state_kb(self) -> dict[str, float]:
        sizes = {name: len(msgspec.msgpack.encode(one.state)) for name, one in self.operators.items()}
        return {name: round(size / 1000, 1) for name, size in sizes.items()}


def operators(audio: NDArray[np.float32]) -> dict[str, Any]:
    def view(start: int, end: int) -> NDArray[np.float32]:
        whole = len(audio)
        return audio[start % whole : start % whole + end - start]

    return {
        "transform": Stft(),
        "sound events": SoundEvents(tagger=SignalTagger()),
        "frames and F0": FrameFeatures(),
        "overlap": OverlapSweep(),
        "prosody and voice": Paralinguistics(audio=view, language="en", fillers=packaged_fillers()),
        "affect (VADER)": Affects(models=affect_models(), audio=view, language="en", prosody=True),
        "sounds of": SoundJoin(),
        "conversation": chain(InOrder(), Conversation()),
    }


AFTER = ("prosody and voice", "affect (VADER)")


def through(costs: Costs, items: Iterator[Any]) -> int:
    """All items through all operators; gives the number of results."""
    made = 0

    def said(item: Any) -> None:
        nonlocal made
        passed = [item]
        for name in AFTER:
            passed = [out for one in passed for out in costs.feed(name, one)]
        for one in passed:
            made += len(costs.feed("sounds of", one)) + len(costs.feed("conversation", one))

    for item in items:
        if isinstance(item, Chunk):
            for spectra in costs.feed("transform", item):
                for out in (*costs.feed("sound events", spectra), *costs.feed("frames and F0", spectra)):
                    said(out)
            said(Watermark(source="audio", at=item.end))
            continue
        if not isinstance(item, Segment):
            for out in (
                costs.feed("overlap", item)
                if not (isinstance(item, Watermark) and item.source == "text")
                else ()
            ):
                said(out)
        said(item)
    return made


def session(audio: NDArray[np.float32], events: list[Any], rounds: int) -> Iterator[Any]:
    """Chunks of 0.5 s, and eight seconds behind them what was said, `rounds` times on one clock."""
    spoken = [event for event in events if isinstance(event, Turn | Relabel | Segment)]
    moments = [event.as_of if isinstance(event, Relabel) else event.end for event in spoken]
    order = np.argsort(moments, kind="stable").tolist()
    turns = sum(isinstance(event, Turn) for event in spoken) + 1
    for number in range(rounds):
        base, ids = number * len(audio), number * 10 * turns
        coming = iter(order)
        following = next(coming, None)
        for start in range(0, len(audio), RATE // 2):
            chunk = audio[start : start + RATE // 2]
            yield Chunk(start=base + start, samples=chunk)
            heard = start + len(chunk) if start + len(chunk) == len(audio) else start - BEHIND
            while following is not None and moments[following] <= max(heard, 0):
                yield moved(spoken[following], base, ids)
                following = next(coming, None)
            known = base + max(0, heard - BEHIND)
            for source in ("diarizer", "text"):
                yield Watermark(source=source, at=known)


def moved(event: Any, base: int, ids: int) -> Any:
    """The event `base` samples later, with ids of its own."""
    turns = tuple(turn + ids for turn in event.turns) if not isinstance(event, Turn) else ()
    if isinstance(event, Relabel):
        return msgspec.structs.replace(event, as_of=event.as_of + base, turns=turns)
    both = {"id": event.id + ids, "start": event.start + base, "end": event.end + base}
    if isinstance(event, Segment):
        both["turns"] = turns
    return msgspec.structs.replace(event, **both)


def anonymous_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) / 1024


def measure() -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recording = joined(folder, LENGTH_S)
        result = stream_engine.transcribe(recording, out=folder, analytics="none", no_cache=True)
        events = list(result.events)
        audio = samples_of(recording)
    rows: list[dict[str, Any]] = []
    spent: dict[str, float] = {}
    states: dict[str, float] = {}
    for rounds in ROUNDS:
        costs = Costs(operators(audio))
        made = through(costs, session(audio, events, rounds))
        seconds = rounds * len(audio) / RATE
        total = sum(costs.spent.values())
        rows.append(
            {
                "minutes": round(seconds / 60, 1),
                "times_real_time": round(seconds / total, 1),
                "state_kb": round(sum(costs.state_kb().values()), 1),
                "memory_mb": round(anonymous_mb(), 1),
                "results": made,
            }
        )
        spent = {name: round(seconds / cpu, 1) for name, cpu in costs.spent.items() if cpu}
        states = costs.state_kb()
    return {"lengths": rows, "times_real_time_of_each": spent, "state_kb_of_each": states}


def samples_of(recording: Path) -> NDArray[np.float32]:
    command = [
        binary(),
        "-v",
        "error",
        "-i",
        str(recording),
        "-f",
        "f32le",
        "-ac",
        "1",
        "-ar",
        str(RATE),
        "-",
    ]
    raw = subprocess.run(command, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.float32)


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
