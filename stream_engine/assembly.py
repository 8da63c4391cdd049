"""A whole session put together: input, store, graph, log, documents, manifest.

result = transcribe("call.wav", out="out")            # waits for the end
async with open_session("call.wav", out="out") as session:
    async for event in session.events(): ...          # as it comes
session.result
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio import CapacityLimiter, to_thread

from sinks.event_log import EventLog
from stream_engine.backends import Backends
from stream_engine.barrier import Checkpoints
from stream_engine.checkpoint import Checkpoint
from stream_engine.clock import RATE, samples, snap
from stream_engine.dependencies import as_header, dependency_health
from stream_engine.emission import Emission, EmissionState, Unchanged
from stream_engine.events import SCHEMA, Event, SessionEnd, SessionStart
from stream_engine.inputs import Input, Pcm, folders
from stream_engine.log import read
from stream_engine.logged import check, logged
from stream_engine.malloc import one_heap
from stream_engine.models import Counts, since
from stream_engine.options import Options
from stream_engine.pace import earliest, paced
from stream_engine.performance import GPUMonitor, metrics
from stream_engine.performance.resources import Resources
from stream_engine.pipeline import Pipeline
from stream_engine.results import Results
from stream_engine.session import Session
from stream_engine.session_audio import SessionAudio, cache_of, session_audio
from stream_engine.session_folder import Result, SessionFolder, noted
from stream_engine.session_measures import loudness_of
from stream_engine.session_parts import heard_by, session_parts, voices_of
from stream_engine.threads import one_blas_thread
from stream_engine.topology import EMISSION, Devices, Gaps, Parts, intake, transcription, with_barriers
from stream_engine.tracer import Tracer

FILE_CHUNK = RATE
LIVE_CHUNK = RATE // 10
BACKENDS = Backends()  # of this process: models are loaded once
GPU_CHUNK = 16 * RATE  # windows come in batches then


class OpenSession(Session):
    """A running session; `result` is there when its block has been left."""

    result: Result
    notes: tuple[str, ...]  # what it runs on, and why
    duration_s: float | None  # as promised by the container
    first: dict[str, float] = {}  # noqa: RUF012 - when the first of each kind came; replaced, never changed


def transcribe(input: str | os.PathLike[str], *, out: str | os.PathLike[str] = ".", **options: Any) -> Result:
    """Transcribes one input to its end, into a folder in `out` that is named after it.

    `options` are those of `Options`. A folder that holds the finished session of the same input and
    options is taken as it is; one that was cut short is continued.

    Raises:
        ValueError: an option that does not exist or has a wrong value.
        StreamEngineError: what the command line reports with the exit codes 3, 4, 7 and 8.
    """

    async def run() -> Result:
        source, folder, chosen = _wanted(input, out, options)

        def made_of() -> dict[str, str]:
            return BACKENDS.choose(chosen).versions

        if (done := SessionFolder(folder, source, chosen).finished(made_of)) is not None:
            return logged(done, chosen)
        async with run_session(source, folder, chosen, BACKENDS) as session:
            pass
        return session.result

    return anyio.run(run)


@asynccontextmanager
async def open_session(
    input: str | os.PathLike[str], *, out: str | os.PathLike[str] = ".", **options: Any
) -> AsyncGenerator[OpenSession]:
    """A session that runs while its block does: `async for event in session.events()`.

    Arguments and errors are those of `transcribe`; an earlier session in the folder is replaced.
    """
    source, folder, chosen = _wanted(input, out, {**options, "fresh": True})
    async with run_session(source, folder, chosen, BACKENDS) as session:
        yield session


def _wanted(
    input: str | os.PathLike[str], out: str | os.PathLike[str], options: dict[str, Any]
) -> tuple[Input, Path, Options]:
    chosen = msgspec.convert(options, Options)
    source = Input.parse(os.fspath(input), Pcm.parse(chosen.pcm) if chosen.pcm else None)
    return source, session_folders([source], Path(out))[0], chosen


def session_folders(sources: Sequence[Input], out: Path) -> list[Path]:
    """A folder in `out` for each input."""
    return [out / name for name in folders(sources)]


@asynccontextmanager
async def run_session(
    source: Input, folder: Path, options: Options, backends: Backends
) -> AsyncGenerator[OpenSession]:
    """The scope of one session: entering it starts, leaving it waits, writes the documents and commits.

    Raises:
        StreamEngineError: of the input, a back end or the disk; the manifest says it too.
    """
    one_heap()
    check(options)
    place = SessionFolder(folder, source, options)
    with place.held():
        async with AsyncExitStack() as stack:
            stack.enter_context(one_blas_thread())
            choice = backends.choose(options)
            before, there = backends.models.counts(), set(backends.models.load_s)
            tracer = Tracer()
            resources = Resources(tracer, gpu=GPUMonitor())
            stack.callback(resources.close)
            audio = await stack.enter_async_context(session_audio(source, options))
            results = Results(cache_of(options).root)
            made_of = options.identity(), choice.versions
            known = None if options.fresh else results.find(audio.header, *made_of)
            load = partial(backends.load, choice, options)
            loaded = None if known or source.live else await to_thread.run_sync(load)
            notes = (loaded.notes if loaded else ()) + choice.notes
            checkpoint = place.resumed(choice.versions, notes, afresh=known is not None)
            resumed_at = stack.enter_context(closing(checkpoint)).position if checkpoint else 0
            spans = stack.enter_context(place.span_file(tracer))
            cuts = Checkpoints(checkpoint.commit) if checkpoint else None
            async with Pipeline.run(tracer=tracer, checkpoints=cuts, sampled=resources.sample) as pipeline:
                if source.live:  # who speaks does not wait until we are ready
                    _listen(pipeline, audio, CapacityLimiter(1))
                    loaded = await to_thread.run_sync(load)
                    notes = loaded.notes + choice.notes
                loaded_s, parts = tracer.wall_ns() / 1e9, None
                if loaded is None:
                    assert known is not None
                    session = _replay(pipeline, known, source)
                else:
                    parts = session_parts(
                        backends.models,
                        choice,
                        loaded,
                        options,
                        audio=audio.samples,
                        interval=audio.interval,
                        channels=audio.store.channels,
                        gaps=Gaps(audio.store),
                        live=audio.live,
                        checkpoint=checkpoint,
                    )
                    start = SessionStart(
                        schema=SCHEMA,
                        source=source.shown,
                        recogniser=choice.recogniser,
                        diarizer=choice.diarizer,
                        notes=notes,
                        dependencies=as_header(dependency_health(check=options.check_dependencies)),
                    )
                    session = _lay(
                        pipeline,
                        source,
                        audio,
                        parts,
                        choice.devices(options, loaded.recogniser),
                        start,
                        options,
                        checkpoint,
                    )
                session.notes, session.duration_s = notes, audio.promised_s
                session.sink("event log", EventLog(path=place.log))
                table = place.live_table()
                if table is not None:
                    session.sink("live table", table)
                yield session
            if pipeline.committed and not session.stopped and (header := await audio.keep()) is not None:
                await to_thread.run_sync(results.keep, place.log, header, *made_of)
            counted = _counted(tracer, before, backends.models.counts())
            told = _told(tracer, audio, session.first, resumed_at=resumed_at)
            figures = {
                **told,
                "load_s": round(loaded_s, 3),
                "word_times": loaded.recogniser.word_times if loaded and loaded.recogniser else None,
                "known": known is not None,
                "health": audio.health | loudness_of(parts.analytics if parts else None),
                "models": backends.models.times(but=there),
                **counted,
                **resources.figures(told["total_duration"]),
                **(heard_by(parts) if parts else {}),
            }
        conclude = partial(
            place.conclude,
            stopped=session.stopped,
            damage=audio.damage,
            notes=notes if table is None or table.failure is None else (*notes, table.failure),
            figures=figures,
            voices=voices_of(parts) if parts and not options.redact else {},  # their names are not redacted
            tracer=tracer,
            spans=spans,
        )
        session.result = await to_thread.run_sync(lambda: _reported(conclude(), options, tracer))


def _counted(tracer: Tracer, before: Counts, now: Counts) -> Counts:
    """What models counted in a session, in its trace too."""
    counted = since(before, now)
    for name, moves in counted["device_transfers"].items():
        tracer.counter(f"device transfers {name}", moves)
    return counted


def _told(tracer: Tracer, audio: SessionAudio, first: dict[str, float], *, resumed_at: int) -> dict[str, Any]:
    """What the trace says of a run that began at a sample, and whether its audio came at a pace."""
    audio_s, resumed_at_s = audio.store.frames / RATE, resumed_at / RATE
    told = metrics(tracer, audio_s=audio_s, resumed_at_s=resumed_at_s, first=first)
    at_life_s = (audio_s if audio.pace else audio_s - resumed_at_s) / (audio.pace or 1.0)
    paced = audio.live and told["total_duration"] > 0.9 * at_life_s
    return told | {"paced": paced, "resumed_at_s": resumed_at_s}


def _reported(result: Result, options: Options, tracer: Tracer) -> Result:
    """Where the time went, in the further ways that were asked for."""
    folder = result.folder
    result = logged(result, options)
    if options.otlp:
        from sinks.open_telemetry import send_spans

        try:
            send_spans(tracer, endpoint=options.otlp, session_id=folder.name)
        except (ImportError, ConnectionError, ValueError) as error:
            return noted(result, f"otlp: {error}")
    return result


def _listen(pipeline: Pipeline, audio: SessionAudio, device: CapacityLimiter) -> None:
    """The graph from the input to the store, where the store is not full already."""
    if audio.decoder is not None and audio.intake is not None:
        decoded = paced(audio.decoder, audio.pace)
        intake(pipeline, decoded, audio.intake.steps, audio.store, device=device)


def _lay(
    pipeline: Pipeline,
    source: Input,
    audio: SessionAudio,
    parts: Parts,
    devices: Devices,
    start: SessionStart,
    options: Options,
    checkpoint: Checkpoint | None,
) -> OpenSession:
    """The whole graph, from the input to the stamped events; it listens to a live input already."""
    if not source.live:
        _listen(pipeline, audio, devices.cpu)
    position = checkpoint.position if checkpoint else 0
    at_once = LIVE_CHUNK if audio.live else FILE_CHUNK if devices.diarizer is devices.cpu else GPU_CHUNK
    follower = audio.store.follow(at_once, start=position)
    chunks = with_barriers(follower, samples(options.checkpoint_every)) if checkpoint else follower
    heard = pipeline.source("audio", chunks, capacity=2, stops=audio.decoder is None)
    items = transcription(pipeline, heard, parts, devices)
    session: OpenSession

    def end() -> SessionEnd:
        return SessionEnd(
            duration=snap(audio.store.frames),
            damage=audio.damage,
            stopped=session.stopped,
            health=audio.health | loudness_of(parts.analytics),
        )

    emission = Emission(
        tracer=pipeline.tracer,
        start=start,
        end=end,
        pace=audio.pace or 1.0,
        live=audio.live,
        since=earliest(pipeline.tracer) if audio.pace is None else None,
        state=checkpoint.state(EMISSION, EmissionState) if checkpoint else None,
    )
    session = OpenSession(
        pipeline=pipeline, items=items, emission=emission, position=lambda: follower.position
    )
    session.first = emission.first
    return session


def _replay(pipeline: Pipeline, log: Path, source: Input) -> OpenSession:
    """The events of an earlier session of the same audio, options and models, as they were emitted."""

    async def events() -> AsyncGenerator[Event]:
        for event in read(log):
            yield (
                msgspec.structs.replace(event, source=source.shown)
                if isinstance(event, SessionStart)
                else event
            )

    items = pipeline.source("earlier result", events())
    return OpenSession(pipeline=pipeline, items=items, emission=Unchanged(), position=lambda: 0)
