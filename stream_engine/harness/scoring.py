"""One run against what is known of its recording: every measured value of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinks.labelled import LabelledLog
from stream_engine.clock import RATE
from stream_engine.events import Event
from stream_engine.harness import correct_speaker, latency, speaker_errors, stability, word_errors
from stream_engine.harness.columns import COLUMNS, UNSEEN
from stream_engine.harness.known import Known
from stream_engine.harness.measured import Absent, Largest, Measured, Samples, ratio_of
from stream_engine.harness.one_run import PACED, Mode, Run
from stream_engine.harness.references import Line, Talk
from stream_engine.harness.resources import gpu_values
from stream_engine.log import read

Values = dict[str, Measured]
NO_REFERENCE = "no reference of that kind"
NO_WORD_TIMED = "no word was timed"
PARTS = ("capture", "policy", "lookahead", "queueing", "batch", "compute", "emission", "total")


def scored(known: Known, run: Run, log: Path, mode: Mode, pace: float) -> Values:
    """All values by name; what there is no reference, scorer or device for is absent, and says why."""
    if run.failed:
        return absent(f"failed: {run.failed}")
    events = list(read(log))
    labelled = LabelledLog(log)
    lines = [
        Line(one.start / RATE, one.end / RATE, one.speaker or "", one.text)
        for one in labelled.segments()
        if one.text
    ]
    turns = [Talk(one.start / RATE, one.end / RATE, one.speaker or "") for one in labelled.turns()]
    diarized = any(turn.speaker for turn in turns)
    changes = stability.label_changes(events)
    values = {
        **_words(known, lines, diarized, labelled.session_start),
        **_speakers(known, turns, diarized, run.audio_s),
        **stability.label_stability(changes),
        "churn": stability.churn(events),
        "rtf": ratio_of(run.wall_s, run.audio_s, "no audio"),
        "cpu": ratio_of(run.cpu_s, run.audio_s, "no audio"),
        "others": ratio_of(*run.others, "not measured"),
        "rss": Largest(run.rss_mb),
        **gpu_values(run.gpu, run.audio_s),
    }
    text = run.first_s.get("final segment")
    values["first_result"] = Absent(latency.NO_TEXT) if text is None else Samples((round(text, 3),))
    values |= _right_speaker(known, turns, changes, run, pace)
    if mode == PACED:
        values["rtf"] = Absent("fed at the speed of life: it takes as long as it is")
        values |= _late(known, events, run, pace)
    else:
        values["correct_speaker"] = Absent(UNSEEN)
    return {column.of: values.get(column.of, Absent(UNSEEN)) for column in COLUMNS}


def absent(reason: str) -> Values:
    return {column.of: Absent(reason) for column in COLUMNS}


def _words(known: Known, lines: list[Line], diarized: bool, start: Any) -> Values:
    if start is not None and start.recogniser == "none":
        return dict.fromkeys(("wer", "cpwer", "tcpwer"), Absent("no recogniser"))
    if known.text is None:
        return dict.fromkeys(("wer", "cpwer", "tcpwer"), Absent(NO_REFERENCE))
    found: Values = {"wer": word_errors.wer(known.text, word_errors.in_order(lines))}
    if known.lines is None:
        return found | dict.fromkeys(("cpwer", "tcpwer"), Absent("wants an STM"))
    if not diarized and lines:
        return found | dict.fromkeys(("cpwer", "tcpwer"), Absent(stability.NO_LABELS))
    found["cpwer"] = word_errors.cpwer(known.lines, lines)
    found["tcpwer"] = word_errors.tcpwer(known.lines, lines)
    return found


def _speakers(known: Known, turns: list[Talk], diarized: bool, audio_s: float) -> Values:
    parts = known.scored or [(0.0, audio_s)]
    names = ("der", "der_collar", "jer", "der_wide")
    if turns and not diarized:
        return dict.fromkeys(names, Absent(stability.NO_LABELS))
    found: Values = dict.fromkeys(names, Absent(NO_REFERENCE))
    if known.talk is not None:
        found["der"] = speaker_errors.der(known.talk, turns, parts)
        found["der_collar"] = speaker_errors.nist_der(known.talk, turns, parts)
        found["jer"] = speaker_errors.jer(known.talk, turns, parts)
    if known.wide is not None:
        found["der_wide"] = speaker_errors.der(known.wide, turns, parts)
    return found


def _late(known: Known, events: list[Event], run: Run, pace: float) -> Values:
    told = latency.messages(events)
    found = latency.text_latency(told, known.words, pace)
    found["first_turn"] = latency.first_turn(events, known.asked, pace)
    for part in PARTS:
        total_s, words = run.word_latency.get(part, (0.0, 0))
        found[f"word_{part}"] = ratio_of(total_s, words, NO_WORD_TIMED)
    return found


def _right_speaker(
    known: Known, turns: list[Talk], changes: dict[int, stability.LabelChange], run: Run, pace: float
) -> Values:
    if not known.talk:
        return correct_speaker.unknown(NO_REFERENCE)
    if not changes:
        return correct_speaker.unknown(stability.NO_LABELS)
    who = speaker_errors.mapping(known.talk, turns, known.scored or [(0.0, run.audio_s)])
    if who is None:
        return correct_speaker.unknown(speaker_errors.NO_PYANNOTE)
    return correct_speaker.correct_speaker(known.asked, changes, who, pace)
