"""The choice of models for what is measured beside the words: prosody, sounds, affect, conversation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from operators.affect.choice import AffectFiles, affect_files, affect_models
from operators.affect.models import AffectModels
from operators.prosody.filler_list import Fillers
from operators.sounds.event_detector import EventRules
from operators.sounds.grouped import Grouped, read_groups
from operators.sounds.onnx_tagger import OnnxTagger
from operators.sounds.signal_tagger import SignalTagger
from operators.sounds.tagger import Tagger
from operators.sounds.tagger_files import find_tagger
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.errors import BackendError
from stream_engine.measure_options import ONNX, SIGNAL, fillers_of, identity_of_file, names_of, rules_of
from stream_engine.models import Models
from stream_engine.options import Options
from stream_engine.store_header import identity_of


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
    identities += tuple(identity_of_file(path) for path in named if path)
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
