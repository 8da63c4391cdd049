"""One session over one recording, kept: what it took stands in `run.json` beside its log."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from sinks.whole_file import replacing_bytes
from stream_engine.assembly import run_session
from stream_engine.backends import Backends
from stream_engine.errors import StreamEngineError
from stream_engine.harness.data_set import Recording
from stream_engine.harness.resources import Taken
from stream_engine.inputs import Input
from stream_engine.options import Options
from stream_engine.session_folder import Result

SCHEMA = 2
RUN = "run.json"
PACKAGES = ("stream_engine", "operators", "sinks")
PACED, UNPACED = "paced", "unpaced"
Mode = str


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A session that is over. Nothing of its text: that is in its log."""

    made_of: str  # tells runs apart whose results or figures may differ
    failed: str | None = None  # why, in a line
    unsent: str | None = None  # why its trace did not reach the collector
    audio_s: float = 0.0
    wall_s: float = 0.0  # from the first audio asked for to the last event
    whole_s: float = 0.0  # the session with its set-up and its documents
    cpu_s: float = 0.0
    rss_mb: float = 0.0
    others: tuple[float, float] = (0.0, 0.0)  # processor seconds of other programs, of so many seconds
    gpu: dict[str, Any] = {}
    health: dict[str, float | int | None] = {}
    stages: dict[str, float] = {}  # seconds of compute
    word_latency: dict[str, tuple[float, int]] = {}  # part -> seconds in all, words (or texts)
    word_times: bool = True  # that the recogniser tells; without, it is the end of each text that was timed
    first_s: dict[str, float] = {}


def options_of(options: Options, mode: Mode, pace: float) -> Options:
    """Those of a session in this mode: nothing is taken from an earlier one."""
    return msgspec.structs.replace(
        options,
        pace=pace if mode == PACED else None,
        fresh=True,
        no_cache=options.cache is None,
        check_dependencies=False,
    )


def made_of(
    recordings: Sequence[Recording], options: Options, made_with: dict[str, Any], *more: object
) -> str:
    """A digest of all that a run hangs on: audio (size, time), options, pace; models, code and machine."""
    files = [(one.name, (stat := one.audio.stat()).st_size, stat.st_mtime_ns) for one in recordings]
    of = (
        SCHEMA,
        files,
        options.identity(),
        options.pace,
        options.asr_workers,
        options.device,
        made_with,
        more,
    )
    return hashlib.blake2b(msgspec.msgpack.encode(of, order="deterministic"), digest_size=16).hexdigest()


def code() -> str:
    """A digest of this program's own code: what another one would have done is measured again."""
    found = hashlib.blake2b(digest_size=8)
    here = Path(__file__).parents[2]
    for file in sorted(path for package in PACKAGES for path in (here / package).rglob("*.py")):
        found.update(f"{file.relative_to(here)}\0".encode() + file.read_bytes() + b"\0")
    return found.hexdigest()


def kept(folder: Path, made: str) -> Run | None:
    """What an earlier bench left of the same; None where it has to be done."""
    try:
        run = msgspec.json.decode((folder / RUN).read_bytes(), type=Run)
    except (OSError, msgspec.DecodeError):
        return None
    return run if run.made_of == made and not run.failed else None


async def one_run(recording: Recording, folder: Path, options: Options, backends: Backends, made: str) -> Run:
    """Runs a session to its end and keeps what it took; an error is its result."""
    (folder / RUN).unlink(missing_ok=True)
    try:
        with Taken() as taken:
            result = await session(recording, folder, options, backends)
    except StreamEngineError as error:
        run = Run(made_of=made, failed=str(error))
    except Exception as error:  # noqa: BLE001 - a fault with one recording is no reason to leave out the others
        said = str(error).partition("\n")[0]
        run = Run(made_of=made, failed=f"a fault of ours: {type(error).__name__}: {said}")
    else:
        run = msgspec.structs.replace(
            summed(result, made),
            whole_s=round(taken.wall_s, 3),
            cpu_s=taken.cpu_s,
            rss_mb=taken.rss_mb,
            others=(taken.others_cpu_s, taken.wall_s),
            gpu=taken.gpu,
        )
    _keep(folder, run)
    return run


def _keep(folder: Path, run: Run) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with replacing_bytes(folder / RUN) as file:
        file.write(msgspec.json.format(msgspec.json.encode(run), indent=1))


async def session(recording: Recording, folder: Path, options: Options, backends: Backends) -> Result:
    """Raises StreamEngineError, as `run_session` does."""
    source = Input.parse(str(recording.audio.resolve()))
    async with run_session(source, folder, options, backends) as running:
        pass
    return running.result


def summed(result: Result, made: str) -> Run:
    """What the session's own figures say."""
    figures = result.performance_metrics
    return Run(
        made_of=made,
        unsent=result.unsent,
        audio_s=figures["audio_duration"],
        wall_s=round(figures["total_duration"] - figures["load_s"], 3),
        health=figures["health"],
        stages={
            name: stage["feed"]["total_s"] for name, stage in figures["stages"].items() if stage["items"]
        },
        word_latency={
            part: (told["total_s"], told["count"]) for part, told in figures["word_latency"].items()
        },
        word_times=figures.get("word_times") is not False,
        first_s=figures["first_s"],
    )
