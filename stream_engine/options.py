"""What a user can ask of a session: the one source of defaults for Python, command line and profiles."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All options of `transcribe`; those that change results come first.

    Raises:
        ValueError: a value out of range, or two that exclude each other.
    """

    asr: str = "auto"  # NAME[:MODEL]
    diarizer: str = "auto"  # NAME[:MODEL]
    language: str | None = None
    prompt: str | None = None  # put before each clip: names and spellings (faster-whisper)
    context: bool = False  # each clip is told what was said before: one after the other (faster-whisper)
    precision: Literal["auto", "float32", "float16", "bfloat16", "int8"] = "auto"  # of faster-whisper
    partials: bool = False  # text of open turns; final texts then begin with what was committed of it
    speakers: int | None = None
    min_speakers: int | None = None
    max_speakers: int | None = None
    voices: str | None = None  # a folder of recordings of people, named after them
    latency: float | None = None  # s; None: the diarizer's default
    resample: Literal["auto", "ffmpeg", "device"] = "auto"
    pcm: str | None = None  # FMT:RATE:CH of raw samples on stdin
    analytics: str = "all"  # what is measured beside the words: names of `MEASURES`, or none
    tagger: str = "signal"  # of sounds: signal, or onnx:MODEL
    sounds: Literal["timeline", "auto", "global"] = "timeline"
    sound_rules: str | None = None  # such as enter=0.5,exit=0.35,min_dur.Speech=1
    classmap: str | None = None  # CSV of label,group
    fillers: str | None = None  # a list of one's own, a filler a line
    affect_emotion: str | None = None  # these four: a folder or a hub id
    affect_dimensions: str | None = None
    affect_text: str | None = None
    affect_intent: str | None = None
    intents: str | None = None  # labels of one's own
    exact_medians: bool = False  # of speakers; else within 1 %
    statistics_every: float = 10.0  # s of session time
    pause_min: float = 0.2  # s
    min_overlap: float = 0.05  # s
    interruption_gap: float = 0.15  # s
    backchannel_max: float = 1.0  # s
    processed: Literal["none", "recognition", "diarization", "both"] = "none"  # who hears the signal chain
    chain: str = "high-pass,gain,compression,loudness,limiter"
    loudness: Literal["asr", "broadcast"] = "asr"  # -20 or -23 LUFS
    redact: bool = False  # numbers, dates, addresses
    redact_names: str | None = None  # a file of names to be redacted, too

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    asr_workers: int | None = None  # None: half the cores, or one on a GPU
    formats: str = "default"
    pace: float | None = None  # 1: at the speed of life
    cache: str | None = None  # folder of the PCM store; None: the user's cache folder
    no_cache: bool = False
    fresh: bool = False
    offline: bool = False
    check_dependencies: bool = True  # what is wrong with the packages, for the session's header
    enable_performance_logging: bool = False  # the logger's JSON, text and console
    output_dir: str | None = None  # of these reports; None: the session's folder
    otlp: str | None = None  # a collector of spans, such as http://localhost:4318; nothing is sent without
    stall_timeout: float = 60.0  # s without a byte from the source
    reconnect: bool = False  # open a web address again that breaks off
    checkpoint_every: float = 30.0  # s of audio between two places from which a killed session goes on

    def __post_init__(self) -> None:
        for name in ("speakers", "min_speakers", "max_speakers", "asr_workers"):
            count = getattr(self, name)
            if count is not None and count < 1:
                raise ValueError(f"{name} must be at least 1, not {count}")
        if self.speakers and (self.min_speakers or self.max_speakers):
            raise ValueError("speakers fixes the number; leave min_speakers and max_speakers out")
        if self.min_speakers and self.max_speakers and self.min_speakers > self.max_speakers:
            raise ValueError(f"min_speakers {self.min_speakers} is above max_speakers {self.max_speakers}")
        positive = ("latency", "pace", "stall_timeout", "checkpoint_every", "statistics_every", "pause_min")
        for name in (*positive, "min_overlap", "interruption_gap", "backchannel_max"):
            value = getattr(self, name)
            if value is not None and not 0 < value < float("inf"):
                raise ValueError(f"{name} must be above 0, not {value}")
        if self.prompt and self.context:
            raise ValueError("prompt fixes what is told before each clip: leave context out")
        if not _names(self.analytics):
            raise ValueError("analytics: name what is to be measured, or none")
        for given, known in ((self.analytics, (*MEASURES, "all", "none")), (self.chain, LINKS)):
            if unknown := sorted({name for name in _names(given) if name not in known}):
                raise ValueError(f"{unknown[0]}: unknown; choose of {', '.join(known)}")
        if self.redact_names and not self.redact:
            raise ValueError("redact_names lists what redact is to take out, too: give both")
        if self.intents is not None and self.affect_intent is None:
            raise ValueError("intents lists labels for the model of affect_intent: give both")
        if self.otlp and not self.otlp.startswith(("http://", "https://")):
            raise ValueError("otlp is the address of a collector, such as http://localhost:4318")
        if self.otlp and self.offline:
            raise ValueError("otlp sends spans to a collector, and offline opens no socket: choose one")
        if self.cache and self.no_cache:
            raise ValueError("cache names a folder and no_cache wants none: choose one")

    def of_a_diarizer(self) -> str:
        """The first option that was given and that only a diarizer of voices can follow; else nothing."""
        given = ("speakers", "min_speakers", "max_speakers", "latency", "voices", "partials")
        return next((name.replace("_", "-") for name in given if getattr(self, name)), "")

    @property
    def measured(self) -> frozenset[str]:
        """What is to be measured beside the words."""
        asked = set(_names(self.analytics))
        if "voice" in asked:
            asked.add("prosody")
        return frozenset(MEASURES if "all" in asked else asked - {"none"})

    @property
    def links(self) -> tuple[str, ...]:
        """The links of the signal chain that are on."""
        return tuple(_names(self.chain))

    def identity(self) -> dict[str, Any]:
        """The options that change results: two runs that agree in them are the same session."""
        given = msgspec.structs.asdict(self)
        return {name: given[name] for name in RESULT_CHANGING}


MEASURES = ("prosody", "voice", "sounds", "affect", "conversation")
LINKS = ("high-pass", "denoise", "gain", "compression", "loudness", "limiter")

RESULT_CHANGING = (
    "asr",
    "diarizer",
    "language",
    "prompt",
    "context",
    "precision",
    "partials",
    "speakers",
    "min_speakers",
    "max_speakers",
    "voices",
    "latency",
    "resample",
    "pcm",
    "analytics",
    "tagger",
    "sounds",
    "sound_rules",
    "classmap",
    "fillers",
    "affect_emotion",
    "affect_dimensions",
    "affect_text",
    "affect_intent",
    "intents",
    "exact_medians",
    "statistics_every",
    "pause_min",
    "min_overlap",
    "interruption_gap",
    "backchannel_max",
    "processed",
    "chain",
    "loudness",
    "redact",
    "redact_names",
)


def _names(listed: str) -> list[str]:
    return [name.strip() for name in listed.split(",") if name.strip()]


def merged(profile: Path | None, given: dict[str, Any]) -> Options:
    """Options of a TOML profile, overridden by those that were given.

    Raises:
        ValueError: the profile cannot be read, or has an unknown or ill-typed key.
    """
    values: dict[str, Any] = {}
    if profile is not None:
        try:
            values = tomllib.loads(profile.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"profile {profile}: {error}") from None
    try:
        return msgspec.convert({**values, **given}, Options)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None
