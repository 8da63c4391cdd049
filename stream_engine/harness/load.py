"""Many sessions at a time in one process, over models that they share: lag and throughput, in the shape of
Riva's table (streams x percentiles, and RTFX: seconds of audio a second).

The recordings are handed out to N streams, again from the first until each stream had as many; all streams
begin at once. Lag is emission less the end of what was said, of final text. One session at a time is what
was scored anyway.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path

import anyio
import msgspec
import numpy as np

from sinks.whole_file import replacing_bytes
from stream_engine.backends import Backends
from stream_engine.clock import RATE
from stream_engine.errors import StreamEngineError
from stream_engine.events import Event, Segment
from stream_engine.harness.columns import UNSEEN
from stream_engine.harness.data_set import Recording
from stream_engine.harness.one_run import PACED, Mode, Run, session, summed
from stream_engine.harness.resources import Taken
from stream_engine.log import read
from stream_engine.options import Options

NO_TEXT = "no text came"


class LoadRow(msgspec.Struct, frozen=True, kw_only=True):
    """N sessions at a time. Lag in seconds; None with the reason."""

    mode: Mode
    sessions: int
    recordings: int  # that were run
    audio_s: float
    wall_s: float
    rtfx: float | None
    lag: dict[str, float] | None
    reason: str | None = None
    failed: int = 0
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    made_of: str = ""


def text_lags(events: Iterable[Event], began_s: float, pace: float) -> list[float]:
    """Of each final text, in seconds."""
    return [
        one.emitted_at - began_s - one.end / RATE / pace
        for one in events
        if isinstance(one, Segment) and one.final and one.text and one.emitted_at is not None
    ]


def row_of_runs(mode: Mode, runs: Sequence[tuple[Run, Path]], pace: float) -> LoadRow:
    """One session at a time: the runs that were scored, with their logs."""
    done = [(run, log) for run, log in runs if not run.failed]
    lags = [lag for run, log in done for lag in text_lags(read(log), run.began_s, pace)]
    return _row(
        mode,
        1,
        [run for run, _ in done],
        sum(run.wall_s for run, _ in done),
        lags,
        failed=len(runs) - len(done),
        cpu_s=sum(run.cpu_s for run, _ in done),
        rss_mb=max((run.rss_mb for run, _ in done), default=0.0),
    )


async def loaded(
    recordings: Sequence[Recording],
    sessions: int,
    mode: Mode,
    options: Options,
    backends: Backends,
    made: str,
) -> LoadRow:
    """Runs them; what they wrote is removed."""
    count = math.ceil(len(recordings) / sessions) * sessions
    jobs = deque((place, recordings[place % len(recordings)]) for place in range(count))
    runs: list[Run] = []
    lags: list[float] = []
    pace = options.pace or 1.0

    async def stream(folder: Path) -> None:
        while jobs:
            place, recording = jobs.popleft()
            try:
                result = await session(recording, folder / str(place), options, backends)
            except StreamEngineError as error:
                runs.append(Run(made_of="", failed=str(error)))
                continue
            runs.append(run := summed(result, ""))
            lags.extend(text_lags(result.events, run.began_s, pace))

    with tempfile.TemporaryDirectory(prefix="stream-engine-bench-") as name, Taken() as taken:
        began = time.perf_counter()
        async with anyio.create_task_group() as streams:
            for _ in range(sessions):
                streams.start_soon(stream, Path(name))
        wall_s = time.perf_counter() - began
    done = [run for run in runs if not run.failed]
    return _row(
        mode,
        sessions,
        done,
        wall_s,
        lags,
        failed=len(runs) - len(done),
        cpu_s=taken.cpu_s,
        rss_mb=taken.rss_mb,
        made_of=made,
    )


def kept_row(path: Path, made: str) -> LoadRow | None:
    """What an earlier bench left of the same."""
    try:
        row = msgspec.json.decode(path.read_bytes(), type=LoadRow)
    except (OSError, msgspec.DecodeError):
        return None
    return row if row.made_of == made and not row.failed else None


def keep_row(path: Path, row: LoadRow) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing_bytes(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(row), indent=1))


def _row(
    mode: Mode,
    sessions: int,
    done: Sequence[Run],
    wall_s: float,
    lags: Sequence[float],
    *,
    failed: int,
    cpu_s: float,
    rss_mb: float,
    made_of: str = "",
) -> LoadRow:
    audio_s = sum(run.audio_s for run in done)
    reason = UNSEEN if mode != PACED else None if lags else NO_TEXT
    lag = None
    if reason is None:
        found = np.percentile(lags, [50, 90, 95, 99])
        lag = {"mean": round(float(np.mean(lags)), 3)}
        lag |= {f"p{p}": round(float(v), 3) for p, v in zip((50, 90, 95, 99), found, strict=True)}
    return LoadRow(
        mode=mode,
        sessions=sessions,
        recordings=len(done),
        audio_s=round(audio_s, 3),
        wall_s=round(wall_s, 3),
        rtfx=round(audio_s / wall_s, 3) if wall_s else None,
        lag=lag,
        reason=reason,
        failed=failed,
        cpu_s=round(cpu_s, 3),
        rss_mb=round(rss_mb, 1),
        made_of=made_of,
    )
