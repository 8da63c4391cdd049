"""The operators of one session, over models that are loaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.audio.envelope import Envelopes, EnvelopeState
from operators.speech.channels import ChannelTurns, ChannelTurnsState
from operators.speech.committed import Committed, CommittedState
from operators.speech.context import ContextState, RecognitionInContext
from operators.speech.diarization.diarizer import Diarizer, DiarizerState
from operators.speech.diarization.known_voices import KnownVoice
from operators.speech.language import LanguageChoice, LanguageState
from operators.speech.partials import Partials, PartialsState
from operators.speech.recognition import Listens, Recognition
from operators.speech.speech_turns import SpeechTurns, SpeechTurnsState
from operators.speech.utterances import UtteranceCutter, UtteranceState
from operators.speech.voice_activity import VoiceActivityDetector, VoiceActivityState
from operators.speech.whisper import Whisper
from operators.timeline.overlap import OverlapState, OverlapSweep
from operators.timeline.word_speakers import WordSpeakers, WordSpeakersState
from stream_engine import session_measures
from stream_engine.backends import Choice, Loaded
from stream_engine.checkpoint import Checkpoint
from stream_engine.clock import samples
from stream_engine.events import Chunk, Gap, Spoken
from stream_engine.models import DiarizerModels, Models
from stream_engine.operator import Operator
from stream_engine.options import Options
from stream_engine.topology import (
    COMMITTED,
    DIARIZATION,
    ENVELOPE,
    HYPOTHESES,
    LANGUAGE,
    OVERLAP,
    RECOGNITION,
    SPEECH_TURNS,
    UTTERANCES,
    VOICE_ACTIVITY,
    WORD_SPEAKERS,
    Parts,
    Turns,
)

T = TypeVar("T")
VOICED_S = 0.25  # of voice in a turn before any of it reaches a recogniser


def session_parts(
    models: Models,
    choice: Choice,
    loaded: Loaded,
    options: Options,
    *,
    audio: Callable[[Spoken], NDArray[np.float32]],
    interval: session_measures.Interval,
    channels: int,
    gaps: Operator[Chunk, Gap],
    live: bool,
    checkpoint: Checkpoint | None = None,
) -> Parts:
    """Operators for one session over loaded weights, in the states of its `checkpoint`.

    `audio` gives the samples of what was spoken, `interval` those of any stretch; they have `channels`
    where these are kept apart.
    """
    recogniser = loaded.recogniser
    audio = session_measures.heard_as(options, audio)
    recognise = Recognition(recogniser=recogniser, audio=audio) if recogniser else None
    if recognise and checkpoint and not options.redact:  # which leaves no text behind
        model = str((choice.versions, options.language, options.prompt, options.precision))
        recognise = checkpoint.remembered(recognise, audio, model=model)

    def state(name: str, kind: type[T]) -> T | None:
        return checkpoint.state(name, kind) if checkpoint else None

    language = hypotheses = None
    if isinstance(recogniser, Listens) and recogniser.language is None:
        language = LanguageChoice(detect=recogniser.detect, audio=audio, state=state(LANGUAGE, LanguageState))
    in_context = None
    if isinstance(recogniser, Whisper) and options.context:
        in_context = RecognitionInContext(
            recogniser=recogniser, audio=audio, state=state(RECOGNITION, ContextState)
        )
    if recogniser and options.partials:
        hypotheses = Partials(
            recogniser=recogniser,
            audio=audio,
            voiced_s=VOICED_S,
            state=state(HYPOTHESES, PartialsState),
        )
    silero = models.silero()
    diarizer: Operator[Chunk, Turns] | None = None
    if choice.diarizer == "channels":
        found = state(DIARIZATION, ChannelTurnsState)
        diarizer = ChannelTurns(session=silero, channels=channels, state=found)
    elif loaded.diarizer:
        diarizer = _diarizer(loaded.diarizer, loaded.known, options, state(DIARIZATION, DiarizerState))
    return Parts(
        gaps=gaps,
        envelope=Envelopes(state=state(ENVELOPE, EnvelopeState)),
        voice_activity=VoiceActivityDetector(session=silero, state=state(VOICE_ACTIVITY, VoiceActivityState)),
        diarizer=diarizer,
        speech_turns=SpeechTurns(state=state(SPEECH_TURNS, SpeechTurnsState)),
        utterances=UtteranceCutter(state=state(UTTERANCES, UtteranceState)),
        recognise=recognise,
        overlap=OverlapSweep(
            min_overlap=samples(options.min_overlap),
            interruption_gap=samples(options.interruption_gap),
            backchannel_max=samples(options.backchannel_max),
            state=state(OVERLAP, OverlapState),
        ),
        in_context=in_context,
        language=language,
        hypotheses=hypotheses,
        committed=Committed(state=state(COMMITTED, CommittedState)) if hypotheses else None,
        word_speakers=WordSpeakers(state=state(WORD_SPEAKERS, WordSpeakersState))
        if recogniser and recogniser.word_times
        else None,
        redaction=session_measures.redaction(choice.measures, options),
        analytics=session_measures.analytics(
            choice.measures,
            loaded.measures,
            options,
            audio=interval,
            device=choice.device.name,
            state=state,
            recogniser=recogniser,
            live=live,
            apart=choice.diarizer == "channels",
            import_torch=models.torch_beside,
        ),
    )


def _diarizer(
    models: DiarizerModels, known: tuple[KnownVoice, ...], options: Options, state: DiarizerState | None
) -> Diarizer:
    diarizer = partial(
        Diarizer,
        segmentation=models.segmentation,
        embedding=models.embedding,
        batch=models.batch,
        known=known,
        speakers=options.speakers,
        min_speakers=options.min_speakers,
        max_speakers=options.max_speakers,
        state=state,
    )
    return diarizer() if options.latency is None else diarizer(latency=options.latency)


def heard_by(parts: Parts) -> dict[str, Any]:
    """What voice activity and sounds say of a session that is over: how restless it was, and how noisy."""
    if not isinstance(parts.voice_activity, VoiceActivityDetector):
        return {}
    flips = parts.voice_activity.flips
    return {
        **session_measures.heard_by(parts.analytics),
        "vad_flips": flips.flips,
        "vad_flips_per_minute": round(flips.per_minute, 2),
        "vad_unstable": flips.vad_unstable,
    }


def voices_of(parts: Parts) -> dict[str, NDArray[np.float32]]:
    """The voice of each speaker, [dimension], of unit length: kept apart from the turns."""
    if not isinstance(parts.diarizer, Diarizer):
        return {}
    return {name: voice.vector.numpy() for name, voice in parts.diarizer.voices.items()}
