"""Many sessions at a time in one process, over models that they share: lag and throughput, in the shape of
Riva's table (streams x percentiles, and RTFX: seconds of audio a second).

The recordings are handed out to N streams, again from the first until each stream had as many; all streams
begin at once. Lag is emission less the end of what was said, of final text. One session at a time is what
was scored anyway. The time of a session is that of all of it, with its set-up and its documents.
"""

from __future__ import annotations

import math
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
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
from stream_engine.harness.measured import Measured, Samples, Statistic, interval, pooled, samples_of
from stream_engine.harness.one_run import PACED, Mode, Run, session, summed
from stream_engine.harness.resources import Taken
from stream_engine.log import read
from stream_engine.options import Options

NO_TEXT = "no text came"
RUNNING = "running-"  # begins the names of folders of sessions at a time
PERCENTILES: tuple[Statistic, ...] = ("p50", "p90", "p95", "p99")


class LoadRow(msgspec.Struct, frozen=True, kw_only=True):
    """N sessions at a time. Lag in seconds; None with the reason."""

    mode: Mode
    sessions: int
    recordings: int  # that were run
    audio_s: float
    wall_s: float
    rtfx: float | None
    lag: dict[str, float] | None
    interval: dict[str, tuple[float, float]] = {}  # of the percentiles, over recordings
    names: tuple[str, ...] = ()  # of the recordings that `samples` are of
    samples: tuple[Measured, ...] = ()  # lags of each recording
    reason: str | None = None
    failed: int = 0
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    made_of: str = ""


def text_lags(events: Iterable[Event], pace: float) -> list[float]:
    """Of each final text, in seconds."""
    return [
        one.emitted_at - one.end / RATE / pace
        for one in events
        if isinstance(one, Segment) and one.final and one.text and one.emitted_at is not None
    ]


def row_of_runs(mode: Mode, runs: Mapping[str, tuple[Run, Path]], pace: float) -> LoadRow:
    """One session at a time: the runs that were scored, by recording, with their logs."""
    done = [run for run, _ in runs.values() if not run.failed]
    lags = {name: text_lags(read(log), pace) for name, (run, log) in runs.items() if not run.failed}
    return msgspec.structs.replace(
        _row(mode, 1, done, lags, sum(run.whole_s for run in done)),
        failed=len(runs) - len(done),
        cpu_s=round(sum(run.cpu_s for run in done), 3),
        rss_mb=round(max((run.rss_mb for run in done), default=0.0), 1),
    )


async def loaded(
    recordings: Sequence[Recording],
    sessions: int,
    mode: Mode,
    options: Options,
    backends: Backends,
    made: str,
    place: Path,
) -> LoadRow:
    """Runs them in a folder inside `place`, which is removed (see `cleared`)."""
    count = math.ceil(len(recordings) / sessions) * sessions
    jobs = deque((number, recordings[number % len(recordings)]) for number in range(count))
    done: dict[int, tuple[Run, list[float]]] = {}

    async def stream() -> None:
        while jobs:
            number, recording = jobs.popleft()
            with suppress(StreamEngineError):  # counted as failed
                result = await session(recording, Path(folder) / str(number), options, backends)
                run = summed(result, "")
                done[number] = run, text_lags(result.events, options.pace or 1.0)

    with tempfile.TemporaryDirectory(prefix=RUNNING, dir=place) as folder, Taken() as taken:
        began = time.perf_counter()
        async with anyio.create_task_group() as streams:
            for _ in range(sessions):
                streams.start_soon(stream)
        wall_s = time.perf_counter() - began
    of: dict[str, list[float]] = {}  # by recording: one that was run again is no other
    for number in sorted(done):
        of.setdefault(recordings[number % len(recordings)].name, []).extend(done[number][1])
    return msgspec.structs.replace(
        _row(mode, sessions, [run for run, _ in done.values()], of, wall_s),
        failed=count - len(done),
        cpu_s=round(taken.cpu_s, 3),
        rss_mb=round(taken.rss_mb, 1),
        made_of=made,
    )


def cleared(place: Path) -> None:
    """Makes `place`, without what sessions that were killed have left there of their talk."""
    place.mkdir(parents=True, exist_ok=True)
    for folder in place.glob(f"{RUNNING}*"):
        shutil.rmtree(folder, ignore_errors=True)


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
    mode: Mode, sessions: int, runs: Sequence[Run], lags: Mapping[str, list[float]], wall_s: float
) -> LoadRow:
    audio_s = sum(run.audio_s for run in runs)
    samples = tuple(samples_of(own, NO_TEXT) for own in lags.values()) if mode == PACED else ()
    every = [lag for one in samples if isinstance(one, Samples) for lag in one.values]
    row = LoadRow(
        mode=mode,
        sessions=sessions,
        recordings=len(runs),
        audio_s=round(audio_s, 3),
        wall_s=round(wall_s, 3),
        rtfx=round(audio_s / wall_s, 3) if wall_s else None,
        lag=None,
        reason=UNSEEN if mode != PACED else None if every else NO_TEXT,
    )
    if not every:
        return row
    lag = {name: round(pooled(samples, name) or 0.0, 3) for name in PERCENTILES}
    bounds = {name: interval(samples, name) for name in PERCENTILES}
    return msgspec.structs.replace(
        row,
        names=tuple(lags),
        samples=samples,
        lag={"mean": round(float(np.mean(every)), 3), **lag},
        interval={name: (round(found[0], 3), round(found[1], 3)) for name, found in bounds.items() if found},
    )
