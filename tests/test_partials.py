"""Text of open turns: what is committed does not change, neither while it is said nor in the final text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.speech.committed import Committed, kept_words
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.local_agreement import agreed, aligned, honoured, said_within, spelled
from operators.speech.moonshine import Moonshine
from operators.speech.partials import Partials
from operators.speech.recognition import Recognition, Transcript
from operators.speech.utterances import UtteranceCutter
from operators.speech.voice_activity import VoiceActivityDetector, load_silero
from operators.speech.whisper import Whisper
from operators.speech.whisper_guards import Guards
from stream_engine.clock import RATE, samples
from stream_engine.events import (
    Hypothesis,
    Relabel,
    Segment,
    Spoken,
    Turn,
    Utterance,
    VoiceActivity,
    Watermark,
    Word,
)
from stream_engine.testing import check_restart, chunked, run
from tests.spoken import call
from tests.tiny_whisper import save_tiny_whisper

Turns = list[Turn | Relabel | Watermark]


class Remembering:
    """Moonshine, asked only once for each clip: so that properties can be tried many times."""

    name, batch, word_times = "moonshine", 1, False
    languages: frozenset[str] | None = None

    def __init__(self) -> None:
        self._moonshine = Moonshine()
        self._known: dict[bytes, Transcript] = {}

    def transcribe(
        self, clips: Sequence[NDArray[np.float32]], /, *, languages: Sequence[str | None] | None = None
    ) -> list[Transcript]:
        for clip in clips:
            if clip.tobytes() not in self._known:
                (self._known[clip.tobytes()],) = self._moonshine.transcribe([clip])
        return [self._known[clip.tobytes()] for clip in clips]


RECOGNISER = Remembering()


CALL = call()[: 22 * RATE]


def heard(one: Spoken) -> NDArray[np.float32]:
    return CALL[one.start : one.end]


def partials(state: object = None) -> Partials:
    return Partials(recogniser=RECOGNISER, audio=heard, voiced_s=0.25, state=state)  # pyright: ignore[reportArgumentType]


@cache
def turns(size: int = RATE) -> Turns:
    """What the diarizer says of the call, in chunks of a size."""
    diarizer = Diarizer(segmentation=Community1Segmentation(), embedding=Community1Embedding())
    return run(diarizer, chunked(CALL, [size] * 1000))


@cache
def voice() -> list[VoiceActivity | Watermark]:
    return run(VoiceActivityDetector(session=load_silero()), chunked(CALL, [RATE] * 100))


@cache
def hypotheses() -> list[Hypothesis]:
    return run(partials(), [*voice(), *turns()])


@cache
def segments() -> list[Segment]:
    """The final texts of the call, as they are without hypotheses."""
    recognise = Recognition(recogniser=RECOGNISER, audio=heard)
    uttered = run(UtteranceCutter(), [*voice(), *turns()])
    found = recognise([one for one in uttered if isinstance(one, Utterance)])
    return [one for said in found for one in said if isinstance(one, Segment)]


def plain(text: str) -> list[str]:
    return [spelled(word) for word in text.split()]


# --- while it is said ----------------------------------------------------------------------------


def test_hypotheses_of_the_call_grow_and_what_they_commit_stays() -> None:
    shown: dict[int, Hypothesis] = {}
    moved: list[list[str]] = []
    for one in hypotheses():
        assert one.text.split()[: len(one.committed.split())] == one.committed.split()
        before = shown.get(one.id)
        if before is not None:
            assert one.revision > before.revision
            assert not before.final
            old, new = before.committed.split(), one.committed.split()
            assert new[: len(old)] == old[: len(new)]
            assert one.final or len(new) >= len(old)
            moved += [old[len(new) :]] if len(new) < len(old) else []
        shown[one.id] = one
    assert sum(len(one.committed.split()) for one in shown.values()) > 15
    later = [one.committed.split() for one in hypotheses()]
    assert all(any(one[: len(words)] == words for one in later) for words in moved)


def test_every_final_turn_is_named_by_one_final_hypothesis() -> None:
    ended = [turn.id for turn in turns() if isinstance(turn, Turn) and turn.final and turn.end > turn.start]
    named = [id for one in hypotheses() if one.final for id in one.turns]
    assert sorted(named) == sorted(ended)
    assert all(one.turns == () for one in hypotheses() if not one.final)


def test_words_are_shown_while_their_turn_is_open() -> None:
    open_text = " ".join(one.text for one in hypotheses() if not one.final).lower()
    assert "this is diane" in open_text
    assert "originally from chicago" in open_text


@pytest.mark.parametrize("size", [1600, 10 * RATE])
def test_any_chunking_gives_the_same_hypotheses(size: int) -> None:
    assert run(partials(), [*voice(), *turns(size)]) == hypotheses()


@given(st.data())
def test_hypotheses_do_not_depend_on_the_interleaving(data: st.DataObject) -> None:
    assert run(partials(), shuffled(data, voice(), turns())) == hypotheses()


def test_partials_go_on_after_a_restart() -> None:
    seconds = [item for pair in zip(voice(), turns(), strict=False) for item in pair]
    check_restart(partials, [*seconds, *voice()[len(turns()) :], *turns()[len(voice()) :]])


def shuffled(data: st.DataObject, left: Sequence[Any], right: Sequence[Any]) -> list[Any]:
    """Two streams merged in some order."""
    merged: list[Any] = []
    one, other = list(left), list(right)
    while one and other:
        merged.append((one if data.draw(st.booleans()) else other).pop(0))
    return [*merged, *one, *other]


def _turn(end: float, *, id: int = 0, start: float = 0, final: bool = False) -> Turn:
    return Turn(id=id, revision=0, final=final, start=samples(start), end=samples(end), speaker="A")


def _step(at: float) -> Watermark:
    return Watermark(source="diarizer", at=samples(at))


class Reading:
    """Hears one word a second, `w0 w1 w2 ...`, and the last one wrong."""

    name, batch, word_times = "reading", 8, False
    languages: frozenset[str] | None = None

    def transcribe(
        self, clips: Sequence[NDArray[np.float32]], /, *, languages: Sequence[str | None] | None = None
    ) -> list[Transcript]:
        return [Transcript(" ".join([*(f"w{int(at)}" for at in clip[:-RATE:RATE]), "eh"])) for clip in clips]


TALK: list[Any] = [
    VoiceActivity(start=0, hop=512, probabilities=(1.0,) * 600),
    Watermark(source="voice_activity", at=600 * 512),
]
CLOCK = (np.arange(60 * RATE) / RATE).astype(np.float32)


def reading(every_s: float = 1.0, voiced_s: float | None = 0.25) -> Partials:
    return Partials(
        recogniser=Reading(), audio=lambda one: CLOCK[one.start : one.end], every_s=every_s, voiced_s=voiced_s
    )


def test_a_turn_is_decoded_once_for_every_second_of_new_audio() -> None:
    ends = [0.5, 1.0, 1.5, 2.0, 2.4, 3.1]
    found = run(reading(), [*TALK, *[item for end in ends for item in (_turn(end), _step(end))]])
    assert [one.end for one in found] == [samples(1.0), samples(2.0), samples(3.1)]
    assert [one.committed for one in found] == ["", "", "w0"]
    assert [one.text for one in found] == ["eh", "w0 eh", "w0 w1 w2 eh"]


def test_words_of_a_turn_that_is_split_go_on_to_the_rest() -> None:
    growing: Turns = [item for end in (2, 4, 6, 7) for item in (_turn(end), _step(end))]
    split: Turns = [
        _turn(4, final=True),
        _turn(8, id=1, start=4),
        _step(8),
        _turn(9, id=1, start=4),
        _step(9),
    ]
    found = run(reading(), [*TALK, *growing, *split, _turn(9, id=1, start=4, final=True), _step(10)])
    first = [one for one in found if one.id == 0]
    rest = [one for one in found if one.id == 1]
    assert first[-2].committed == "w0 w1 w2 w3 w4"
    assert (first[-1].committed, first[-1].turns, first[-1].final) == ("w0 w1 w2", (0,), True)
    assert rest[0].committed.startswith("w3 w4")
    assert rest[-1].committed.startswith("w3 w4")
    assert rest[-1].turns == (1,)


def test_a_turn_that_turns_out_to_be_several_has_one_final_hypothesis() -> None:
    growing: Turns = [item for end in (2, 4, 6) for item in (_turn(end), _step(end))]
    several: Turns = [_turn(2, id=1, final=True), _turn(4, id=0, start=2, final=True)]
    several += [_turn(6, id=2, start=4, final=True), _step(6)]
    last = run(reading(), [*TALK, *growing, *several])[-1]
    assert (last.turns, last.final, last.committed) == ((1, 0, 2), True, "w0 w1 w2")


def test_a_turn_that_turns_out_to_have_begun_later_goes_on_with_what_was_said_since() -> None:
    growing: Turns = [item for end in (2, 4, 6, 7) for item in (_turn(end), _step(end))]
    before: Turns = [_turn(3, id=1, final=True), _turn(8, start=3), _step(8)]
    found = run(reading(), [*TALK, *growing, *before, _turn(8, start=3, final=True), _step(9)])
    closed, last = found[-3], found[-1]
    assert (closed.id, closed.turns, closed.final, closed.committed) == (1, (1,), True, "w0 w1")
    assert (last.id, last.turns, last.final) == (0, (0,), True)
    assert last.committed.startswith("w2 w3 w4")
    own = [one.revision for one in found if one.id == 0]
    assert own == sorted(set(own))


def test_a_withdrawn_turn_ends_its_hypotheses() -> None:
    found = run(reading(), [*TALK, _turn(2), _step(2), _turn(0, final=True), _step(3)])
    assert [(one.final, one.turns) for one in found] == [(False, ()), (True, ())]


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_not_one_word_is_shown_where_nobody_speaks_even_if_a_diarizer_sees_a_turn(kind: str) -> None:
    time_s = np.arange(6 * RATE) / RATE
    noise = np.random.default_rng(1).normal(0, 0.1, 6 * RATE)
    sound = {"silence": 0 * time_s, "noise": noise, "tone": 0.3 * np.sin(2 * np.pi * 440 * time_s)}[kind]
    audio = sound.astype(np.float32)
    operator = Partials(recogniser=RECOGNISER, audio=lambda one: audio[one.start : one.end], voiced_s=0.25)
    activity = run(VoiceActivityDetector(session=load_silero()), chunked(audio, [RATE] * 6))
    seen = [item for end in range(1, 7) for item in (_turn(end), _step(end))]
    assert [one.text for one in run(operator, [*activity, *seen, _turn(6, final=True), _step(6)])] == [""]


def test_hypotheses_come_from_any_recogniser(tmp_path: Path) -> None:
    off = Guards(no_speech=None, lost=None, compression=None, silence=None)
    whisper = Whisper(model=str(save_tiny_whisper(tmp_path / "tiny")), beam=1, guards=off)
    turn = Turn(id=0, revision=0, final=False, start=samples(7), end=samples(9), speaker="A")
    operator = Partials(recogniser=whisper, audio=heard)
    (shown,) = run(operator, [turn, _step(9)])
    assert shown.text == whisper.transcribe([heard(turn)])[0].text != ""


def test_a_turn_without_voice_in_it_is_not_decoded_but_named() -> None:
    silent = [VoiceActivity(start=0, hop=512, probabilities=(0.1,) * 600), TALK[1]]
    found = run(reading(), [*silent, _turn(2), _step(2), _turn(2, final=True), _step(3)])
    assert [(one.text, one.final, one.turns) for one in found] == [("", True, (0,))]


def test_without_voice_activity_a_turn_is_decoded_at_once() -> None:
    partials = reading(voiced_s=None)
    assert list(partials.feed(_turn(2))) == []
    assert len(list(partials.feed(_step(2)))) == 1


def test_a_turn_of_any_length_is_shown_as_far_as_a_recogniser_hears() -> None:
    found = run(reading(voiced_s=None), [item for end in (27, 29, 40) for item in (_turn(end), _step(end))])
    assert [one.end for one in found] == [samples(27)]


def test_a_turn_waits_until_it_is_known_where_its_voice_is() -> None:
    partials = reading()
    for item in (_turn(2), _step(2), TALK[0], Watermark(source="voice_activity", at=samples(1.8))):
        assert list(partials.feed(item)) == []
    assert len(list(partials.feed(Watermark(source="voice_activity", at=samples(1.92))))) == 1


def test_times_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        reading(every_s=0)


# --- local agreement -----------------------------------------------------------------------------

WORDS = st.lists(st.sampled_from(["a", "b", "c", "B,", "bc", "dd"]), max_size=8)


@given(WORDS, WORDS, WORDS)
def test_committed_words_begin_every_later_text(
    committed: list[str], one: list[str], other: list[str]
) -> None:
    before, now = honoured(committed, one), honoured(committed, other)
    assert now[: len(committed)] == committed
    longer = agreed(committed, before, now)
    assert now[: len(longer)] == longer
    assert longer[: len(committed)] == committed
    assert [spelled(word) for word in before[: len(longer)]] == [spelled(word) for word in longer]


@given(WORDS, WORDS)
def test_a_text_that_agrees_is_left_as_it_is(committed: list[str], rest: list[str]) -> None:
    assert honoured(committed, [*committed, *rest]) == [*committed, *rest]
    assert said_within([*committed, *rest], committed) <= len(committed)


@given(WORDS, WORDS)
def test_an_alignment_has_all_committed_words_and_a_beginning_of_the_others_in_order(
    committed: list[str], decoded: list[str]
) -> None:
    pairs = aligned(committed, decoded)
    assert [row for row, _ in pairs if row is not None] == list(range(len(committed)))
    columns = [column for _, column in pairs if column is not None]
    assert columns == list(range(len(columns)))


def test_words_are_the_same_without_case_and_punctuation_and_similar_ones_stand_for_each_other() -> None:
    assert (
        honoured(["hello,", "i'm", "taxa"], "Hello! I'm Texas and so on".split())
        == "hello, i'm taxa and so on".split()
    )
    assert honoured("we came to the harbour".split(), "We came to a large harbour and stopped".split()) == (
        "we came to the harbour and stopped".split()
    )
    assert agreed([], ["Hello,", "I’m", "not"], ["hello", "I'm", "here"]) == ["hello", "I'm"]


def test_what_was_said_within_a_part_is_counted() -> None:
    assert said_within("a b c d e".split(), "a b c".split()) == 3
    assert said_within("a b c d e".split(), "x".split()) <= 1
    assert said_within("a b c d e".split(), []) == 0


# --- in the final text ---------------------------------------------------------------------------


@cache
def final() -> list[Segment]:
    return [one for one in run(Committed(), [*hypotheses(), *segments()]) if isinstance(one, Segment)]


def test_final_text_of_the_call_has_every_committed_word() -> None:
    for one in hypotheses():
        if one.final and one.committed:
            said = [
                word
                for segment in final()
                if set(segment.turns) & set(one.turns)
                for word in plain(segment.text)
            ]
            words = plain(one.committed)
            assert any(said[at : at + len(words)] == words for at in range(len(said)))


def test_segments_keep_their_order_and_all_but_their_text() -> None:
    assert [(one.id, one.start, one.end, one.turns) for one in final()] == [
        (one.id, one.start, one.end, one.turns) for one in segments()
    ]


@given(st.data())
def test_the_final_text_does_not_depend_on_the_interleaving(data: st.DataObject) -> None:
    out = run(Committed(), shuffled(data, hypotheses(), segments()))
    assert [one for one in out if isinstance(one, Segment)] == final()
    assert [one for one in out if isinstance(one, Hypothesis)] == hypotheses()


def test_the_final_text_goes_on_after_a_restart() -> None:
    items = [item for pair in zip(segments(), hypotheses()[5:], strict=False) for item in pair]
    check_restart(lambda state: Committed(state=state), [*hypotheses()[:5], *items, *hypotheses()[5:]])


@given(WORDS, WORDS)
def test_promised_words_begin_the_text_of_turns_that_are_over(
    promised: list[str], decoded: list[str]
) -> None:
    said, used = kept_words(promised, decoded, over=True)
    assert used == len(promised)
    assert [spelled(word) for word, _ in said[:used]] == [spelled(word) for word in promised]
    places = [place for _, place in said if place is not None]
    assert places == sorted(set(places))
    assert [word for word, _ in said[used:]] == (decoded[-(len(said) - used) :] if len(said) > used else [])


@given(WORDS, WORDS)
def test_promised_words_are_said_once_over_two_segments(promised: list[str], decoded: list[str]) -> None:
    first, used = kept_words(promised, decoded, over=False)
    second, _ = kept_words(promised[used:], [], over=True)
    both = [spelled(word) for word, _ in [*first, *second]]
    if used < len(promised):
        assert both == [spelled(word) for word in promised]
    else:
        assert both[:used] == [spelled(word) for word in promised]


def _segment(
    text: str, turns: tuple[int, ...], words: tuple[Word, ...] | None = None, id: int = 0
) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=0,
        end=samples(9),
        speaker="A",
        text=text,
        words=words,
        turns=turns,
    )


def _closed(committed: str, turns: tuple[int, ...]) -> Hypothesis:
    return Hypothesis(
        id=turns[0],
        revision=3,
        final=True,
        start=0,
        end=samples(8),
        speaker="A",
        text=committed,
        committed=committed,
        turns=turns,
    )


def test_a_segment_waits_for_all_its_turns_and_takes_the_words_of_all() -> None:
    committed = Committed()
    assert list(committed.feed(_segment("Hello there, we eat a cake. Well.", (0, 1)))) == []
    assert len(list(committed.feed(_closed("hello where", (0,))))) == 1
    out = list(committed.feed(_closed("we ate", (1,))))
    assert isinstance(out[1], Segment)
    assert out[1].text == "Hello where we ate a cake. Well."


def test_words_that_were_promised_have_times_too() -> None:
    words = tuple(
        Word(start=samples(at), end=samples(at + 1), text=text, speakers=("A",))
        for at, text in enumerate(["Hello", "there.", "Well"])
    )
    out = run(Committed(), [_closed("hello old there", (0,)), _segment("Hello there. Well", (0,), words)])
    said = out[1]
    assert isinstance(said, Segment)
    assert said.words is not None
    assert said.text == "Hello old there. Well"
    assert [word.text for word in said.words] == said.text.split()
    assert all(
        one.end <= two.end and one.start <= two.start
        for one, two in zip(said.words, said.words[1:], strict=False)
    )
    assert all(word.start < word.end <= samples(9) for word in said.words)


def test_a_turn_that_nobody_spoke_of_holds_nothing_back_for_ever() -> None:
    assert run(Committed(), [_segment("Hello", (7,))]) == [_segment("Hello", (7,))]
