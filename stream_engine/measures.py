"""The choice of classes for what is measured beside the words: prosody, sounds, affect, conversation."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.affect.affect import Affects, AffectState
from operators.affect.choice import AffectFiles, affect_files, affect_models, intent_labels
from operators.affect.models import AffectModels
from operators.audio.loudness import LoudnessState
from operators.audio.processed_view import ProcessedView
from operators.audio.session_loudness import SessionLoudness
from operators.audio.signal_chain import SignalChain, SignalChainState
from operators.audio.stft import Stft, StftState
from operators.prosody.filler_list import Fillers, packaged_fillers, read_fillers
from operators.prosody.frames import FrameFeatures, FrameState
from operators.prosody.paralinguistics import Paralinguistics, ParalinguisticsState
from operators.sounds.event_detector import EventRules
from operators.sounds.grouped import Grouped, read_groups
from operators.sounds.onnx_tagger import OnnxTagger
from operators.sounds.signal_tagger import SignalTagger
from operators.sounds.sound_events import SoundEvents, SoundEventsState
from operators.sounds.tagger import Tagger
from operators.sounds.tagger_files import find_tagger
from operators.speech.diarization.pyannote_hub import Hub
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
from stream_engine.errors import BackendError
from stream_engine.events import Spoken
from stream_engine.models import Models
from stream_engine.operator import Operator, chain
from stream_engine.options import Options
from stream_engine.store_header import identity_of

T = TypeVar("T")
Interval = Callable[[int, int], NDArray[np.float32]]  # start, end -> [frames] or [frames, channels]
HELD_S = 20.0  # of a file: segments that affect models hear together
SIGNAL, ONNX = "signal", "onnx"


class State(Protocol):
    """What an operator saved under a name, if there is anything."""

    def __call__(self, name: str, kind: type[T], /) -> T | None: ...


@dataclass(frozen=True)
class Measures:
    """What was asked for, with the files behind it."""

    rules: EventRules
    names: tuple[str, ...]  # to be redacted
    fillers: Mapping[str, Fillers]
    tagger: str | None  # the model of an ONNX tagger; None: signal processing
    affect: AffectFiles
    identities: tuple[str, ...]  # what tells these files from others


@dataclass(frozen=True)
class MeasureModels:
    """The models behind the measures."""

    tagger: Tagger | None
    affect: AffectModels
    notes: tuple[str, ...]


def rules_of(text: str | None) -> EventRules:
    """`enter=0.6,min_dur=1,min_dur.Speech=2` as rules.

    Raises:
        ValueError: an unknown name, or a value out of range.
    """
    given: dict[str, Any] = {}
    for pair in (text or "").split(","):
        name, equals, value = (part.strip() for part in pair.partition("="))
        if not pair.strip():
            continue
        try:
            number = float(value) if equals else float("nan")
        except ValueError:
            number = float("nan")
        rule, _, label = name.partition(".")
        known = math.isfinite(number) and (
            rule in EventRules.__struct_fields__
            and rule != "min_dur_of"
            and not (label and rule != "min_dur")
        )
        if not known:
            raise ValueError(f"sound rules: {pair.strip()!r}; want such as enter=0.5 or min_dur.Speech=1")
        if label:
            given.setdefault("min_dur_of", {})[label] = number
        else:
            given[rule] = round(number) if rule == "median" else number
    return EventRules(**given)


def fillers_of(options: Options) -> Mapping[str, Fillers]:
    """Our lists, and the user's in the language of the session (English, if none is named).

    Raises:
        ValueError: the user's cannot be read.
    """
    lists = packaged_fillers()
    if options.fillers:
        try:
            own = read_fillers(options.fillers)
        except OSError as error:
            raise ValueError(f"fillers: {error}") from None
        language = options.language or "en"
        lists[language] = lists[language] | own if language in lists else own
    return lists


def names_of(options: Options) -> tuple[str, ...]:
    """The user's list of names to be redacted.

    Raises:
        ValueError: it cannot be read, or one has no letter.
    """
    if options.redact_names is None:
        return ()
    from operators.timeline.redaction import Redaction, names_in

    try:
        names = names_in(Path(options.redact_names).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"redact-names: {error}") from None
    Redaction(names=names)
    return names


def checked(options: Options) -> None:
    """Reads what is written by hand.

    Raises:
        ValueError: rules or lists that cannot be read.
    """
    rules = rules_of(options.sound_rules)
    if options.tagger == SIGNAL and not options.classmap:
        rules.check(SignalTagger.labels)
    fillers_of(options)
    names_of(options)
    if options.intents is not None:
        intent_labels(options.intents)
    if options.classmap:
        _identity(options.classmap)


def choose(options: Options) -> Measures:
    """Finds the files of what is asked for; opens nothing.

    Raises:
        ValueError: rules or lists that cannot be read.
        BackendError: a model is missing.
    """
    tagger = None
    name, _, model = options.tagger.partition(":")
    if name == ONNX and model:
        tagger = model
    elif options.tagger != SIGNAL:
        raise BackendError(f"--tagger {options.tagger}: unknown; choose {SIGNAL} or {ONNX}:MODEL")
    hub = Hub(offline=options.offline, what="affect model")
    affect = affect_files(
        emotion=options.affect_emotion,
        dimensions=options.affect_dimensions,
        text=options.affect_text,
        intent=options.affect_intent,
        offline=options.offline,
        hub=hub,
    )
    identities = affect.identities
    if tagger is not None:
        found = find_tagger(tagger, hub=Hub(offline=options.offline, what="sound tagger"))
        identities += (identity_of(found.model),)
    named = (options.fillers, options.classmap, options.redact_names)
    identities += tuple(_identity(path) for path in named if path)
    names = names_of(options)
    return Measures(rules_of(options.sound_rules), names, fillers_of(options), tagger, affect, identities)


def load(measures: Measures, options: Options, models: Models, device: str) -> MeasureModels:
    """The models, where an earlier session has not loaded them.

    Raises:
        BackendError: one does not open.
    """
    tagger: Tagger | None = None
    notes: tuple[str, ...] = ()
    if options.redact:
        from operators.timeline.redaction import NOT_REDACTED

        notes = (NOT_REDACTED,)
    if "sounds" in options.measured:
        if measures.tagger is None:
            tagger = SignalTagger()
        else:
            hub = Hub(offline=options.offline, what="sound tagger")
            opened = partial(OnnxTagger, model=measures.tagger, hub=hub, device=device)
            tagger = models.once((f"tagger:{measures.tagger}", measures.identities, device), opened)
            notes += (f"sound tagger {measures.tagger} ({len(tagger.labels)} labels)",)
        if options.classmap:
            tagger = Grouped(tagger, groups=read_groups(Path(options.classmap)))
        try:
            measures.rules.check(tagger.labels)
        except ValueError as error:
            raise BackendError(f"sound rules: {error}") from None
    affect = AffectModels()
    if "affect" in options.measured:
        intents = options.intents or affect.intents
        opened = partial(affect_models, measures.affect, intents=intents, device=device)
        affect = models.once(("affect", measures.affect, options.intents, device), opened)
        notes += affect.notes
    return MeasureModels(tagger, affect, notes)


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


def _identity(path: str) -> str:
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    return identity_of(Path(path))
