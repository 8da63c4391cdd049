"""The choice of classes: which back end does what, by name. The one place that knows them all."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from anyio import CapacityLimiter

from operators.speech.diarization.known_voices import KnownVoice
from operators.speech.recognition import Recogniser
from stream_engine import measures
from stream_engine.device import Device
from stream_engine.device import choose as device_for
from stream_engine.errors import BackendError
from stream_engine.measures import MeasureModels, Measures
from stream_engine.model_store import EMBEDDED, best_whisper
from stream_engine.models import DiarizerModels, Models
from stream_engine.options import Options
from stream_engine.topology import (
    Devices,
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
    measures: Measures
    recogniser_files: tuple[str, ...] = ()  # what tells those that a user named from others
    diarizer_files: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """What results depend on beside the options: packages and files that hold weights and code."""
        packages = {name: version(name) for name in WEIGHT_PACKAGES if find_spec(name.replace("-", "_"))}
        chosen = {"recogniser": self.recogniser, "diarizer": self.diarizer}
        chosen["device"] = f"{self.device.name} {self.device.precision}"
        weights = (*self.recogniser_files, *self.diarizer_files, *self.voices, *self.measures.identities)
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
        return Choice(asr, diarizer, device, tuple(notes), measures.choose(options), *files)

    def load(self, choice: Choice, options: Options) -> Loaded:
        """The models of a choice, where an earlier session has not loaded them.

        Raises:
            BackendError: one cannot be opened, or does not know the language.
        """
        with ThreadPoolExecutor(1, "load diarizer") as beside:
            diarizing = beside.submit(self._diarizer, choice, options)
            recogniser, said = self._recogniser(choice, options)
            diarizer, known, notes = diarizing.result()
        found = measures.load(choice.measures, options, self.models, choice.device.name)
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


def _name(given: str, known: tuple[str, ...], option: str, *, with_model: str) -> tuple[str, str]:
    """`NAME[:MODEL]` as its two parts."""
    name, _, model = given.partition(":")
    if name not in known:
        raise BackendError(f"{option} {given}: unknown back end; choose one of {', '.join(known)}")
    if model and name != with_model:
        raise BackendError(f"{option} {given}: {name} has one model at most; leave :{model} out")
    return name, model
