"""The choice of classes: which back end does what, by name. The one place that knows them all."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from anyio import CapacityLimiter
from numpy.typing import NDArray

from operators.audio.envelope import Envelopes, EnvelopeState
from operators.speech.channels import ChannelTurns, ChannelTurnsState
from operators.speech.committed import Committed, CommittedState
from operators.speech.context import ContextState, RecognitionInContext
from operators.speech.diarization.diarizer import Diarizer, DiarizerState
from operators.speech.diarization.known_voices import KnownVoice
from operators.speech.language import LanguageChoice, LanguageState
from operators.speech.partials import Partials, PartialsState
from operators.speech.recognition import Listens, Recogniser, Recognition
from operators.speech.speech_turns import SpeechTurns, SpeechTurnsState
from operators.speech.utterances import UtteranceCutter, UtteranceState
from operators.speech.voice_activity import VoiceActivityDetector, VoiceActivityState
from operators.speech.whisper import Whisper
from operators.timeline.overlap import OverlapState, OverlapSweep
from operators.timeline.word_speakers import WordSpeakers, WordSpeakersState
from stream_engine import measures
from stream_engine.checkpoint import Checkpoint
from stream_engine.clock import samples
from stream_engine.device import Device
from stream_engine.device import choose as device_for
from stream_engine.errors import BackendError
from stream_engine.events import Chunk, Gap, Spoken
from stream_engine.measures import MeasureModels, Measures
from stream_engine.model_store import EMBEDDED, best_whisper
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
    Devices,
    Parts,
    Turns,
)
from stream_engine.voices import identity, known_voices

T = TypeVar("T")
WEIGHT_PACKAGES = ("faster-whisper", "moonshine-voice", "onnxruntime", "stream-engine")
RECOGNISERS = ("auto", "faster-whisper", "moonshine", "none")
DIARIZERS = ("auto", "pyannote", "community-1", "channels", "none")
PYANNOTE = "pyannote/speaker-diarization-community-1"
LARGEST = {"cpu": 600_000_000, "cuda": 10**12}  # bytes of a Whisper that `auto` takes: small on a CPU
VOICED_S = 0.25  # of voice in a turn before any of it reaches a recogniser


@dataclass(frozen=True)
class Choice:
    """What a session is to run on, and why."""

    recogniser: str
    diarizer: str
    device: Device
    notes: tuple[str, ...]
    recogniser_files: tuple[str, ...] = ()  # what tells those that a user named from others
    diarizer_files: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    measures: Measures | None = None

    @property
    def versions(self) -> dict[str, str]:
        """What results depend on beside the options: packages and files that hold weights and code."""
        packages = {name: version(name) for name in WEIGHT_PACKAGES if find_spec(name.replace("-", "_"))}
        chosen = {"recogniser": self.recogniser, "diarizer": self.diarizer}
        chosen["device"] = f"{self.device.name} {self.device.precision}"
        measures = self.measures.identities if self.measures else ()
        weights = (*self.recogniser_files, *self.diarizer_files, *self.voices, *measures)
        return {**packages, **chosen, "weights": " ".join(weights)}

    def devices(self, options: Options, recogniser: Recogniser | None) -> Devices:
        """Who may compute at a time."""
        cpu = CapacityLimiter(os.cpu_count() or 1)
        gpu = CapacityLimiter(1) if self.device.name != "cpu" else cpu
        return Devices(
            cpu=cpu,
            diarizer=gpu if self.diarizer.startswith(("community-1", "pyannote")) else cpu,
            recogniser=gpu
            if self.recogniser.startswith("faster-whisper") and self.device.recognition != "cpu"
            else cpu,
            recognisers=self.device.recognisers(options.asr_workers),
            batch=recogniser.batch if recogniser else 1,
        )


@dataclass(frozen=True)
class Loaded:
    """The models of a choice."""

    diarizer: DiarizerModels | None
    recogniser: Recogniser | None
    notes: tuple[str, ...]  # what is known of them only now
    measures: MeasureModels
    known: tuple[KnownVoice, ...] = ()


@dataclass
class Backends:
    """Chooses back ends by name, over models that are loaded once."""

    models: Models = field(default_factory=Models)

    def choose(self, options: Options) -> Choice:
        """Names for `auto`, by what is at hand; loads nothing.

        Raises:
            BackendError: a named back end, its device or its weights are missing.
        """
        device = device_for(options.device, options.precision)
        asr, asr_model = _name(options.asr, RECOGNISERS, "--asr", with_model="faster-whisper")
        diarizer, diarizer_model = _name(options.diarizer, DIARIZERS, "--diarizer", with_model="pyannote")
        notes: list[str] = []
        asr_files: list[str] = []
        diarizer_files: list[str] = []
        embedded = find_spec("moonshine_voice") is not None
        if asr == "auto":
            fetched = best_whisper(options.language, largest=LARGEST[device.recognition])
            if fetched is not None:
                asr, _, asr_model = fetched.name.partition(":")
            elif embedded:
                asr = "moonshine"
                notes.append("recogniser moonshine tiny-en (auto: its weights are at hand; English only)")
            else:
                asr = "none"
                notes.append(f"no recogniser (auto: no weights at hand; {EMBEDDED})")
        elif asr == "moonshine":
            notes.append("recogniser moonshine tiny-en (English only)")
        if asr == "faster-whisper":
            asr_files = self.models.whisper_files(asr_model, options)
            asr = f"{asr}:{asr_model}"
        if (options.prompt or options.context) and not asr.startswith("faster-whisper"):
            raise BackendError(
                f"recogniser {asr} takes no prompt and no context; leave them out, or choose faster-whisper"
            )
        if diarizer == "auto":
            diarizer = "community-1" if embedded else "none"
            notes.append(
                "diarizer community-1 (auto: its weights are at hand)"
                if embedded
                else f"no diarizer (auto: no weights at hand; {EMBEDDED})"
            )
        elif diarizer == "pyannote":
            diarizer_model = diarizer_model or PYANNOTE
            diarizer_files = self.models.pyannote_files(diarizer_model, options)
            diarizer = f"{diarizer}:{diarizer_model}"
        if diarizer in ("none", "channels") and (asked := options.of_a_diarizer()):
            raise BackendError(f"diarizer {diarizer} has nothing for --{asked}; leave it out")
        if diarizer in ("channels", "none") and options.processed in ("diarization", "both"):
            why = "no diarizer hears it" if diarizer == "none" else "the signal chain mixes channels"
            raise BackendError(f"--processed {options.processed}: {why}; take recognition, or none")
        voices = identity(Path(options.voices)) if options.voices else []
        if device.name != "cpu":
            notes.append(f"device {device.name}; voice activity and moonshine stay on the CPU")
        files = tuple(asr_files), tuple(diarizer_files), tuple(voices)
        return Choice(asr, diarizer, device, tuple(notes), *files, measures.choose(options))

    def load(self, choice: Choice, options: Options) -> Loaded:
        """The models of a choice, where an earlier session has not loaded them.

        Raises:
            BackendError: one cannot be opened, or does not know the language.
        """
        with ThreadPoolExecutor(1, "load diarizer") as beside:
            diarizing = beside.submit(self._diarizer, choice, options)
            recogniser, said = self._recogniser(choice, options)
            diarizer, known, notes = diarizing.result()
        measured = _measures(choice)
        found = measures.load(measured, options, self.models, choice.device.name)
        return Loaded(diarizer, recogniser, (*said, *notes, *found.notes), found, known)

    def _recogniser(self, choice: Choice, options: Options) -> tuple[Recogniser | None, list[str]]:
        """And what to say of it."""
        recogniser: Recogniser | None = None
        notes: list[str] = []
        name, _, model = choice.recogniser.partition(":")
        if name == "moonshine":
            recogniser = self.models.moonshine(options)
        elif name == "faster-whisper":
            recogniser = self.models.whisper(model, choice.recogniser_files, choice.device, options)
            english = "; English only" if recogniser.languages == frozenset({"en"}) else ""
            on = f"{choice.device.recognition}, {choice.device.precision}"
            why = "; auto: in the hub's cache" if options.asr == "auto" else ""
            notes.append(f"recogniser {choice.recogniser} ({on}{english}{why})")
            if options.partials and not (english or options.language):
                raise BackendError(
                    f"recogniser {choice.recogniser} knows many languages, and --partials cannot wait until "
                    "one is heard; say which, as --language en"
                )
        return recogniser, notes

    def _diarizer(
        self, choice: Choice, options: Options
    ) -> tuple[DiarizerModels | None, tuple[KnownVoice, ...], list[str]]:
        """With the voices that it is to know, and what to say of it."""
        notes: list[str] = []
        name, _, model = choice.diarizer.partition(":")
        diarizer = None
        if name == "community-1":
            diarizer = self.models.community_1(choice.device)
        elif name == "pyannote":
            diarizer = self.models.pyannote(model, choice.diarizer_files, choice.device, options)
            notes.extend(diarizer.notes)
        known: tuple[KnownVoice, ...] = ()
        if diarizer and options.voices:
            known = known_voices(Path(options.voices), diarizer)
            names = f"{len(known)}" if options.redact else ", ".join(voice.name for voice in known)
            notes.append(f"known voices: {names}")
        return diarizer, known, notes

    def parts(
        self,
        choice: Choice,
        loaded: Loaded,
        options: Options,
        audio: Callable[[Spoken], NDArray[np.float32]],
        interval: measures.Interval,
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
        audio = measures.heard_as(options, audio)
        recognise = Recognition(recogniser=recogniser, audio=audio) if recogniser else None
        if recognise and checkpoint and not options.redact:  # which leaves no text behind
            model = str((choice.versions, options.language, options.prompt, options.precision))
            recognise = checkpoint.remembered(recognise, audio, model=model)

        def state(name: str, kind: type[T]) -> T | None:
            return checkpoint.state(name, kind) if checkpoint else None

        language = hypotheses = None
        if isinstance(recogniser, Listens) and recogniser.language is None:
            language = LanguageChoice(
                detect=recogniser.detect, audio=audio, state=state(LANGUAGE, LanguageState)
            )
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
        silero = self.models.silero()
        diarizer: Operator[Chunk, Turns] | None = None
        if choice.diarizer == "channels":
            found = state(DIARIZATION, ChannelTurnsState)
            diarizer = ChannelTurns(session=silero, channels=channels, state=found)
        elif loaded.diarizer:
            diarizer = _diarizer(loaded.diarizer, loaded.known, options, state(DIARIZATION, DiarizerState))
        return Parts(
            gaps=gaps,
            envelope=Envelopes(state=state(ENVELOPE, EnvelopeState)),
            voice_activity=VoiceActivityDetector(
                session=silero, state=state(VOICE_ACTIVITY, VoiceActivityState)
            ),
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
            redaction=measures.redaction(_measures(choice), options),
            analytics=measures.analytics(
                _measures(choice),
                loaded.measures,
                options,
                audio=interval,
                device=choice.device.name,
                state=state,
                recogniser=recogniser,
                live=live,
                apart=choice.diarizer == "channels",
                import_torch=self.models.torch_beside,
            ),
        )


def _measures(choice: Choice) -> Measures:
    assert choice.measures is not None
    return choice.measures


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
        **measures.heard_by(parts.analytics),
        "vad_flips": flips.flips,
        "vad_flips_per_minute": round(flips.per_minute, 2),
        "vad_unstable": flips.vad_unstable,
    }


def voices_of(parts: Parts) -> dict[str, NDArray[np.float32]]:
    """The voice of each speaker, [dimension], of unit length: kept apart from the turns."""
    if not isinstance(parts.diarizer, Diarizer):
        return {}
    return {name: voice.vector.numpy() for name, voice in parts.diarizer.voices.items()}


def _name(given: str, known: tuple[str, ...], option: str, *, with_model: str) -> tuple[str, str]:
    """`NAME[:MODEL]` as its two parts."""
    name, _, model = given.partition(":")
    if name not in known:
        raise BackendError(f"{option} {given}: unknown back end; choose one of {', '.join(known)}")
    if model and name != with_model:
        raise BackendError(f"{option} {given}: {name} has one model at most; leave :{model} out")
    return name, model
