"""The overlap sweep: time per turn from 1 000 to 1 000 000 turns, and against the ways it replaces.

Bars: O(N log N), that is time / (N log2 N) stays flat (within 2 ×) from 1k to 1M turns, also with one turn
that spans all; at 4k such turns at least 50 × faster than the loop over pairs; faster than pyannote.core's
`Annotation.get_overlap`. The size of the operator's state shows that its memory does not grow.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import msgspec
import numpy as np

from operators.timeline.overlap import OverlapSweep
from operators.timeline.overlap_intervals import overlap_intervals
from stream_engine.clock import MILLISECOND, seconds
from stream_engine.events import Turn, Watermark

SIZES = (1_000, 10_000, 100_000, 1_000_000)
CONTEST = 4_000


def conversation(turns: int, *, spanning: bool) -> list[Turn]:
    """Turns of four speakers, each about 2 s, a fifth of them begun before the last ended."""
    chance, at = random.Random(1), 0
    rows: list[tuple[int, int, str]] = []
    for i in range(turns - spanning):
        end = at + chance.randint(500, 3500)
        rows.append((at, end, f"SPEAKER_{i % 4:02d}"))
        at = end + chance.randint(-300, 1200)
    if spanning:
        rows.insert(0, (0, at + 1, "SPEAKER_99"))
    return [
        Turn(
            id=i,
            revision=0,
            final=True,
            start=max(0, start) * MILLISECOND,
            end=end * MILLISECOND,
            speaker=who,
        )
        for i, (start, end, who) in enumerate(rows)
    ]


def swept(turns: list[Turn]) -> None:
    """The operator over turns that are all there."""
    operator = OverlapSweep()
    for turn in turns:
        operator.feed(turn)
    operator.flush()


def streamed(turns: list[Turn]) -> OverlapSweep:
    """The operator as a session uses it: a watermark after each turn."""
    operator = OverlapSweep()
    for turn in turns:
        operator.feed(turn)
        operator.feed(Watermark(source="diarizer", at=turn.start))
    return operator


def pair_loop(turns: list[Turn]) -> float:
    """The loop that the sweep replaces: each turn with all before it from the first that has not ended.

    One long turn pins that first place, and every pair is looked at.
    """
    rows = [(seconds(t.start), seconds(t.end)) for t in turns]
    first, total = 0, 0.0
    for k, (start, end) in enumerate(rows):
        while rows[first][1] <= start:
            first += 1
        for i in range(first, k):
            shared = min(end, rows[i][1]) - max(start, rows[i][0])
            if shared >= 0.05:
                total += shared
    return total


def on_arrays(turns: list[Turn]) -> None:
    """From the same list of turns, the making of the arrays included."""
    numbers: dict[str | None, int] = {}
    rows = [(t.start, t.end, numbers.setdefault(t.speaker, len(numbers))) for t in turns]
    overlap_intervals(*np.array(rows, np.int64).T)


def timed(run: Callable[[], Any], repeats: int) -> float:
    """Median CPU seconds: one thread each, and other work on the machine does not count."""
    times: list[float] = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return median(times)


def scaling(*, spanning: bool) -> list[dict[str, float]]:
    rows: list[dict[str, float]] = []
    for size in SIZES:
        turns = conversation(size, spanning=spanning)
        repeats = max(1, min(7, 200_000 // size))
        streamed_s = timed(lambda turns=turns: streamed(turns), repeats)
        arrays_s = timed(lambda turns=turns: on_arrays(turns), repeats)
        n_log_n = size * math.log2(size)
        rows.append(
            {
                "turns": size,
                "operator_s": streamed_s,
                "operator_ns_per_n_log_n": streamed_s / n_log_n * 1e9,
                "operator_state_bytes": len(msgspec.msgpack.encode(streamed(turns[:100_000]).state)),
                "arrays_s": arrays_s,
                "arrays_ns_per_n_log_n": arrays_s / n_log_n * 1e9,
            }
        )
    return rows


def contest() -> dict[str, float]:
    """4k turns, one of them spanning all; each contender from the form that it works on."""
    os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
    from pyannote.core import Annotation, Segment

    turns = conversation(CONTEST, spanning=True)
    annotation = Annotation()
    for turn in turns:
        annotation[Segment(seconds(turn.start), seconds(turn.end)), turn.id] = turn.speaker
    pairs_s = timed(lambda: pair_loop(turns), 3)
    pyannote_s = timed(annotation.get_overlap, 3)
    operator_s = timed(lambda: swept(turns), 9)
    arrays_s = timed(lambda: on_arrays(turns), 9)
    return {
        "turns": CONTEST,
        "pair_loop_s": pairs_s,
        "pyannote_get_overlap_s": pyannote_s,
        "operator_s": operator_s,
        "arrays_s": arrays_s,
        "pair_loop_over_operator": pairs_s / operator_s,
        "pair_loop_over_arrays": pairs_s / arrays_s,
        "pyannote_over_operator": pyannote_s / operator_s,
        "pyannote_over_arrays": pyannote_s / arrays_s,
    }


def measure() -> dict[str, Any]:
    return {
        "conversation": scaling(spanning=False),
        "one_turn_spans_all": scaling(spanning=True),
        "contest": contest(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
