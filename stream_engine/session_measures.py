"""The operators of one session that measure: prosody, sounds, affect, conversation; and what hides names."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.affect.affect import Affects, AffectState
from operators.audio.loudness import LoudnessState
from operators.audio.processed_view import ProcessedView
from operators.audio.session_loudness import SessionLoudness
from operators.audio.signal_chain import SignalChain, SignalChainState
from operators.audio.stft import Stft, StftState
from operators.prosody.frames import FrameFeatures, FrameState
from operators.prosody.paralinguistics import Paralinguistics, ParalinguisticsState
from operators.sounds.sound_events import SoundEvents, SoundEventsState
from operators.speech.recognition import Recogniser
from operators.timeline.conversation import Conversation, ConversationState
from operators.timeline.in_order import InOrder, InOrderState
from operators.timeline.sound_join import SoundJoin, SoundJoinState
from stream_engine.analytics import (
    AFFECT,
    CONVERSATION,
    LOUDNESS,
    PROSODY,
    PROSODY_FRAMES,
    SIGNAL_CHAIN,
    SOUND_EVENTS,
    SOUNDS_OF,
    SPECTRA,
    Analytics,
)
from stream_engine.events import Spoken
from stream_engine.measures import MeasureModels, Measures
from stream_engine.operator import Operator, chain
from stream_engine.options import Options

T = TypeVar("T")
Interval = Callable[[int, int], NDArray[np.float32]]  # start, end -> [frames] or [frames, channels]
HELD_S = 20.0  # of a file: segments that affect models hear together


class State(Protocol):
    """What an operator saved under a name, if there is anything."""

    def __call__(self, name: str, kind: type[T], /) -> T | None: ...


def analytics(
    measures: Measures,
    models: MeasureModels,
    options: Options,
    *,
    audio: Interval,
    device: str,
    state: State,
    recogniser: Recogniser | None,
    live: bool,
    apart: bool,
    import_torch: Callable[[], Callable[[], None]],
) -> Analytics:
    """Operators for one session, in the states that they had; its channels may be kept `apart`.

    `import_torch` begins to, and gives what waits until it is there.
    """
    wanted = options.measured
    ready: Callable[[], None] | None = None
    if device == "cpu" and ({"prosody", "sounds"} & wanted or options.processed != "none"):
        ready = import_torch()  # not earlier: it would hold up the loading of models
    sounds = None
    if models.tagger is not None:
        sounds = SoundEvents(
            tagger=models.tagger,
            mode=options.sounds,
            rules=measures.rules,
            batch=1 if live and measures.tagger else None,  # of a large model, which then waits for nothing
            state=state(SOUND_EVENTS, SoundEventsState),
        )
    prosody = recogniser is not None and "prosody" in wanted
    processed = options.processed in ("diarization", "both")
    language = options.language
    if recogniser is not None and recogniser.languages is not None and len(recogniser.languages) == 1:
        (language,) = recogniser.languages
    conversation = None
    if "conversation" in wanted:
        saved = state(CONVERSATION, tuple[InOrderState, ConversationState])  # type: ignore[type-var]
        conversation = chain(
            InOrder(state=saved[0] if saved else None),
            Conversation(
                every_s=options.statistics_every,
                exact=options.exact_medians,
                state=saved[1] if saved else None,
            ),
        )
    return Analytics(
        ready=ready,
        loudness=SessionLoudness(state=state(LOUDNESS, LoudnessState)) if sounds or prosody else None,
        spectra=Stft(device=device, state=state(SPECTRA, StftState))
        if sounds or (prosody and not apart) or processed
        else None,
        signal_chain=SignalChain(
            links=options.links, loudness=options.loudness, state=state(SIGNAL_CHAIN, SignalChainState)
        )
        if processed
        else None,
        sound_events=sounds,
        frames=FrameFeatures(state=state(PROSODY_FRAMES, FrameState)) if prosody and not apart else None,
        prosody=Paralinguistics(
            audio=partial(_mixed, audio),
            sound=not apart,
            voice="voice" in wanted,
            pause_min_ms=round(options.pause_min * 1000),
            long_pause_ms=max(600, round(options.pause_min * 1000)),
            language=language,
            fillers=measures.fillers,
            state=state(PROSODY, ParalinguisticsState),
        )
        if prosody
        else None,
        affect=Affects(
            models=models.affect,
            audio=audio,
            language=language,
            prosody=prosody,
            hold_s=0.0 if live or not models.affect.files else HELD_S,
            state=state(AFFECT, AffectState),
        )
        if recogniser is not None and "affect" in wanted
        else None,
        sounds_of=SoundJoin(state=state(SOUNDS_OF, SoundJoinState)) if sounds else None,
        conversation=conversation,
    )


def heard_by(analytics: Analytics) -> dict[str, Any]:
    """What the tagger says of a session that is over."""
    sounds = analytics.sound_events
    return {"sounds": msgspec.to_builtins(sounds.summary)} if isinstance(sounds, SoundEvents) else {}


def loudness_of(analytics: Analytics | None) -> dict[str, float | int | None]:
    """The loudness of a session, for its health, where it was measured."""
    found = analytics.loudness if analytics else None
    if not isinstance(found, SessionLoudness):
        return {}
    return {"loudness_lufs": None if found.integrated is None else round(found.integrated, 1)}


def redaction(measures: Measures, options: Options) -> Operator[Any, Any] | None:
    """What takes private things out of all events, if it is wanted."""
    if not options.redact:
        return None
    from operators.timeline.redaction import Redaction  # its patterns take 0.1 s to compile

    return Redaction(names=measures.names)


def heard_as(
    options: Options, audio: Callable[[Spoken], NDArray[np.float32]]
) -> Callable[[Spoken], NDArray[np.float32]]:
    """What a recogniser hears of what was spoken: the audio as it is, or after the signal chain."""
    if options.processed not in ("recognition", "both"):
        return audio

    def processed(spoken: Spoken) -> NDArray[np.float32]:
        def raw(start: int, end: int) -> NDArray[np.float32]:
            return audio(msgspec.structs.replace(spoken, start=start, end=end))

        view = ProcessedView(audio=raw, links=options.links, loudness=options.loudness)
        return view(spoken.start, spoken.end)

    return processed


def _mixed(audio: Interval, start: int, end: int) -> NDArray[np.float32]:
    samples = audio(start, end)
    return samples if samples.ndim == 1 else samples.mean(1)
