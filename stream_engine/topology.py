"""The topology of a session: which streams exist and who reads them, against protocols only.

    audio ─► fan-out ─► gaps, envelope ──────────────────────────────────────────────────────────► events
                    ├─► voice activity ──────────────────┐
                    └─► diarization ─► turns ─► fan-out ─┴─► utterances ─► recognition ──────────► events
                                                    ├──────► overlap ────────────────────────────► events
                                                    └────────────────────────────────────────────► events

Without a diarizer, turns are made out of voice activity, and nobody is named. A recogniser of many languages
hears the session's before it; open turns have hypotheses, if asked for, which the texts then agree with;
and words with times get the speakers of the turns that cover them:

    utterances ─► language ─► recognition ─┬─► committed ─┬─► word speakers ─► events
     turns and voice ─► hypotheses ────────┘       turns ─┘

What is measured beside the words has a topology of its own, in `analytics`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from anyio import CapacityLimiter

from stream_engine.analytics import LOUDNESS, Analytics, Heard, Only, analysed, heard
from stream_engine.barrier import Barrier
from stream_engine.events import (
    Backchannel,
    Chunk,
    Envelope,
    Event,
    Gap,
    Hypothesis,
    Interruption,
    Overlap,
    Rejected,
    Relabel,
    Segment,
    SourceChunk,
    Turn,
    Utterance,
    VoiceActivity,
    Watermark,
)
from stream_engine.follower import Follower
from stream_engine.operator import Operator
from stream_engine.pipeline import CAPACITY, Pipeline
from stream_engine.stages import Receive
from stream_engine.store import PcmStore

Turns = Turn | Relabel | Watermark
VOICE_ACTIVITY, DIARIZATION, SPEECH_TURNS = "voice activity", "diarization", "speech turns"
UTTERANCES, OVERLAP, EMISSION = "utterances", "overlap", "emission"
LANGUAGE, RECOGNITION, HYPOTHESES = "language", "recognition", "hypotheses"
COMMITTED, WORD_SPEAKERS = "committed", "word speakers"  # states are saved by these names
REDACTION, ENVELOPE = "redaction", "envelope"
AUDIO_CAPACITY = 32  # chunks, which the branches share: one may be busy with importing torch for a while
EVENTS_CAPACITY = 64  # small things; the audio edges are what bounds memory


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The operators of one session, made anew for each: an instance is the session's state."""

    gaps: Operator[Chunk, Gap]
    envelope: Operator[Chunk, Envelope]
    voice_activity: Operator[Chunk, VoiceActivity | Watermark]
    diarizer: Operator[Chunk, Turns] | None
    speech_turns: Operator[VoiceActivity | Watermark, Turns]  # in the place of a diarizer
    utterances: Operator[Turns | VoiceActivity, Utterance | Watermark]
    recognise: Callable[[Sequence[Utterance]], Sequence[Iterable[Segment | Rejected]]] | None
    overlap: Operator[Turns, Overlap | Interruption | Backchannel | Watermark]
    in_context: Operator[Any, Any] | None = None  # in the place of `recognise`: one after the other
    language: Operator[Any, Any] | None = None  # None: it is known
    hypotheses: Operator[Turns | VoiceActivity, Hypothesis] | None = None  # None: final text only
    committed: Operator[Any, Any] | None = None  # with `hypotheses`
    word_speakers: Operator[Any, Any] | None = None  # None: the recogniser has no word times
    redaction: Operator[Any, Any] | None = None  # of all events, before anybody sees them
    analytics: Analytics = field(default_factory=Analytics)


@dataclass(frozen=True, kw_only=True)
class Devices:
    """Who may compute at a time in a session; on a GPU, sessions share calls inside the models."""

    cpu: CapacityLimiter
    analytics: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(1))  # they keep nobody waiting
    diarizer: CapacityLimiter
    recogniser: CapacityLimiter
    recognisers: int = 1  # recognition workers
    batch: int = 1  # utterances that one of them takes at a time, if so many wait


def transcription(pipeline: Pipeline, audio: Receive[Chunk], parts: Parts, devices: Devices) -> Receive[Any]:
    """Lays the graph from audio to everything that is said of it."""
    cpu, analytics = devices.cpu, parts.analytics
    to_voice, to_gaps, to_envelope, *more = pipeline.fan_out(
        "audio",
        audio,
        3
        + bool(parts.diarizer and not analytics.signal_chain)
        + bool(analytics.spectra)
        + bool(analytics.loudness)
        + bool(analytics.conversation),
        capacity=AUDIO_CAPACITY,
    )
    streams: list[Receive[Any]] = [
        pipeline.stage("gaps", parts.gaps, to_gaps),
        pipeline.stage(ENVELOPE, parts.envelope, to_envelope),
    ]
    voice = pipeline.stage(VOICE_ACTIVITY, parts.voice_activity, to_voice, limiter=cpu)
    measured: list[Receive[Any]] = []
    if analytics.loudness is not None:
        loudness, to_loudness = analytics.loudness, more.pop()
        streams.append(
            pipeline.stage(LOUDNESS, loudness, to_loudness, limiter=devices.analytics, ready=analytics.ready)
        )
    processed: Receive[Chunk] | None = None
    if analytics.spectra is not None:
        measured, processed = heard(pipeline, more.pop(), analytics, devices.analytics)
    if analytics.conversation is not None:
        measured.append(pipeline.stage("audio's end", Heard(), more.pop(), capacity=EVENTS_CAPACITY))
    if parts.diarizer is not None:
        to_diarizer = more.pop() if processed is None else processed
        turns = pipeline.stage(DIARIZATION, parts.diarizer, to_diarizer, limiter=devices.diarizer)
    else:
        voice, to_turns = pipeline.fan_out("voice", voice, 2)
        turns = pipeline.stage(SPEECH_TURNS, parts.speech_turns, to_turns)
    to_utterances, to_overlap, to_events, *to_words = pipeline.fan_out(
        "turns", turns, 3 + bool(parts.word_speakers), capacity=EVENTS_CAPACITY
    )
    overlaps = pipeline.stage(OVERLAP, parts.overlap, to_overlap, capacity=EVENTS_CAPACITY)
    said = [to_events, overlaps]
    merged: Receive[Turns | VoiceActivity] = pipeline.fan_in("turns and voice", to_utterances, voice)
    merged, *to_hypotheses = pipeline.fan_out("heard", merged, 1 + bool(parts.hypotheses))
    utterances = pipeline.stage(UTTERANCES, parts.utterances, merged, capacity=max(CAPACITY, devices.batch))
    if parts.recognise is None:
        said.append(pipeline.stage("no recognition", Only(Watermark), utterances))
    else:
        said.append(_text(pipeline, utterances, to_hypotheses, to_words, parts, devices))
    if analytics.any:
        pairs = [
            pipeline.fan_out(f"{name} twice", stream, 2, capacity=EVENTS_CAPACITY)
            for name, stream in zip(("turns", "overlap", "text"), said, strict=True)
        ]
        said = [to_events for to_events, _ in pairs]
        measured += [to_analytics for _, to_analytics in pairs]
        streams.append(analysed(pipeline, measured, analytics, devices.analytics, capacity=EVENTS_CAPACITY))
    everything: Receive[Any] = pipeline.fan_in("everything", *said, *streams, capacity=EVENTS_CAPACITY)
    if parts.redaction is not None:
        everything = pipeline.stage(REDACTION, parts.redaction, everything, capacity=EVENTS_CAPACITY)
    return everything


def _text(
    pipeline: Pipeline,
    utterances: Receive[Any],
    heard: list[Receive[Turns | VoiceActivity]],
    turns: list[Receive[Turns]],
    parts: Parts,
    devices: Devices,
) -> Receive[Any]:
    """Utterances to text; `heard`: one branch, for texts of open turns; `turns`: for speakers of words."""
    assert parts.recognise is not None
    text: Receive[Any] = utterances
    if parts.language is not None:
        text = pipeline.stage(LANGUAGE, parts.language, text, limiter=devices.recogniser)
    if parts.in_context is not None:
        text = pipeline.stage(RECOGNITION, parts.in_context, text, limiter=devices.recogniser)
    else:
        text = pipeline.workers(
            RECOGNITION,
            _utterances_only(parts.recognise),
            text,
            count=devices.recognisers,
            limiter=devices.recogniser,
            batch=devices.batch,
        )
    if parts.hypotheses is not None and parts.committed is not None:
        shown = pipeline.stage(HYPOTHESES, parts.hypotheses, heard[0], limiter=devices.recogniser)
        text = pipeline.fan_in("hypotheses and text", shown, text)
        text = pipeline.stage(COMMITTED, parts.committed, text)
    if parts.word_speakers is not None:
        text = pipeline.fan_in("turns and text", turns[0], text)
        text = pipeline.stage(WORD_SPEAKERS, parts.word_speakers, text, capacity=EVENTS_CAPACITY)
    return text


def _utterances_only(
    recognise: Callable[[Sequence[Utterance]], Sequence[Iterable[Any]]],
) -> Callable[[Sequence[Any]], Sequence[Iterable[Any]]]:
    """`recognise`, past which goes what is no utterance."""

    def work(items: Sequence[Any]) -> list[Iterable[Any]]:
        said = iter(recognise([item for item in items if isinstance(item, Utterance)]))
        return [next(said) if isinstance(item, Utterance) else (item,) for item in items]

    return work


def intake(
    pipeline: Pipeline,
    source: AsyncIterable[SourceChunk],
    steps: Iterable[tuple[str, Operator[Any, Any]]],
    store: PcmStore,
    *,
    device: CapacityLimiter,
) -> None:
    """Lays the graph from a source, by `steps`, to its store; ahead of all barriers: it is in the store."""
    audio: Receive[Any] = pipeline.source("decode", _held(source, store), capacity=2)
    for name, operator in steps:
        audio = pipeline.stage(name, operator, audio, capacity=2, limiter=device, saves=False)
    pipeline.sink("stored", _Nowhere(), pipeline.stage("store", _Keep(store), audio))


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


async def with_barriers(chunks: Follower, every: int) -> AsyncGenerator[Chunk]:
    """The chunks, and a barrier at each whole multiple of `every` samples that they pass.

    A barrier travels in a stream of any type, and no operator ever sees it.
    """
    async for chunk in chunks:
        yield chunk
        number = chunk.end // every
        if number > chunk.start // every:
            yield cast("Chunk", Barrier(number, chunk.end))


class _Nowhere:
    def write(self, item: object, /) -> None: ...

    def commit(self) -> None: ...

    def discard(self) -> None: ...
