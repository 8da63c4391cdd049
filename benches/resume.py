"""A session that is killed at two thirds of 30 minutes: what is done again, and how soon it goes on.

Bars: at most a block of the store (66 s) decoded twice, at most 30 s diarized twice, no segment recognised
twice, the first new segment at most 5 s after the restart, and the final events of an uninterrupted run.

    python -m benches.resume
"""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benches.long import finals
from benches.session import LONG_S, Watched, joined
from stream_engine.checkpoint import CHECKPOINT
from stream_engine.clock import RATE
from stream_engine.events import Segment
from stream_engine.log import read
from stream_engine.store_blocks import BLOCK_BYTES


def last_end_s(log: Path) -> float:
    """How far the segments of a growing log reach."""
    return max((event.end / RATE for event in read(log) if isinstance(event, Segment)), default=0.0)


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        audio = joined(folder, LONG_S)
        whole = Watched(audio, folder / "whole", "--cache", str(folder / "cache"))

        out = folder / "out"
        log, checkpoint = out / audio.stem / "events.jsonl", out / audio.stem / CHECKPOINT
        where = ("--out", out, "--cache", folder / "kept")
        command = [sys.executable, "-m", "stream_engine", "transcribe", audio, *where]
        killed = subprocess.Popen([*map(str, command), "--quiet"])
        while not log.exists() or last_end_s(log) < LONG_S * 2 / 3:
            time.sleep(0.2)
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        reached_s, size = last_end_s(log), log.stat().st_size
        (part,) = (folder / "kept").glob("*.part")
        blocks = len(json.loads(part.with_suffix(".partial").read_bytes())["blocks"])
        decoded_twice_s = (part.stat().st_size - blocks * BLOCK_BYTES) / 4 / RATE
        database = sqlite3.connect(checkpoint)
        (position,) = database.execute("SELECT position FROM cut").fetchone()
        (recognised,) = database.execute("SELECT count(*) FROM segments").fetchone()
        database.close()

        began = time.perf_counter()
        resumed = subprocess.Popen([*map(str, command), "--quiet"])
        while last_end_s(log) <= reached_s or log.stat().st_size < size:
            time.sleep(0.05)
        first_new_s = time.perf_counter() - began
        resumed.wait()
        events = list(read(log))
        figures = json.loads((log.parent / "performance.json").read_text())
        recalled = figures["stages"]["recognition"]
        return {
            "killed_at_s": round(reached_s, 1),
            "resumed_at_s": position / RATE,
            "diarized_twice_s": round(reached_s - position / RATE, 1),
            "decoded_twice_s": round(decoded_twice_s, 1),
            "segments_recognised_before_the_kill": recognised,
            "utterances_after_it": recalled["items"],
            "first_new_segment_after_restart_s": round(first_new_s, 2),
            "same_final_events": finals(events) == finals(whole.events),
        }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
