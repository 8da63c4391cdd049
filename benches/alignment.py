"""Alignment of stretches of text to turns: against nested loops, and at sizes where loops and matrices end.

`nested loops` looks at each pair in Python, as scripts do; `matrix` computes all pairs at once with numpy, in
memory for stretches x turns. Turns are 0 to 5 s long, and one may span all; stretches are words (0.1 to
3 s) or segments (up to 100 s, so that many turns lie inside). `mb_per_100k_rows` is the peak of what is
allocated for 100k of each. On CUDA where there is one, results copied back and compared.

Bars: equal to nested loops; >= 100 x as fast at 2k x 2k; memory O(stretches + turns) at 100k x 100k.

    python -m benches.alignment
"""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.timeline.alignment import NONE, align

Ints = NDArray[np.int64]
Columns = tuple[Ints, Ints, Ints, Ints]
CONTEST = 2_000
SIZES = (1_000, 10_000, 100_000, 1_000_000)
ROUNDS = 3


def crowd(count: int, longest_ms: int, *, spanning: bool = True) -> Columns:
    """`count` stretches and `count` turns over `count` seconds, in ms; the first turn may span all."""
    random = np.random.default_rng(0)
    start, turn_start = (np.sort(random.integers(0, count * 1000, count)) for _ in range(2))
    end = start + random.integers(100, longest_ms, count)
    turn_end = turn_start + random.integers(0, 5_000, count)
    if spanning:
        turn_start[0], turn_end[0] = 0, count * 1000 + longest_ms
    return start, end, turn_start, turn_end


def nested_loops(start: Ints, end: Ints, turn_start: Ints, turn_end: Ints) -> list[int]:
    turns = list(zip(turn_start.tolist(), turn_end.tolist(), range(len(turn_start)), strict=True))
    turns.sort(key=lambda turn: (turn[0], turn[2]))
    found: list[int] = []
    for first, last in zip(start.tolist(), end.tolist(), strict=True):
        best, most = NONE, 0
        for begins, ends, turn in turns:
            overlap = min(last, ends) - max(first, begins)
            if overlap > most:
                best, most = turn, overlap
        found.append(best)
    return found


def matrix(start: Ints, end: Ints, turn_start: Ints, turn_end: Ints) -> Ints:
    overlap = np.minimum(end[:, None], turn_end) - np.maximum(start[:, None], turn_start)
    best = overlap.argmax(1)
    return np.where(overlap[np.arange(len(start)), best] > 0, best, NONE)


def timed(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    taken: list[float] = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return median(taken)


def peak_mb(work: Callable[[], Any]) -> float:
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak / 1e6


def contest(longest_ms: int, *, spanning: bool) -> dict[str, Any]:
    columns = crowd(CONTEST, longest_ms, spanning=spanning)
    loops: list[list[int]] = []
    slow = timed(lambda: loops.append(nested_loops(*columns)))
    ours, all_pairs = timed(lambda: align(*columns), 9), timed(lambda: matrix(*columns))
    return {
        "longest_stretch_s": longest_ms / 1000,
        "one_turn_spans_all": spanning,
        "equal_to_nested_loops": align(*columns).turn.tolist() == loops[0],
        "nested_loops_s": slow,
        "matrix_s": all_pairs,
        "ours_s": ours,
        "ours_over_nested_loops": slow / ours,
        "ours_over_matrix": all_pairs / ours,
        "matrix_mb": peak_mb(lambda: matrix(*columns)),
        "ours_mb": peak_mb(lambda: align(*columns)),
    }


def growth(count: int) -> dict[str, Any]:
    row: dict[str, Any] = {"each": count}
    for name, longest_ms in (("words", 3_000), ("segments", 100_000)):
        columns = crowd(count, longest_ms)
        row[f"{name}_s"] = timed(lambda columns=columns: align(*columns))
        row[f"{name}_mb"] = peak_mb(lambda columns=columns: align(*columns))
    return row


def on_device(device: str) -> dict[str, Any]:
    """100k of each as tensors, warm; and whether they give what arrays give."""
    import torch

    columns = crowd(100_000, 100_000)
    tensors: Any = [torch.tensor(column, device=device) for column in columns]

    def work() -> list[int]:
        found = align(*tensors).turn
        if device == "cuda":
            torch.cuda.synchronize()
        return found

    same = bool((work().cpu().numpy() == align(*columns).turn).all())  # type: ignore[attr-defined]
    return {"device": device, "segments_s": timed(work), "equal_to_arrays": same}


def measure() -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    devices = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    sizes = [growth(count) for count in SIZES]
    return {
        "contest": [
            contest(3_000, spanning=False),
            contest(100_000, spanning=False),
            contest(100_000, spanning=True),
        ],
        "growth": sizes,
        "mb_per_100k_rows": next(row["segments_mb"] for row in sizes if row["each"] == 100_000),
        "tensors": [on_device(device) for device in devices],
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
