"""Two transcribers over the same recordings, by turns: speed, first text, memory against length, errors."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benches.diarization import Clip, errors, pooled
from benches.peers.recordings import clips, looped, true_lines, true_turns
from benches.peers.rows import SIDES, Costs, by_length, costs, summary
from benches.peers.transcribers import Heard, Transcriber
from benches.words import Rate, cpwer
from stream_engine.clock import RATE

LONG_S, PATIENCE_S = 1800, 60


def compare(
    ours: Transcriber,
    peer: Transcriber,
    *,
    lengths: Sequence[int],
    alone: Sequence[int],
    quick: bool,
    texts: bool,
) -> dict[str, Any]:
    """All figures. Only ours runs at the lengths in `alone`; `texts`: cpWER too, as texts have a meaning."""
    with tempfile.TemporaryDirectory() as name:
        long = {} if quick else first_of_long(ours, peer, Path(name))
        rows = by_length(
            lambda length: cost(ours, length, Path(name)),
            lambda length: cost(peer, length, Path(name)),
            lengths,
            alone,
        )
    found, points = accuracy(ours, peer, clips(quick=quick), texts=texts)
    return summary(rows, points) | long | found


def cost(transcriber: Transcriber, length: int, folder: Path) -> Costs:
    """Told on stderr too: a run may take minutes."""
    heard = transcriber([looped(length, folder)])
    measured = costs(heard.run, length, heard.first_s)
    print(length, json.dumps(measured), file=sys.stderr, flush=True)
    return measured


def first_of_long(ours: Transcriber, peer: Transcriber, folder: Path) -> dict[str, Any]:
    """The first text of 30 min. Who has none within the limit is stopped: the ratio is then a lower bound."""
    audio = looped(LONG_S, folder)
    mine = ours([audio], first_within_s=PATIENCE_S).first_s
    limit = 6 * (mine or PATIENCE_S)
    theirs = peer([audio], first_within_s=limit).first_s
    return {
        "first_text_of_30_min": {
            "ours_s": mine,
            "theirs_s": theirs if theirs is not None else f"none in {limit:.0f}",
            "at_least_x_sooner": (theirs or limit) / mine if mine else None,
        }
    }


def accuracy(
    ours: Transcriber, peer: Transcriber, files: list[Path], *, texts: bool
) -> tuple[dict[str, Any], dict[str, float]]:
    """Error rates, and the points by which ours are worse."""
    both = dict(zip(SIDES, (ours(files), peer(files)), strict=True))
    rates = {"der": {side: der(files, heard) for side, heard in both.items()}}
    if texts:
        rates["cpwer"] = {side: words(files, heard).value for side, heard in both.items()}
    clipwise = [
        {"clip": file.stem} | {side: der([file], heard) for side, heard in both.items()} for file in files
    ]
    points = {name: 100 * (rate["ours"] - rate["theirs"]) for name, rate in rates.items()}
    return rates | {"der_by_clip": clipwise}, points


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
