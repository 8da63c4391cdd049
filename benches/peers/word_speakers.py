"""WhisperX's assignment of speakers to words against ours: the same words and worn turns, and at size."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benches.attribution import DATA, Count, Speakers, fed, ours, overlapped, true_turns, true_words
from benches.peers.environments import python
from benches.peers.transcribers import PROGRAMS
from benches.peers.watched import Watched
from benches.worn_turns import Spoken, worn
from operators.timeline.alignment import align
from operators.timeline.word_speakers import WordSpeakers
from stream_engine.testing import run

SIZES = ((1_000, 250), (10_000, 2_500), (40_000, 10_000))  # words, turns


def compare(*, quick: bool) -> dict[str, Any]:
    result: dict[str, Any] = {"by_size": [at_size(*size) for size in (SIZES[:2] if quick else SIZES)]}
    last = result["by_size"][-1]
    result["align_x_as_fast"] = last["theirs_s"] / last["ours_align_s"]
    result["operator_x_as_fast"] = last["theirs_s"] / last["ours_operator_s"]
    if (DATA / "words").exists():
        result |= accuracy(seeds=1 if quick else 3)
    return result


def theirs(words: list[Spoken], turns: list[Spoken]) -> tuple[Speakers, float, Watched]:
    """The speaker of each word, and the seconds that the function took."""
    with tempfile.TemporaryDirectory() as name:
        task = Path(name) / "task.json"
        task.write_text(json.dumps({"words": [w[:2] for w in words], "turns": turns}))
        peer = Watched([python("whisperx"), PROGRAMS / "whisperx_words.py", task])
    (answer,) = peer.all(kind="speakers")
    return [(one,) if one else () for one in answer["speakers"]], answer["seconds"], peer


def accuracy(seeds: int) -> dict[str, Any]:
    """Of the words of four meetings: who is named first, and whether the true speaker is among the named."""
    counts = {"ours": Count(), "theirs": Count()}
    for meeting, words in true_words().items():
        turns = true_turns(meeting)
        both = overlapped(words, turns)
        for seed in range(seeds):
            found = worn(turns, seed)
            counts["ours"].add(words, ours(words, found), both)
            counts["theirs"].add(words, theirs(words, found)[0], both)
    rows = [{"side": side} | count.figures() for side, count in counts.items()]
    points = 100 * (rows[1]["first_right"] - rows[0]["first_right"])  # type: ignore[operator]
    return {"words_of_meetings": rows, "first_right_points_worse_than_theirs": points}


def at_size(words: int, turns: int) -> dict[str, Any]:
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
    _, seconds, peer = theirs(said, spoken)
    items = fed(said, spoken)
    return {
        "words": words,
        "turns": turns,
        "theirs_s": seconds,
        "ours_operator_s": taken(lambda: run(WordSpeakers(), items)),
        "ours_align_s": taken(lambda: align(*columns)),
        "theirs_rss_mb": peer.rss_mb,
    }


def taken(work: Callable[[], Any]) -> float:
    """Seconds of the processor."""
    began = time.process_time()
    work()
    return time.process_time() - began
