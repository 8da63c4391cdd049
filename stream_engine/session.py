"""The topology of a session: which streams exist and who reads them, against protocols only.

    audio ─► fan-out ─► voice activity ─────────────┐
                    └─► diarization ─► turns ─► fan-out ─► fan-in ─► utterances ─► recognition ─┐
                                                    ├───► overlap ────────────────────────────┤
                                                    └──────────────────────────────────────────┴─► events

Without a diarizer, turns are made out of voice activity, and nobody is named.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from anyio import CapacityLimiter

from stream_engine.barrier import Barrier
from stream_engine.events import (
    Chunk,
    Event,
    Gap,
    Interruption,
    Overlap,
    Relabel,
    Segment,
    SourceChunk,
    Turn,
    Utterance,
    VoiceActivity,
    Watermark,
)
from stream_engine.follower import Follower
from stream_engine.operator import Operator, Sink
from stream_engine.pipeline import Pipeline
from stream_engine.stages import Receive
from stream_engine.store import PcmStore

E = TypeVar("E")
Turns = Turn | Relabel | Watermark
VOICE_ACTIVITY, DIARIZATION, SPEECH_TURNS = "voice activity", "diarization", "speech turns"
UTTERANCES, OVERLAP, EMISSION = "utterances", "overlap", "emission"  # states are saved by these names
EVENTS_CAPACITY = 64  # small things; the audio edges are what bounds memory


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The operators of one session, made anew for each: an instance is the session's state."""

    gaps: Operator[Chunk, Gap]
    voice_activity: Operator[Chunk, VoiceActivity | Watermark]
    diarizer: Operator[Chunk, Turns] | None
    speech_turns: Operator[VoiceActivity | Watermark, Turns]  # in the place of a diarizer
    utterances: Operator[Turns | VoiceActivity, Utterance]
    recognise: Callable[[Utterance], Iterable[Segment]] | None
    overlap: Operator[Turns, Overlap | Interruption | Watermark]


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Who may compute at a time: one limiter per device, shared by all sessions of a process."""

    cpu: CapacityLimiter
    recognisers: int = 1  # recognition workers


def transcription(pipeline: Pipeline, audio: Receive[Chunk], parts: Parts, devices: Devices) -> Receive[Any]:
    """Lays the graph from audio to everything that is said of it."""
    cpu = devices.cpu
    branches = 2 if parts.diarizer is None else 3
    audio, to_gaps, *to_diarizer = pipeline.fan_out("audio", audio, branches, capacity=2)
    streams: list[Receive[Any]] = [pipeline.stage("gaps", parts.gaps, to_gaps)]
    if parts.diarizer is not None:
        voice = pipeline.stage(VOICE_ACTIVITY, parts.voice_activity, audio, limiter=cpu)
        turns = pipeline.stage(DIARIZATION, parts.diarizer, to_diarizer[0], limiter=cpu)
    else:
        voice = pipeline.stage(VOICE_ACTIVITY, parts.voice_activity, audio, limiter=cpu)
        voice, to_turns = pipeline.fan_out("voice", voice, 2)
        turns = pipeline.stage(SPEECH_TURNS, parts.speech_turns, to_turns)
    to_utterances, to_overlap, to_events = pipeline.fan_out("turns", turns, 3, capacity=EVENTS_CAPACITY)
    streams.append(to_events)
    streams.append(pipeline.stage(OVERLAP, parts.overlap, to_overlap, capacity=EVENTS_CAPACITY))
    merged: Receive[Turns | VoiceActivity] = pipeline.fan_in("turns and voice", to_utterances, voice)
    utterances = pipeline.stage(UTTERANCES, parts.utterances, merged)
    if parts.recognise is not None:
        streams.append(
            pipeline.workers(
                "recognition", parts.recognise, utterances, count=devices.recognisers, limiter=cpu
            )
        )
    else:
        streams.append(pipeline.stage("no recognition", _Nothing(), utterances))
    return pipeline.fan_in("everything", *streams, capacity=EVENTS_CAPACITY)


def intake(
    pipeline: Pipeline,
    source: AsyncIterable[SourceChunk],
    to_session_audio: Operator[SourceChunk, Chunk],
    store: PcmStore,
    *,
    device: CapacityLimiter,
) -> None:
    """Lays the graph from a source to its store."""
    chunks = pipeline.source("decode", _held(source, store), capacity=2)
    audio = pipeline.stage("to 16 kHz mono", to_session_audio, chunks, capacity=2, limiter=device)
    pipeline.sink("store", _Nowhere(), pipeline.stage("keep", _Keep(store), audio))


async def _held(source: AsyncIterable[SourceChunk], store: PcmStore) -> AsyncGenerator[SourceChunk]:
    """`source`, read no faster than the store lets it grow."""
    await store.room()
    async for chunk in source:
        yield chunk
        await store.room()


class Gaps:
    """What the source did not deliver: the gaps of `store` that begin in a chunk."""

    def __init__(self, store: PcmStore) -> None:
        self._store = store

    def feed(self, item: Chunk, /) -> Iterable[Gap]:
        return [gap for gap in self._store.gaps if item.start <= gap.start < item.end]

    def flush(self) -> Iterable[Gap]:
        return ()


class _Keep:
    """Appends audio to the store; its end of stream is the store's."""

    def __init__(self, store: PcmStore) -> None:
        self._store = store

    def feed(self, item: Chunk, /) -> Iterable[Event]:
        self._store.append(item.samples)
        return ()

    def flush(self) -> Iterable[Event]:
        self._store.finish()
        return ()


class Session:
    """A running session, for those who watch it; made by the assembly."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        items: Receive[Any],
        emission: Operator[Any, Event],
        position: Callable[[], int],
    ) -> None:
        self._pipeline = pipeline
        self._position = position
        emitted = pipeline.stage(EMISSION, emission, items, capacity=EVENTS_CAPACITY)
        self._branch = pipeline.broadcast("events", emitted)
        self.stopped = False

    def on(self, kind: type[E], callback: Callable[[E], object]) -> None:
        """Calls `callback` with every event of `kind`, in a worker thread, one at a time.

        A slow callback holds up the session; an error in it ends the session.
        """
        self.sink(f"on {kind.__name__} {id(callback)}", _Callback(kind, callback))

    def events(self) -> AsyncGenerator[Event]:
        """All events from now on, as they come. Leaving the loop early holds up nobody."""
        return _read(self._branch(EVENTS_CAPACITY))

    def sink(self, name: str, sink: Sink[Event]) -> None:
        """Writes all events from now on to `sink`, and commits or discards it with the session."""
        self._pipeline.sink(name, sink, self._branch(EVENTS_CAPACITY))

    def background(self, run: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Runs `run` beside the session, until that has ended."""
        self._pipeline.background(run)

    def stop(self) -> None:
        """Ends the input; what was heard so far is still transcribed and kept."""
        self.stopped = True
        self._pipeline.stop()

    def abort(self) -> None:
        """Ends everything at once."""
        self.stopped = True
        self._pipeline.abort()

    @property
    def position(self) -> int:
        """How much of the audio the graph has been given, in samples."""
        return self._position()

    def depths(self) -> dict[str, int]:
        """Items waiting on each edge."""
        return self._pipeline.depths()


async def _read(branch: Receive[Any]) -> AsyncGenerator[Event]:
    async with branch:
        async for event in branch:
            if not isinstance(event, Barrier):
                yield event


async def with_barriers(chunks: Follower, every: int) -> AsyncGenerator[Chunk]:
    """The chunks, and a barrier at each whole multiple of `every` samples that they pass.

    A barrier travels in a stream of any type, and no operator ever sees it.
    """
    async for chunk in chunks:
        yield chunk
        number = chunk.end // every
        if number > chunk.start // every:
            yield cast("Chunk", Barrier(number, chunk.end))


class _Callback:
    def __init__(self, kind: type[E], callback: Callable[[E], object]) -> None:
        self._kind = kind
        self._callback = callback

    def write(self, item: Any, /) -> None:
        if isinstance(item, self._kind):
            self._callback(item)

    def commit(self) -> None: ...

    def discard(self) -> None: ...


class _Nowhere:
    def write(self, item: object, /) -> None: ...

    def commit(self) -> None: ...

    def discard(self) -> None: ...


class _Nothing:
    def feed(self, item: object, /) -> Iterable[Event]:
        return ()

    def flush(self) -> Iterable[Event]:
        return ()
