"""Live sessions at a time in one process, over shared models: lag, throughput, memory.

The same talk for each number of sessions, at pace 1 (lag of final text: emission less the end of what was
said) and as fast as possible (RTFX: seconds of audio a second). In the shape of Riva's table: streams x
percentiles, RTFX.

    python -m benches.simultaneous
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio

from benches.session import joined
from stream_engine.assembly import BACKENDS
from stream_engine.ffmpeg_command import binary
from stream_engine.harness.data_set import Recording
from stream_engine.harness.load import LoadRow, loaded
from stream_engine.harness.one_run import PACED, UNPACED, Mode, options_of
from stream_engine.options import Options

SESSIONS = (1, 2, 3, 4, 8)
PIECES, PIECE_S = 6, 60


def pieces(folder: Path) -> list[Recording]:
    """Talk of real speech, cut into recordings of one length."""
    whole = joined(folder, PIECES * PIECE_S)
    cut = [binary(), "-v", "error", "-i", str(whole), "-c", "copy", "-f", "segment"]
    subprocess.run([*cut, "-segment_time", str(PIECE_S), str(folder / "piece%d.wav")], check=True)
    audio = [folder / f"piece{number}.wav" for number in range(PIECES)]
    return [Recording(name=one.stem, audio=one) for one in audio]


def row(paced: LoadRow, unpaced: LoadRow) -> dict[str, Any]:
    """Seconds, but for RTFX, cores (processor seconds a second) and megabytes."""
    assert paced.lag is not None, paced.reason
    assert not paced.failed
    assert not unpaced.failed
    return {
        "sessions": paced.sessions,
        "recordings": paced.recordings,
        **{f"lag_{name}_s": round(paced.lag[name], 2) for name in ("mean", "p50", "p95", "p99")},
        "lag_p95_interval_s": [round(bound, 2) for bound in paced.interval.get("p95", ())],
        "cores_at_pace_1": round(paced.cpu_s / paced.wall_s, 2),
        "rss_mb": paced.rss_mb,
        "rtfx": round(unpaced.rtfx or 0.0, 1),
    }


async def rows(recordings: list[Recording], place: Path) -> list[dict[str, Any]]:
    options = Options(formats="performance")
    choice = BACKENDS.choose(options)
    BACKENDS.load(choice, options)
    import_module("torch")  # what is once a process is over before the first session

    async def run(sessions: int, mode: Mode) -> LoadRow:
        print(f"{mode}, {sessions} sessions", file=sys.stderr)
        return await loaded(recordings, sessions, mode, options_of(options, mode, 1.0), BACKENDS, "", place)

    await loaded(recordings[:1], 1, UNPACED, options_of(options, UNPACED, 1.0), BACKENDS, "", place)
    return [row(await run(sessions, PACED), await run(sessions, UNPACED)) for sessions in SESSIONS]


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        found = anyio.run(rows, pieces(Path(name)), Path(name))
    first, fourth = found[0], next(one for one in found if one["sessions"] == 4)
    return {
        "rows": found,
        "lag_p95_of_4_over_1": round(fourth["lag_p95_s"] / first["lag_p95_s"], 2),
        "rtfx_of_4_over_1": round(fourth["rtfx"] / first["rtfx"], 2),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
