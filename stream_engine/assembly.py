"""A whole session put together: input, store, graph, log, documents, manifest.

result = transcribe("call.wav", out="out")            # waits for the end
async with open_session("call.wav", out="out") as session:
    async for event in session.events(): ...          # as it comes
session.result
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Generator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio import CapacityLimiter, to_thread

from operators.audio.intake import Intake
from sinks.chrome_trace import write_trace
from sinks.documents import EVENTS, write_documents
from sinks.event_log import EventLog
from sinks.formats import FORMATS, parse_formats
from sinks.labelled import LabelledLog
from sinks.manifest import Manifest, Output, read_manifest, write_manifest
from sinks.performance import write_json, write_text
from stream_engine.backends import Backends, Choice, workers
from stream_engine.barrier import Checkpoints
from stream_engine.checkpoint import CHECKPOINT, Checkpoint
from stream_engine.clock import RATE, samples, snap
from stream_engine.emission import Emission, EmissionState
from stream_engine.errors import BackendError, StreamEngineError
from stream_engine.events import SCHEMA, Event, Segment, SessionEnd, SessionStart, Turn
from stream_engine.ffmpeg import Decoder
from stream_engine.folder import claimed, storage_errors
from stream_engine.inputs import Input, Pcm, folders
from stream_engine.log import read
from stream_engine.options import Options
from stream_engine.pace import paced
from stream_engine.pcm_cache import NewStore, PcmCache, StoreHeader
from stream_engine.performance import metrics
from stream_engine.pipeline import Pipeline
from stream_engine.session import EMISSION, Devices, Parts, Session, intake, transcription, with_barriers
from stream_engine.store import PcmStore
from stream_engine.tracer import Tracer

DONE, DAMAGED, FAULT, INTERRUPTED = 0, 6, 70, 130  # exit codes that are no error's
AHEAD = 60 * RATE  # how far a file is decoded ahead of the graph
FILE_CHUNK = RATE
LIVE_CHUNK = RATE // 10
FILES = tuple(format.file for format in FORMATS)


@dataclass(frozen=True, kw_only=True)
class Result:
    """A session that is over: its folder, its records under their last labels, and its figures."""

    folder: Path
    exit_code: int  # 0, 6 (the input was damaged) or 130 (stopped)
    outputs: dict[str, Output]
    notes: tuple[str, ...]
    performance_metrics: dict[str, Any]

    @property
    def events(self) -> Iterator[Event]:
        """The log, as it was emitted."""
        return read(self.folder / EVENTS)

    @property
    def segments(self) -> list[Segment]:
        return list(LabelledLog(self.folder / EVENTS).segments())

    @property
    def turns(self) -> list[Turn]:
        return list(LabelledLog(self.folder / EVENTS).turns())

    @property
    def paths(self) -> dict[str, Path]:
        """The files that were written, by name."""
        return {
            name: self.folder / name for name, output in self.outputs.items() if output.state == "written"
        }


class OpenSession(Session):
    """A running session; `result` is there when its block has been left."""

    result: Result
    choice: Choice
    duration_s: float | None = None  # as promised by the container


def transcribe(input: str | os.PathLike[str], *, out: str | os.PathLike[str] = ".", **options: Any) -> Result:
    """Transcribes one input to its end, into a folder in `out` that is named after it.

    `options` are those of `Options`. A folder that holds the finished session of the same input and
    options is taken as it is.

    Raises:
        ValueError: an option that does not exist or has a wrong value.
        StreamEngineError: what the command line reports with the exit codes 3, 4, 7 and 8.
    """

    async def run() -> Result:
        chosen = msgspec.convert(options, Options)
        source = Input.parse(os.fspath(input), Pcm.parse(chosen.pcm) if chosen.pcm else None)
        folder = session_folders([source], Path(out))[0]
        if (done := finished(source, folder, chosen)) is not None:
            return done
        async with run_session(source, folder, chosen, Backends()) as session:
            pass
        return session.result

    return anyio.run(run)


@asynccontextmanager
async def open_session(
    input: str | os.PathLike[str], *, out: str | os.PathLike[str] = ".", **options: Any
) -> AsyncGenerator[OpenSession]:
    """A session that runs while its block does: `async for event in session.events()`.

    Arguments and errors are those of `transcribe`; a finished session in the folder is replaced.
    """
    chosen = msgspec.convert(options, Options)
    source = Input.parse(os.fspath(input), Pcm.parse(chosen.pcm) if chosen.pcm else None)
    folder = session_folders([source], Path(out))[0]
    async with run_session(
        source, folder, msgspec.structs.replace(chosen, fresh=True), Backends()
    ) as session:
        yield session


def session_folders(sources: Sequence[Input], out: Path) -> list[Path]:
    """A folder in `out` for each input."""
    return [out / name for name in folders(sources)]


def finished(source: Input, folder: Path, options: Options) -> Result | None:
    """The result of an earlier run of the same session, where it is complete.

    Raises:
        ValueError: the folder holds another session, and `fresh` was not asked for.
    """
    if options.fresh:
        return None
    if source.live and (folder / EVENTS).exists():
        raise ValueError(f"{folder}: holds an earlier session; use --fresh to replace it, or another --out")
    try:
        manifest = read_manifest(folder)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError:
        raise ValueError(
            f"{folder}: its manifest is damaged; use --fresh to replace it, or another --out"
        ) from None
    if manifest.options != _identity(source, options):
        raise ValueError(
            f"{folder}: holds a session of another input or with other options; "
            "use --fresh to replace it, or another --out"
        )
    if manifest.exit_status not in (DONE, DAMAGED):
        return None
    performance = folder / "performance.json"
    figures: dict[str, Any] = msgspec.json.decode(performance.read_bytes()) if performance.exists() else {}
    return Result(
        folder=folder,
        exit_code=manifest.exit_status,
        outputs=manifest.outputs,
        notes=manifest.notes,
        performance_metrics=figures,
    )


@asynccontextmanager
async def run_session(
    source: Input, folder: Path, options: Options, backends: Backends
) -> AsyncGenerator[OpenSession]:
    """The scope of one session: entering it starts, leaving it waits, writes the documents and commits.

    Raises:
        StreamEngineError: of the input, a back end or the disk; the manifest says it too.
    """
    with claimed(folder), _noted(source, folder, options):
        async with AsyncExitStack() as stack:
            choice = backends.choose(options)
            tracer = Tracer()
            audio = await stack.enter_async_context(_audio(source, options))
            checkpoint = _resumed(source, folder, options, choice)
            resumed_at = checkpoint.position if checkpoint else 0
            if checkpoint is not None:
                stack.callback(checkpoint.close)
            parts = backends.parts(choice, options, audio.store.view, checkpoint)
            loaded_s = tracer.wall_ns() / 1e9
            cuts = Checkpoints(checkpoint.commit) if checkpoint else None
            async with Pipeline.run(tracer=tracer, checkpoints=cuts) as pipeline:
                session = _lay(pipeline, audio, parts, choice, source, options, checkpoint)
                session.sink("event log", EventLog(path=folder / EVENTS))
                yield session
            if pipeline.committed:
                await audio.keep()
        audio_s = audio.store.frames / RATE
        figures = {
            **metrics(tracer, audio_s=audio_s, first=session.emission.first),
            "paced": audio.live and tracer.wall_ns() / 1e9 > 0.9 * audio_s / (audio.pace or 1.0),
            "load_s": round(loaded_s, 3),
            "resumed_at_s": resumed_at / RATE,
            "health": audio.health,
        }
        session.result = await to_thread.run_sync(
            _conclude, session, source, folder, options, audio.damage, figures, tracer
        )


@dataclass
class _Audio:
    """Where a session's audio comes from: a store that is complete, or one and what fills it."""

    store: PcmStore
    live: bool  # comes at life speed: intake never waits
    decoder: Decoder | None = None
    intake: Intake | None = None
    resample: str = ""
    pace: float | None = None

    @property
    def header(self) -> StoreHeader | None:
        return self.store.header

    @property
    def damage(self) -> str | None:
        if self.decoder is not None:
            return self.decoder.report.damage if self.decoder.report else None
        return self.header.damage if self.header else None

    @property
    def health(self) -> dict[str, float | int | None]:
        if self.intake is not None:
            return self.intake.health
        return self.header.health if self.header else {}

    @property
    def promised_s(self) -> float | None:
        return self.decoder.promised_s if self.decoder else self.store.frames / RATE

    async def keep(self) -> None:
        """Makes a store that was decoded to its end visible to later runs."""
        if isinstance(self.store, NewStore) and self.decoder and self.decoder.report:
            keep = partial(
                self.store.keep,
                resample=self.resample,
                promised_s=self.decoder.report.promised_s,
                damage=self.damage,
                health=self.health,
            )
            await to_thread.run_sync(keep)


@asynccontextmanager
async def _audio(source: Input, options: Options) -> AsyncGenerator[_Audio]:
    """Finds the decoded audio of this input, or starts to decode it."""
    cache = PcmCache(Path(options.cache) if options.cache else None, keep=not options.no_cache)
    resample, device = resampler(options)
    live = source.live or options.pace is not None
    if options.pace is None:
        found = await to_thread.run_sync(partial(cache.find, source, resample=resample))
        if found is not None:
            with found:
                yield _Audio(found, live)
            return
    async with Decoder(
        source, resample=resample == "ffmpeg", stall_timeout_s=options.stall_timeout
    ) as decoder:
        store = cache.create(source, expected_s=decoder.promised_s, ahead=None if live else AHEAD)
        with store:
            yield _Audio(store, live, decoder, Intake(device=device), resample, options.pace)


def _lay(
    pipeline: Pipeline,
    audio: _Audio,
    parts: Parts,
    choice: Choice,
    source: Input,
    options: Options,
    checkpoint: Checkpoint | None,
) -> OpenSession:
    """The whole graph, from the input to the stamped events."""
    cpu = CapacityLimiter(os.cpu_count() or 1)
    if audio.decoder is not None and audio.intake is not None:
        decoded = paced(audio.decoder, audio.pace)
        intake(pipeline, decoded, audio.intake, audio.store, device=cpu)
    position = checkpoint.position if checkpoint else 0
    follower = audio.store.follow(LIVE_CHUNK if audio.live else FILE_CHUNK, start=position)
    chunks = with_barriers(follower, samples(options.checkpoint_every)) if checkpoint else follower
    heard = pipeline.source("audio", chunks, capacity=2, stops=audio.decoder is None)
    items = transcription(pipeline, heard, parts, Devices(cpu=cpu, recognisers=workers()))
    start = SessionStart(
        schema=SCHEMA,
        source=source.shown,
        recogniser=choice.recogniser,
        diarizer=choice.diarizer,
        notes=choice.notes,
    )
    session: OpenSession

    def end() -> SessionEnd:
        return SessionEnd(duration=snap(audio.store.frames), damage=audio.damage, stopped=session.stopped)

    emission = Emission(
        tracer=pipeline.tracer,
        start=start,
        end=end,
        pace=audio.pace or 1.0,
        state=checkpoint.state(EMISSION, EmissionState) if checkpoint else None,
    )
    session = OpenSession(
        pipeline=pipeline, items=items, emission=emission, position=lambda: follower.position
    )
    session.choice = choice
    session.duration_s = audio.promised_s
    return session


def resampler(options: Options) -> tuple[str, str]:
    """Who resamples, `ffmpeg` or `device`, and on which device.

    Raises:
        BackendError: the named device is not there.
    """
    device = options.device
    if device in ("auto", "cuda") and (device == "cuda" or Path("/dev/nvidiactl").exists()):
        import torch

        if torch.cuda.is_available():
            device = "cuda"
        elif device == "cuda":
            raise BackendError("--device cuda: no CUDA device is available; choose --device cpu")
    if device == "mps":
        import torch

        if not torch.backends.mps.is_available():
            raise BackendError("--device mps: no Apple GPU is available; choose --device cpu")
    if device == "auto":
        device = "cpu"
    who = options.resample
    if who == "auto":
        who = "ffmpeg" if device == "cpu" else "device"
    if (who, device) == ("device", "cpu"):
        import torch

        torch.set_num_threads(1)  # beside busy cores a second thread made convolutions 3 to 110 x slower
    return who, device


# --- the folder ----------------------------------------------------------------------------------


def _identity(source: Input, options: Options) -> dict[str, Any]:
    """What makes a session the same one: its input, and the options that change results."""
    identity: dict[str, Any] = {"input": source.shown, **options.identity()}
    if source.kind == "file" and source.path is not None and source.path.exists():
        found = source.path.stat()
        identity["size"], identity["modified_ns"] = found.st_size, found.st_mtime_ns
    return identity


@contextmanager
def _noted(source: Input, folder: Path, options: Options) -> Generator[None]:
    """Writes the end of a session that fails into its manifest too."""
    try:
        with storage_errors(folder):
            yield
    except BaseException as error:
        code, said = FAULT, f"{type(error).__name__}: {error}"
        if isinstance(error, StreamEngineError):
            code, said = error.exit_code, str(error)
        elif not isinstance(error, Exception):
            code, said = INTERRUPTED, "interrupted"
        with suppress(OSError):
            _write_manifest(source, folder, options, code, {}, (said,))
        raise


def _resumed(source: Input, folder: Path, options: Options, choice: Choice) -> Checkpoint | None:
    """The checkpoint of this session, and a folder that is as it was then, or empty.

    What cannot be read again (stdin, a device, a URL) has none.
    """
    path = folder / CHECKPOINT
    if options.fresh or source.live:
        _remove(path)
    checkpoint = None
    if not source.live:
        identity = {**_identity(source, options), "versions": choice.versions, "schema": SCHEMA}
        checkpoint = Checkpoint(path, identity)
    log = folder / EVENTS
    if checkpoint and checkpoint.position and log.exists() and log.stat().st_size >= checkpoint.log_bytes:
        os.truncate(log, checkpoint.log_bytes)
    else:
        log.unlink(missing_ok=True)
        if checkpoint:
            checkpoint.forget()
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    _write_manifest(source, folder, options, None, {}, choice.notes)
    return checkpoint


def _remove(checkpoint: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{checkpoint}{suffix}").unlink(missing_ok=True)


def _conclude(
    session: OpenSession,
    source: Input,
    folder: Path,
    options: Options,
    damage: str | None,
    figures: dict[str, Any],
    tracer: Tracer,
) -> Result:
    """Documents out of the log, then the manifest."""
    outputs: dict[str, Output] = {}
    notes = session.choice.notes
    code = INTERRUPTED if session.stopped else DAMAGED if damage else DONE
    if damage:
        notes = (*notes, f"damaged input: {damage}")
    if (folder / EVENTS).exists():
        outputs = write_documents(
            folder,
            formats=parse_formats(options.formats),
            supplied={
                "performance.json": partial(write_json, figures),
                "performance.txt": partial(write_text, figures),
                "trace.json": partial(write_trace, tracer),
            },
        )
        failures = [
            f"{name}: {output.reason}" for name, output in outputs.items() if output.state == "failed"
        ]
        if failures:
            code, notes = FAULT, (*notes, *failures)
    _write_manifest(source, folder, options, code, outputs, notes)
    if code in (DONE, DAMAGED):
        _remove(folder / CHECKPOINT)
    return Result(folder=folder, exit_code=code, outputs=outputs, notes=notes, performance_metrics=figures)


def _write_manifest(
    source: Input,
    folder: Path,
    options: Options,
    code: int | None,
    outputs: dict[str, Output],
    notes: tuple[str, ...],
) -> None:
    manifest = Manifest(
        source=source.shown,
        exit_status=code,
        options=_identity(source, options),
        outputs=outputs,
        notes=notes,
    )
    write_manifest(folder, manifest)
