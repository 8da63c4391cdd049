"""The language of a session is heard once, in its first seconds of speech, with a real (tiny) Whisper."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.speech.language import LanguageChoice, LanguageState
from operators.speech.whisper import Whisper
from stream_engine.clock import MILLISECOND, RATE, samples
from stream_engine.events import Language, Spoken, Utterance
from stream_engine.testing import check_restart, run
from tests.spoken import call
from tests.tiny_whisper import save_tiny_whisper


def audio(one: Spoken) -> NDArray[np.float32]:
    return call()[one.start : one.end]


def spoken(*lengths: float) -> list[Utterance]:
    """Utterances of the given seconds, one after the other, from 6 s on."""
    ends = np.cumsum([6.0, *lengths])
    return [
        Utterance(id=id, start=samples(start), end=samples(end), speaker="A", turns=(id,))
        for id, (start, end) in enumerate(pairwise(ends))
    ]


def loudness(clip: NDArray[np.float32]) -> tuple[str, float]:
    """A stand-in for a detector that shows what it was given: its length, and how loud it is."""
    return f"{len(clip)}", float(np.abs(clip).mean())


def choice(state: LanguageState | None = None) -> LanguageChoice:
    return LanguageChoice(detect=loudness, audio=audio, state=state)


def test_whisper_hears_the_language_once_and_it_is_that_of_all_utterances(tmp_path: Path) -> None:
    whisper = Whisper(model=str(save_tiny_whisper(tmp_path / "tiny")))
    utterances = spoken(1.0, 1.5, 2.0, 3.0, 2.0)
    first, *rest = run(LanguageChoice(detect=whisper.detect, audio=audio), utterances)
    code, probability = whisper.detect(call()[samples(6) : samples(10.5)])
    assert first == Language(at=utterances[2].end, code=code, probability=probability)
    assert [one for one in rest if isinstance(one, Utterance)] == rest
    assert [(one.id, one.turns, one.language) for one in rest if isinstance(one, Utterance)] == [
        (one.id, one.turns, code) for one in utterances
    ]
    assert code in (whisper.languages or ())
    assert msgspec.json.decode(msgspec.json.encode(first), type=Language) == first


@pytest.mark.parametrize(
    ("lengths", "heard"),
    [((3.0, 1.0), 1), ((1.0, 1.0, 1.0, 1.0), 3), ((0.4, 0.4, 0.4, 0.4, 5.0), 4), ((0.5, 0.5), 2)],
)
def test_it_listens_until_there_is_enough_speech_or_many_utterances_or_no_more(
    lengths: tuple[float, ...], heard: int
) -> None:
    utterances = spoken(*lengths)
    language = run(choice(), utterances)[0]
    assert isinstance(language, Language)
    assert language.at == utterances[heard - 1].end
    assert int(language.code) == sum(one.end - one.start for one in utterances[:heard])


@given(st.lists(st.integers(100, 4000), max_size=8))
def test_no_utterance_is_lost_or_changed_and_the_language_comes_first(lengths: list[int]) -> None:
    utterances = spoken(*(length / 1000 for length in lengths))
    out = run(choice(), utterances)
    assert [type(one) for one in out] == [Language] * bool(utterances) + [Utterance] * len(utterances)
    assert [(one.id, one.start, one.end) for one in out if isinstance(one, Utterance)] == [
        (one.id, one.start, one.end) for one in utterances
    ]
    assert len({one.language for one in out if isinstance(one, Utterance)}) <= 1


def test_it_goes_on_after_a_restart() -> None:
    check_restart(choice, spoken(0.5, 1.0, 2.0, 1.0, 1.0))


def test_nothing_said_is_no_language() -> None:
    assert run(choice(), []) == []


def test_times_are_on_whole_milliseconds() -> None:
    language = run(choice(), spoken(1.2345, 2.0))[0]
    assert isinstance(language, Language)
    assert language.at % MILLISECOND == 0
    assert language.at <= 30 * RATE


def test_listening_to_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="some speech"):
        LanguageChoice(detect=loudness, audio=audio, enough_s=0)
