"""diart's block scheduling against our diarizer, with models that read who speaks from the samples."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benches.diarization import Clip, errors, pooled
from benches.peers.environments import python
from benches.peers.programs.voices_in_samples import RATE, talk
from benches.peers.side_by_side import slope
from benches.peers.transcribers import PROGRAMS
from benches.peers.watched import Watched

SIDES = ("ours", "theirs")


def compare(*, lengths: Sequence[int]) -> dict[str, Any]:
    rows = [row(length) for length in lengths]
    last = rows[-1]
    growth = {s: slope(lengths, [one[f"{s}_anon_mb"] for one in rows]) for s in SIDES}
    return {
        "throughput_ours_over_theirs": last["ours_x_real_time"] / last["theirs_x_real_time"],
        "per_cpu_second_ours_over_theirs": last["theirs_cpu_s"] / last["ours_cpu_s"],
        "first_turn_theirs_over_ours": last["theirs_first_s"] / last["ours_first_s"],
        "anon_mb_per_minute": growth,
        "der_points_worse_than_theirs": 100 * (last["ours_der"] - last["theirs_der"]),
        "by_length": rows,
    }


def row(length: int) -> dict[str, Any]:
    """The audio is made as it is taken, by the same function."""
    clip = Clip("told", np.empty(length * RATE, np.float32), talk(length))
    runs = {
        "ours": Watched([sys.executable, "-m", "benches.peers.programs.our_blocks", str(length)]),
        "theirs": Watched([python("diart"), PROGRAMS / "diart_blocks.py", str(length)]),
    }
    found: dict[str, Any] = {"seconds": length}
    for side, run in runs.items():
        (answer,) = run.all(kind="turns")
        found |= {
            f"{side}_x_real_time": length / run.wall_s,
            f"{side}_cpu_s": run.cpu_s,
            f"{side}_first_s": run.first(kind="first"),
            f"{side}_anon_mb": run.anon_mb,
            f"{side}_der": pooled([errors(clip, [tuple(turn) for turn in answer["turns"]])]),
        }
    return found
