"""The choice of classes: which back end does what, by name. The one place that knows them all."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from operators.speech.channels import ChannelTurns, ChannelTurnsState
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer, DiarizerState
from operators.speech.moonshine import Moonshine
from operators.speech.recognition import Recogniser, Recognition
from operators.speech.speech_turns import SpeechTurns, SpeechTurnsState
from operators.speech.utterances import UtteranceCutter, UtteranceState
from operators.speech.voice_activity import VoiceActivityDetector, VoiceActivityState, load_silero
from operators.timeline.overlap import OverlapState, OverlapSweep
from stream_engine.checkpoint import Checkpoint
from stream_engine.errors import BackendError
from stream_engine.events import Chunk, Gap, Spoken
from stream_engine.operator import Operator
from stream_engine.options import Options
from stream_engine.topology import (
    DIARIZATION,
    OVERLAP,
    SPEECH_TURNS,
    UTTERANCES,
    VOICE_ACTIVITY,
    Parts,
    Turns,
)

T = TypeVar("T")
WEIGHT_PACKAGES = ("faster-whisper", "moonshine-voice", "onnxruntime", "stream-engine")
RECOGNISERS = ("auto", "moonshine", "none")
DIARIZERS = ("auto", "community-1", "channels", "none")
LATER = {
    "faster-whisper": "recogniser faster-whisper is not built yet; choose --asr moonshine",
    "pyannote": "diarizer pyannote is not built yet; choose --diarizer community-1",
}


@dataclass(frozen=True)
class Choice:
    """What a session runs on, and why."""

    recogniser: str
    diarizer: str
    notes: tuple[str, ...]

    @property
    def versions(self) -> dict[str, str]:
        """What the results depend on beside the options: the packages that hold weights and code."""
        return {name: version(name) for name in WEIGHT_PACKAGES if find_spec(name.replace("-", "_"))}


@dataclass
class Backends:
    """Weights: loaded once per process, at first use, and shared by its sessions."""

    _recognisers: dict[tuple[str, str | None], Recogniser] = field(
        default_factory=dict[tuple[str, str | None], Recogniser]
    )

    def choose(self, options: Options) -> Choice:
        """Names for `auto`, by what is at hand.

        Raises:
            BackendError: a named back end, its weights or its language is missing.
        """
        asr, diarizer = (
            _name(options.asr, RECOGNISERS, "--asr"),
            _name(options.diarizer, DIARIZERS, "--diarizer"),
        )
        notes: list[str] = []
        embedded = find_spec("moonshine_voice") is not None
        if asr == "auto":
            asr = "moonshine" if embedded else "none"
            notes.append(
                "recogniser moonshine tiny-en (auto: its weights are at hand; English only)"
                if embedded
                else "no recogniser (auto: no weights at hand; pip install 'stream-engine[embedded]')"
            )
        elif asr == "moonshine":
            notes.append("recogniser moonshine tiny-en (English only)")
        if diarizer == "auto":
            diarizer = "community-1" if embedded else "none"
            notes.append(
                "diarizer community-1 (auto: its weights are at hand)"
                if embedded
                else "no diarizer (auto: no weights at hand; pip install 'stream-engine[embedded]')"
            )
        if options.device in ("cuda", "mps"):
            notes.append(
                f"the embedded back ends run on the CPU; --device {options.device} is for resampling"
            )
        return Choice(asr, diarizer, tuple(notes))

    def recogniser(self, choice: Choice, options: Options) -> Recogniser | None:
        """The chosen recogniser, loaded.

        Raises:
            BackendError: it is not installed, or does not know the language.
        """
        if choice.recogniser == "none":
            return None
        key = (choice.recogniser, options.language)
        if key not in self._recognisers:
            self._recognisers[key] = Moonshine(language=options.language)
        return self._recognisers[key]

    def parts(
        self,
        choice: Choice,
        options: Options,
        audio: Callable[[Spoken], NDArray[np.float32]],
        channels: int,
        gaps: Operator[Chunk, Gap],
        checkpoint: Checkpoint | None = None,
    ) -> Parts:
        """Operators for one session over loaded weights, in the states of its `checkpoint`.

        `audio` gives the samples of what was spoken; it has `channels` where they are kept apart.
        """
        recogniser = self.recogniser(choice, options)
        recognise = Recognition(recogniser=recogniser, audio=audio) if recogniser else None
        if recognise and checkpoint:
            recognise = checkpoint.remembered(
                recognise, audio, model=str((choice.versions, options.language))
            )

        def state(name: str, kind: type[T]) -> T | None:
            return checkpoint.state(name, kind) if checkpoint else None

        diarizer: Operator[Chunk, Turns] | None = None
        if choice.diarizer == "channels":
            diarizer = ChannelTurns(
                session=self._silero, channels=channels, state=state(DIARIZATION, ChannelTurnsState)
            )
        elif choice.diarizer != "none":
            diarizer = self._diarizer(options, state(DIARIZATION, DiarizerState))
        return Parts(
            gaps=gaps,
            voice_activity=VoiceActivityDetector(
                session=self._silero, state=state(VOICE_ACTIVITY, VoiceActivityState)
            ),
            diarizer=diarizer,
            speech_turns=SpeechTurns(state=state(SPEECH_TURNS, SpeechTurnsState)),
            utterances=UtteranceCutter(state=state(UTTERANCES, UtteranceState)),
            recognise=recognise,
            overlap=OverlapSweep(state=state(OVERLAP, OverlapState)),
        )

    def _diarizer(self, options: Options, state: DiarizerState | None) -> Diarizer:
        segmentation, embedding = self._community_1
        diarizer = partial(
            Diarizer,
            segmentation=segmentation,
            embedding=embedding,
            speakers=options.speakers,
            min_speakers=options.min_speakers,
            max_speakers=options.max_speakers,
            state=state,
        )
        return diarizer() if options.latency is None else diarizer(latency=options.latency)

    @cached_property
    def _silero(self) -> Any:  # an onnxruntime session
        return load_silero()

    @cached_property
    def _community_1(self) -> tuple[Community1Segmentation, Community1Embedding]:
        return Community1Segmentation(), Community1Embedding()


def workers() -> int:
    """Recognition workers: they share the cores with diarization."""
    return max(1, (os.cpu_count() or 1) // 2)


def _name(given: str, known: tuple[str, ...], option: str) -> str:
    name, _, model = given.partition(":")
    if name in LATER:
        raise BackendError(LATER[name])
    if name not in known:
        raise BackendError(f"{option} {given}: unknown back end; choose one of {', '.join(known)}")
    if model:
        raise BackendError(f"{option} {given}: {name} has one embedded model; leave :{model} out")
    return name
