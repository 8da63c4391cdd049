"""The topology of analytics: what is measured of a session beside its words, against protocols only.

    audio ─► spectra ─► fan-out ─► sound events ─────────────┐
                           ├─────► prosody frames ───────────┤
                           └─────► signal chain ─► audio     │       (for a diarizer that takes it so)
    text, turns, overlaps ─► said and heard ◄────────────────┘
                                   └─► prosody ─► affect ─► sounds of ─► conversation ─► events

Each of the last four passes on what it gets and adds to it; what is new leaves at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from anyio import CapacityLimiter

from stream_engine.clock import RATE, snap
from stream_engine.events import Affect, Chunk, Prosody, SoundEvent, Sounds, Statistics, Watermark
from stream_engine.operator import Operator
from stream_engine.pipeline import Pipeline
from stream_engine.stages import Receive

LOUDNESS = "loudness"
SPECTRA, SOUND_EVENTS, PROSODY_FRAMES, SIGNAL_CHAIN = "spectra", "sound events", "frames", "signal chain"
PROSODY, AFFECT, SOUNDS_OF, CONVERSATION = "prosody", "affect", "sounds of", "conversation"
NEW = (SoundEvent, Sounds, Prosody, Affect, Statistics)


@dataclass(frozen=True, kw_only=True)
class Analytics:
    """The operators of one session's analytics; None: not asked for. `spectra` if any that takes them.

    `ready` returns when the libraries are there that work on audio wants.
    """

    ready: Callable[[], None] | None = None

    loudness: Operator[Chunk, Any] | None = None
    spectra: Operator[Chunk, Any] | None = None
    signal_chain: Operator[Any, Chunk] | None = None  # processed audio, for the diarizer
    sound_events: Operator[Any, Any] | None = None
    frames: Operator[Any, Any] | None = None
    prosody: Operator[Any, Any] | None = None  # with `frames`
    affect: Operator[Any, Any] | None = None
    sounds_of: Operator[Any, Sounds] | None = None
    conversation: Operator[Any, Statistics] | None = None

    @property
    def any(self) -> bool:
        """Whether there is anything to add to the events."""
        return any((self.sound_events, self.prosody, self.affect, self.conversation))


def heard(
    pipeline: Pipeline, audio: Receive[Chunk], parts: Analytics, cpu: CapacityLimiter
) -> tuple[list[Receive[Any]], Receive[Chunk] | None]:
    """Streams of what is measured on the audio, and the processed audio, where that is asked for."""
    wanted = [parts.sound_events, parts.frames, parts.signal_chain]
    assert parts.spectra is not None
    spectra = pipeline.stage(SPECTRA, parts.spectra, audio, capacity=2, limiter=cpu, ready=parts.ready)
    branches = iter(pipeline.fan_out("of spectra", spectra, sum(map(bool, wanted)), capacity=2))
    streams: list[Receive[Any]] = []
    if parts.sound_events is not None:
        streams.append(pipeline.stage(SOUND_EVENTS, parts.sound_events, next(branches), limiter=cpu))
    if parts.frames is not None:
        streams.append(pipeline.stage(PROSODY_FRAMES, parts.frames, next(branches), limiter=cpu))
    if parts.signal_chain is None:
        return streams, None
    return streams, pipeline.stage(SIGNAL_CHAIN, parts.signal_chain, next(branches), capacity=2, limiter=cpu)


def analysed(
    pipeline: Pipeline, streams: list[Receive[Any]], parts: Analytics, cpu: CapacityLimiter, *, capacity: int
) -> Receive[Any]:
    """What is new in the streams of all that was said and heard."""
    items: Receive[Any] = pipeline.fan_in("said and heard", *streams, capacity=capacity)
    for name, operator in (
        (PROSODY, parts.prosody),
        (AFFECT, parts.affect),
        (SOUNDS_OF, parts.sounds_of and Beside(parts.sounds_of)),
        (CONVERSATION, parts.conversation and Beside(parts.conversation)),
    ):
        if operator is not None:
            items = pipeline.stage(name, operator, items, capacity=capacity, limiter=cpu)
    return pipeline.stage("new", Only(NEW), items, capacity=capacity)


class Beside:
    """Passes on what it gets, each item ahead of what `operator` has to say of it."""

    def __init__(self, operator: Operator[Any, Any]) -> None:
        self._operator = operator

    @property
    def state(self) -> object:
        return getattr(self._operator, "state", None)

    def feed(self, item: Any, /) -> Iterator[Any]:
        yield item
        yield from self._operator.feed(item)

    def flush(self) -> Iterator[Any]:
        yield from self._operator.flush()


class Heard:
    """How far the audio goes: told once a second, and at its end."""

    def __init__(self) -> None:
        self._end = self._told = 0

    def feed(self, item: Chunk, /) -> Iterable[Watermark]:
        self._end = item.end
        return self._tell() if item.end - self._told >= RATE else ()

    def flush(self) -> Iterable[Watermark]:
        return self._tell()

    def _tell(self) -> Iterable[Watermark]:
        self._told = self._end
        return (Watermark(source="audio", at=snap(self._end)),)


class Only:
    """What is of one of these kinds."""

    def __init__(self, kinds: type | tuple[type, ...]) -> None:
        self._kinds = kinds

    def feed(self, item: object, /) -> Iterable[Any]:
        return (item,) if isinstance(item, self._kinds) else ()

    def flush(self) -> Iterable[Any]:
        return ()
