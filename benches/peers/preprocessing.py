"""The preprocessing of a typical script (pydub and scipy, `benches.pydub_way`) against our signal chain."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benches.peers.environments import python
from benches.peers.rows import Costs, by_length, costs, summary
from benches.peers.transcribers import PROGRAMS
from benches.peers.watched import Watched
from benches.recordings import long_mp3


def compare(*, lengths: Sequence[int]) -> dict[str, Any]:
    """MP3s of 44.1 kHz stereo, from the file to processed audio. Nobody says what the right audio is."""

    def side(interpreter: str | Path, program: str, length: int) -> Costs:
        run = Watched([interpreter, PROGRAMS / program, long_mp3(length)])
        return costs(run, length, run.first(kind="audio"))

    rows = by_length(
        lambda length: side(sys.executable, "our_preprocessing.py", length),
        lambda length: side(python("pydub"), "pydub_preprocessing.py", length),
        lengths,
    )
    return summary(rows, {})
