"""Two transcribers over the same recordings, by turns: speed, first text, memory against length, errors."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benches.diarization import Clip, errors, pooled
from benches.peers.recordings import clips, looped, true_lines, true_turns
from benches.peers.transcribers import Heard, Transcriber
from benches.words import Rate, cpwer
from stream_engine.clock import RATE

LONG_S, PATIENCE_S = 1800, 150


def compare(
    ours: Transcriber, peer: Transcriber, *, lengths: Sequence[int], quick: bool, texts: bool
) -> dict[str, Any]:
    """All figures; `texts`: whether what is said has a meaning, so that cpWER has."""
    with tempfile.TemporaryDirectory() as name:
        rows = [told(cost(ours, peer, length, Path(name))) for length in lengths]
        long = {} if quick else told(first_of_long(ours, peer, Path(name)))
    found = accuracy(ours, peer, clips(quick=quick), texts=texts)
    last = rows[-1]
    return {
        "throughput_ours_over_theirs": last["ours_x_real_time"] / last["theirs_x_real_time"],
        "per_cpu_second_ours_over_theirs": last["theirs_cpu_s"] / last["ours_cpu_s"],
        "first_text_theirs_over_ours": ratio(last["theirs_first_s"], last["ours_first_s"]),
        **long,
        "anon_mb_per_minute": {
            side: slope(lengths, [row[f"{side}_anon_mb"] for row in rows]) for side in ("ours", "theirs")
        },
        **found,
        "by_length": rows,
    }


def told(row: dict[str, Any]) -> dict[str, Any]:
    """`row`, also on stderr: all of them take a quarter of an hour."""
    print(json.dumps(row), file=sys.stderr, flush=True)
    return row


def cost(ours: Transcriber, peer: Transcriber, length: int, folder: Path) -> dict[str, Any]:
    """Medians of three runs up to half a minute, else one run of each."""
    audio = looped(length, folder)
    row: dict[str, Any] = {"seconds": length}
    runs: dict[str, list[Heard]] = {"ours": [], "theirs": []}
    for _ in range(3 if length <= 30 else 1):
        runs["ours"].append(ours([audio]))
        runs["theirs"].append(peer([audio]))
    for side, heard in runs.items():
        firsts = [one.first_s for one in heard if one.first_s is not None]
        row |= {
            f"{side}_x_real_time": length / median(one.run.wall_s for one in heard),
            f"{side}_cpu_s": median(one.run.cpu_s for one in heard),
            f"{side}_first_s": median(firsts) if firsts else None,
            f"{side}_anon_mb": median(one.run.anon_mb for one in heard),
            f"{side}_rss_mb": median(one.run.rss_mb for one in heard),
        }
    return row


def first_of_long(ours: Transcriber, peer: Transcriber, folder: Path) -> dict[str, Any]:
    """The first text of 30 min. Who has none within the limit is stopped: the ratio is then a lower bound."""
    audio = looped(LONG_S, folder)
    mine = ours([audio], first_within_s=PATIENCE_S).first_s
    limit = max(PATIENCE_S, 6 * (mine or 0))
    theirs = peer([audio], first_within_s=limit).first_s
    return {
        "first_text_of_30_min": {
            "ours_s": mine,
            "theirs_s": theirs if theirs is not None else f"none in {limit:.0f}",
            "at_least_x_sooner": (theirs or limit) / mine if mine else None,
        }
    }


def accuracy(ours: Transcriber, peer: Transcriber, files: list[Path], *, texts: bool) -> dict[str, Any]:
    both = {"ours": ours(files), "theirs": peer(files)}
    result: dict[str, Any] = {
        "der": {side: der(files, heard) for side, heard in both.items()},
        "der_by_clip": [
            {"clip": file.stem} | {side: der([file], heard) for side, heard in both.items()} for file in files
        ],
    }
    if texts:
        result["cpwer"] = {side: words(files, heard).value for side, heard in both.items()}
    for name in ("der", "cpwer"):
        if name in result:
            result[f"{name}_points_worse_than_theirs"] = 100 * (result[name]["ours"] - result[name]["theirs"])
    return result


def der(files: list[Path], heard: Heard) -> float:
    """Diarization error rate, collar 0, overlap counted, pooled."""
    parts = []
    for file in files:
        seconds = max(end for _, end, _ in true_turns(file) + heard.turns[file])
        clip = Clip(file.stem, np.empty(int(seconds * RATE), np.float32), true_turns(file))
        parts.append(errors(clip, heard.turns[file]))
    return pooled(parts)


def words(files: list[Path], heard: Heard) -> Rate:
    rates = [cpwer(truth, heard.lines[file]) for file in files if (truth := true_lines(file))]
    return sum(rates, Rate())


def ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None


def slope(lengths: Sequence[int], values: Sequence[float]) -> float:
    """Per minute, by least squares."""
    return float(np.polyfit(np.array(lengths) / 60, values, 1)[0]) if len(lengths) > 1 else 0.0
