"""What users write by hand for the measures: rules, lists and files, read and checked."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from operators.affect.choice import intent_labels
from operators.prosody.filler_list import Fillers, packaged_fillers, read_fillers
from operators.sounds.event_detector import EventRules
from operators.sounds.signal_tagger import SignalTagger
from stream_engine.options import Options
from stream_engine.store_header import identity_of

SIGNAL, ONNX = "signal", "onnx"


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
        identity_of_file(options.classmap)


def identity_of_file(path: str) -> str:
    """What tells a file that the user named from others.

    Raises:
        ValueError: there is none.
    """
    if not Path(path).is_file():
        raise ValueError(f"{path}: no such file")
    return identity_of(Path(path))
