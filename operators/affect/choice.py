"""Affect models by what a user writes: each a folder or a hub id, or nothing."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from typing import NamedTuple

from operators.affect.intent import OnnxIntent
from operators.affect.models import INTENTS, AffectModels
from operators.affect.onnx_files import SPEECH, TEXT, OnnxFiles, find
from operators.affect.sentiment import WordSentiment
from operators.affect.speech_dimensions import RANGE, OnnxSpeechDimensions
from operators.affect.speech_emotion import OnnxSpeechEmotion
from operators.affect.text_emotion import OnnxTextEmotion
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.errors import BackendError


class AffectFiles(NamedTuple):
    """Where the named models are; None: not asked for."""

    emotion: OnnxFiles | None = None
    dimensions: OnnxFiles | None = None
    text: OnnxFiles | None = None
    intent: OnnxFiles | None = None

    @property
    def identities(self) -> tuple[str, ...]:
        """What tells these files from others in the same places: part of what a session is."""
        return tuple(identity for one in self if one is not None for identity in one.identities)


def affect_files(
    *,
    emotion: str | None = None,
    dimensions: str | None = None,
    text: str | None = None,
    intent: str | None = None,
    offline: bool = False,
    hub: Hub | None = None,
) -> AffectFiles:
    """Finds what is named, and fetches it where need be; opens nothing.

    Raises:
        BackendError: one is absent or gated, or lacks a file.
    """
    hub = hub or Hub(offline=offline, what="affect model")
    return AffectFiles(
        find(emotion, hub=hub, wanted=SPEECH) if emotion else None,
        find(dimensions, hub=hub, wanted=SPEECH) if dimensions else None,
        find(text, hub=hub, wanted=TEXT, needed=TEXT) if text else None,
        find(intent, hub=hub, wanted=TEXT, needed=TEXT) if intent else None,
    )


def affect_models(
    files: AffectFiles | None = None,
    *,
    intents: str | Iterable[str] = INTENTS,
    range: tuple[float, float] = RANGE,
    device: str = "cpu",
    threads: int = 1,
) -> AffectModels:
    """Opens what was found; beside it, sentiment of the words where its package is installed.

    Args:
        files: as `affect_files` gives them; None: none.
        intents: labels, or a list with commas between them.
        range: of the model of dimensions.
        device: see `OnnxModel`.
        threads: of each call.

    Raises:
        BackendError: a model does not open, or is not of the kind that it was named for.
        ValueError: labels that are empty, or the same.
    """
    found = files or AffectFiles()
    return AffectModels(
        emotion=OnnxSpeechEmotion(found.emotion, device=device, threads=threads) if found.emotion else None,
        dimensions=OnnxSpeechDimensions(found.dimensions, range=range, device=device, threads=threads)
        if found.dimensions
        else None,
        text_emotion=OnnxTextEmotion(found.text, device=device, threads=threads) if found.text else None,
        sentiment=WordSentiment() if find_spec("vaderSentiment") is not None else None,
        intent=OnnxIntent(found.intent, device=device, threads=threads) if found.intent else None,
        intents=intent_labels(intents),
        files=found.identities,
    )


def intent_labels(given: str | Iterable[str]) -> tuple[str, ...]:
    """Labels out of a list with commas between them.

    Raises:
        ValueError: one is empty, or there twice.
    """
    labels = tuple(label.strip() for label in (given.split(",") if isinstance(given, str) else given))
    if not labels or not all(labels) or len(set(labels)) < len(labels):
        raise ValueError(f"intents {','.join(labels)}: want labels that differ, with commas between them")
    return labels


def check(model: str, kind: str, *, offline: bool = True) -> str:
    """Opens the model of a kind (emotion, dimensions, text, intent), and says what it is.

    Raises:
        BackendError: it is missing, or does not open.
    """
    if kind not in AffectFiles._fields:
        raise BackendError(f"affect model {model}: no kind {kind}; want {', '.join(AffectFiles._fields)}")
    found = affect_files(
        emotion=model if kind == "emotion" else None,
        dimensions=model if kind == "dimensions" else None,
        text=model if kind == "text" else None,
        intent=model if kind == "intent" else None,
        offline=offline,
    )
    return next(note for note in affect_models(found).notes if model in note)
