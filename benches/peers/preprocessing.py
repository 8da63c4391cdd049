"""The preprocessing of a typical script (pydub and scipy, `benches.pydub_way`) against our signal chain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from benches.peers.environments import python
from benches.peers.side_by_side import slope
from benches.peers.transcribers import PROGRAMS
from benches.peers.watched import Watched
from benches.recordings import long_mp3

SIDES = ("ours", "theirs")


def compare(*, lengths: Sequence[int]) -> dict[str, Any]:
    rows = [row(length) for length in lengths]
    last = rows[-1]
    return {
        "throughput_ours_over_theirs": last["ours_x_real_time"] / last["theirs_x_real_time"],
        "per_cpu_second_ours_over_theirs": last["theirs_cpu_s"] / last["ours_cpu_s"],
        "first_audio_theirs_over_ours": last["theirs_first_s"] / last["ours_first_s"],
        "anon_mb_per_minute": {s: slope(lengths, [one[f"{s}_anon_mb"] for one in rows]) for s in SIDES},
        "by_length": rows,
    }


def row(length: int) -> dict[str, Any]:
    """An MP3 of 44.1 kHz stereo, from the file to processed audio."""
    audio = long_mp3(length)
    runs = {
        "ours": Watched([sys.executable, PROGRAMS / "our_preprocessing.py", audio]),
        "theirs": Watched([python("pydub"), PROGRAMS / "pydub_preprocessing.py", audio]),
    }
    found: dict[str, Any] = {"seconds": length}
    for side, run in runs.items():
        found |= {
            f"{side}_x_real_time": length / run.wall_s,
            f"{side}_cpu_s": run.cpu_s,
            f"{side}_first_s": run.first(kind="audio"),
            f"{side}_anon_mb": run.anon_mb,
            f"{side}_rss_mb": run.rss_mb,
        }
    return found
