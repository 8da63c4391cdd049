"""Speakers whose voices are known are named; strangers keep their numbers; no name is given twice.

Real: the two speakers of a telephone call (alike, on one line), each known by a cut of other moments of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer, DiarizerState
from operators.speech.diarization.enrolment import enrol
from operators.speech.diarization.known_voices import KnownVoice, Names
from stream_engine.clock import RATE
from stream_engine.errors import InputError
from stream_engine.events import Relabel, Turn, Watermark
from stream_engine.state import Array
from stream_engine.testing import chunked, restarted, run
from tests.oracle import ReadingEmbedding, ReadingSegmentation, Talk, conversation, spoken
from tests.speech import CALL_RTTM, READING
from tests.spoken import call, decoded
from tests.test_diarization import Remembering

Samples = NDArray[np.float32]
Events = list[Turn | Relabel | Watermark]
ORACLE: dict[str, Any] = {"segmentation": ReadingSegmentation(), "embedding": ReadingEmbedding()}


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {
        "segmentation": Remembering(Community1Segmentation()),
        "embedding": Remembering(Community1Embedding()),
    }


def reference() -> list[tuple[float, float, str]]:
    lines = [line.split() for line in CALL_RTTM.read_text().splitlines()]
    return [(float(line[3]), float(line[3]) + float(line[4]), line[7]) for line in lines]


def cut(person: str, start: float, end: float) -> Samples:
    """What one person of the call says in a part of it."""
    turns = [(max(a, start), min(b, end)) for a, b, who in reference() if who == person]
    return np.concatenate([call()[int(a * RATE) : int(b * RATE)] for a, b in turns if b > a])


def labelled(events: Sequence[Turn | Relabel | Watermark]) -> list[tuple[float, float, str | None]]:
    """Final turns with the labels that relabels leave them, as a reader of the log has them."""
    turns: dict[int, Turn] = {}
    for event in events:
        if isinstance(event, Turn) and event.final and event.end > event.start:
            turns[event.id] = event
        elif isinstance(event, Relabel):
            for number, turn in turns.items():
                if number in event.turns or (event.speaker is not None and turn.speaker == event.speaker):
                    turns[number] = msgspec.structs.replace(turn, speaker=event.to)
    return [(turn.start / RATE, turn.end / RATE, turn.speaker) for turn in turns.values()]


def agreement(found: list[tuple[float, float, str | None]], names: dict[str, str]) -> float:
    """The share of the reference speech that carries its speaker's name."""
    shared = sum(
        max(0.0, min(end, b) - max(start, a))
        for a, b, who in reference()
        for start, end, label in found
        if label == names[who]
    )
    return shared / sum(end - start for start, end, _ in reference())


# --- the call ------------------------------------------------------------------------------------


def test_both_speakers_of_a_call_get_their_names(models: dict[str, Any]) -> None:
    known = [
        enrol("anna", cut("speaker90", 0, 18), **models),
        enrol("ben", cut("speaker91", 18, 30), **models),
    ]
    found = labelled(run(Diarizer(**models, known=known), chunked(call(), [RATE] * 30)))
    assert {label for *_, label in found} == {"anna", "ben"}
    assert agreement(found, {"speaker90": "anna", "speaker91": "ben"}) > 0.9


@pytest.mark.parametrize("person", ["speaker90", "speaker91"])
def test_who_is_not_known_keeps_the_number(models: dict[str, Any], person: str) -> None:
    known = [enrol("anna", cut(person, 0, 30), **models)]
    found = labelled(run(Diarizer(**models, known=known), chunked(call(), [RATE] * 30)))
    labels = {label for *_, label in found}
    assert len(labels) == 2
    assert "anna" in labels
    assert all(label == "anna" or str(label).startswith("SPEAKER_") for label in labels)
    other = {"speaker90": "speaker91", "speaker91": "speaker90"}[person]
    number = next(str(label) for label in labels if label != "anna")
    assert agreement(found, {person: "anna", other: number}) > 0.9


def test_a_stranger_among_the_known_voices_is_nobody(models: dict[str, Any]) -> None:
    reader = enrol("reader", decoded(READING)[: 20 * RATE], **models)
    found = labelled(run(Diarizer(**models, known=[reader]), chunked(call(), [RATE] * 30)))
    assert {label for *_, label in found} == {"SPEAKER_00", "SPEAKER_01"}


def test_names_do_not_change_what_is_heard_nor_depend_on_chunks_and_restarts(models: dict[str, Any]) -> None:
    known = [enrol("anna", cut("speaker90", 0, 18), **models)]
    chunks = chunked(call(), [RATE] * 30)
    whole = run(Diarizer(**models, known=known), chunks)
    nameless = run(Diarizer(**models), chunks)
    assert [turn[:2] for turn in labelled(whole)] == [turn[:2] for turn in labelled(nameless)]
    assert run(Diarizer(**models, known=known), chunked(call(), [3_777] * 130)) == whole
    for at in (9, 15, 22):
        assert restarted(lambda state: Diarizer(**models, known=known, state=state), chunks, at) == whole


# --- audio that says itself who speaks -----------------------------------------------------------


def voice(number: int) -> KnownVoice:
    talk: Talk = [(0.5, 4.0, number), (5.0, 11.0, number)]
    return enrol(f"person {number}", spoken(talk, 12), **ORACLE)


@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=30), seed=st.integers(0, 2))
@settings(max_examples=8, deadline=None)
def test_any_chunking_gives_the_same_names(sizes: list[int], seed: int) -> None:
    known = [voice(0), voice(2), voice(5)]
    audio = spoken(conversation(seed, 40, 3), 40)
    whole = run(Diarizer(**ORACLE, known=known), chunked(audio, [len(audio)]))
    assert run(Diarizer(**ORACLE, known=known), chunked(audio, sizes)) == whole


@pytest.mark.parametrize("seed", range(3))
def test_each_turn_has_the_name_of_its_voice(seed: int) -> None:
    talk = conversation(seed, 90, 4)
    operator = Diarizer(**ORACLE, known=[voice(0), voice(2), voice(5)])
    found = labelled(run(operator, chunked(spoken(talk, 90), [RATE] * 90)))
    for start, end, number in talk:
        (label,) = [who for a, b, who in found if abs(a - start) < 0.06 and abs(b - end) < 0.06]
        assert (label == f"person {number}") if number in (0, 2) else str(label).startswith("SPEAKER_")
    assert set(operator.voices) == {label for *_, label in found}


def test_voices_of_all_speakers_can_be_read_at_the_end_apart_from_the_turns() -> None:
    talk = conversation(1, 60, 3)
    operator = Diarizer(**ORACLE)
    found = labelled(run(operator, chunked(spoken(talk, 60), [RATE] * 60)))
    assert set(operator.voices) == {label for *_, label in found}
    for label, heard in operator.voices.items():
        spoken_s = sum(end - start for start, end, who in found if who == label)
        assert 0.5 * spoken_s < heard.seconds <= spoken_s + 0.1
        assert np.linalg.norm(heard.vector.numpy()) == pytest.approx(1, abs=1e-5)
    again = Diarizer(
        **ORACLE, state=msgspec.msgpack.decode(msgspec.msgpack.encode(operator.state), type=DiarizerState)
    )
    assert again.voices == operator.voices


def test_recordings_of_nobody_and_of_several_are_refused() -> None:
    with pytest.raises(InputError, match=r"voice a: 0.0 s of clear speech"):
        enrol("a", np.zeros(10 * RATE, np.float32), **ORACLE)
    talk: Talk = [(0.5, 6.0, 0), (7.0, 12.0, 1)]
    with pytest.raises(InputError, match="voice b: 2 people are heard"):
        enrol("b", spoken(talk, 13), **ORACLE)


# --- matching ------------------------------------------------------------------------------------


def known_voice(name: str, vector: NDArray[np.float64], seconds: float = 10.0) -> KnownVoice:
    return KnownVoice(name, Array.of(vector / np.linalg.norm(vector)), seconds)


@given(st.integers(0, 10_000))
@settings(deadline=None)
def test_a_name_is_given_once_and_every_change_is_told(seed: int) -> None:
    """Labels followed by the changes alone are those that the names say."""
    random = np.random.default_rng(seed)
    people = random.standard_normal((4, 16))
    names = Names(known=[known_voice(name, people[number]) for number, name in enumerate("abc")])
    labels: dict[int, str] = {}
    for _ in range(6):
        speakers = sorted(random.choice(6, random.integers(1, 6), replace=False).tolist())
        sums = people[random.integers(0, 4, len(speakers))] + 0.7 * random.standard_normal(
            (len(speakers), 16)
        )
        labels = {speaker: labels.get(speaker, names.label(speaker)) for speaker in speakers}
        for old, new in names.update(speakers, sums, random.uniform(1, 20, len(speakers))):
            labels = {speaker: new if label == old else label for speaker, label in labels.items()}
        assert labels == {speaker: names.label(speaker) for speaker in speakers}
        assert len(set(labels.values())) == len(labels)


def test_a_name_goes_to_the_nearer_and_only_with_enough_speech() -> None:
    person, other = np.eye(8)[0], np.eye(8)[1]
    names = Names(known=[known_voice("a", person)])
    assert names.update([0], person[None], np.array([1.0])) == []
    assert names.update([0], (person + 1.2 * other)[None], np.array([10.0])) == [("SPEAKER_00", "a")]
    changes = names.update([0, 1], np.stack([person + 1.2 * other, person]), np.array([10.0, 10.0]))
    assert changes == [("a", "SPEAKER_00"), ("SPEAKER_01", "a")]


@pytest.mark.parametrize("wrong", [["a", "a"], ["SPEAKER_07"], [""]])
def test_names_that_could_be_mistaken_are_refused(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="names of their own"):
        Names(known=[known_voice(name, np.eye(4)[0]) for name in wrong])
