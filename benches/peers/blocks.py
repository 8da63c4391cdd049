"""diart's block scheduling against our diarizer, with models that read who speaks from the samples."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benches.diarization import Clip, errors, pooled
from benches.peers.environments import python
from benches.peers.programs.voices_in_samples import RATE, talk
from benches.peers.rows import SIDES, Row, costs, row, summary
from benches.peers.transcribers import PROGRAMS
from benches.peers.watched import Watched


def compare(*, lengths: Sequence[int]) -> dict[str, Any]:
    rows = [at(length) for length in lengths]
    return summary(rows, {"der": 100 * (rows[-1]["ours_der"] - rows[-1]["theirs_der"])})


def at(length: int) -> Row:
    """The audio is made as it is taken, by the same function."""
    clip = Clip("told", np.empty(length * RATE, np.float32), talk(length))
    ours = Watched([sys.executable, "-m", "benches.peers.programs.our_blocks", str(length)])
    theirs = Watched([python("diart"), PROGRAMS / "diart_blocks.py", str(length)])
    runs = dict(zip(SIDES, (ours, theirs), strict=True))
    errors_of = {}
    for side, run in runs.items():
        (answer,) = run.all(kind="turns")
        errors_of[f"{side}_der"] = pooled([errors(clip, [tuple(turn) for turn in answer["turns"]])])
    measured = [costs(run, length, run.first(kind="first")) for run in (ours, theirs)]
    return row(length, *measured, **errors_of)
