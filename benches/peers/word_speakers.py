"""WhisperX's assignment of speakers to words against ours: the same words and worn turns, and at size."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benches.attribution import DATA, Count, Speakers, ours, overlapped, true_turns, true_words
from benches.peers.environments import python
from benches.peers.rows import SIDES, Row, costs, row, summary
from benches.peers.transcribers import PROGRAMS
from benches.peers.watched import Watched
from benches.worn_turns import Spoken, worn
from operators.timeline.alignment import align

SIZES = ((1_000, 250), (10_000, 2_500), (40_000, 10_000))  # words, turns


def compare(*, quick: bool) -> dict[str, Any]:
    rows = [at_size(*size) for size in (SIZES[:2] if quick else SIZES)]
    found, points = accuracy(seeds=1 if quick else 3) if (DATA / "words").exists() else ({}, {})
    align = {"align_x_as_fast": rows[-1]["theirs_function_s"] / rows[-1]["align_s"]}
    return summary(rows, points) | align | found


def named(way: str, words: list[Spoken], turns: list[Spoken]) -> tuple[Speakers, float, Watched]:
    """The speakers of each word, and the seconds of the processor that the function took."""
    program = {
        "ours": [sys.executable, "-m", "benches.peers.programs.our_words"],
        "theirs": [python("whisperx"), PROGRAMS / "whisperx_words.py"],
    }
    with tempfile.TemporaryDirectory() as name:
        task = Path(name) / "task.json"
        task.write_text(json.dumps({"words": [w[:2] for w in words], "turns": turns}))
        run = Watched([*program[way], task])
    (answer,) = run.all(kind="speakers")
    return [tuple(one) for one in answer["speakers"]], answer["seconds"], run


def accuracy(seeds: int) -> tuple[dict[str, Any], dict[str, float]]:
    """Of the words of four meetings: who is named first, and whether the true speaker is among the named."""
    counts = {side: Count() for side in SIDES}
    for meeting, words in true_words().items():
        turns = true_turns(meeting)
        both = overlapped(words, turns)
        for seed in range(seeds):
            found = worn(turns, seed)
            counts["ours"].add(words, ours(words, found), both)
            counts["theirs"].add(words, named("theirs", words, found)[0], both)
    figures = {side: count.figures() for side, count in counts.items()}
    points = {"first_right": 100 * (figures["theirs"]["first_right"] - figures["ours"]["first_right"])}
    return {"words_of_meetings": [{"side": side} | figures[side] for side in SIDES]}, points


def at_size(words: int, turns: int) -> Row:
    """Made-up talk: words of 0.3 s with pauses in between, turns of 1 to 3 s of three speakers."""
    random = np.random.default_rng(words)
    at = np.cumsum(random.uniform(0.3, 0.7, words)) + 0.6 * (np.arange(words) // 20)
    said: list[Spoken] = [(float(t), float(t + 0.3), "") for t in at]
    begin = np.sort(random.uniform(0, at[-1], turns))
    long = random.uniform(1, 3, turns)
    spoken: list[Spoken] = [
        (float(s), float(s + d), f"S{i % 3}") for i, (s, d) in enumerate(zip(begin, long, strict=True))
    ]
    columns = [
        np.array([int(one[side] * 16_000) for one in rows]) for rows in (said, spoken) for side in (0, 1)
    ]
    length, measured, functions = said[-1][1], [], {}
    for side, first in zip(SIDES, ("first", "speakers"), strict=True):
        _, seconds, run = named(side, said, spoken)
        functions[f"{side}_function_s"] = seconds
        measured.append(costs(run, length, run.first(kind=first)) | {"x_real_time": length / seconds})
    functions["align_s"] = taken(lambda: align(*columns))
    return row(length, *measured, words=words, turns=turns, **functions)


def taken(work: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    began = time.process_time()
    work()
    return time.process_time() - began
