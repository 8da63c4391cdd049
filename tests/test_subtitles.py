"""Cues as broadcasters want them: every word once, limits kept, or given way in a known order."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sinks.inert_text import plain
from sinks.subtitle_cues import FLASH, GAP, HANG, SHORTEST, SPEED, Cue, cues
from sinks.subtitle_lines import LONGEST
from sinks.timed_words import columns, timed_words
from stream_engine.clock import MILLISECOND, RATE, samples
from stream_engine.events import Segment, Word

TEXTS = st.one_of(
    st.text(max_size=150),
    st.lists(
        st.sampled_from(["so,", "and", "the", "harbour.", "x" * 90, "日本語、", "a\u0301", "👩\u200d👧"])
    ).map(" ".join),
    st.lists(st.sampled_from(["我们", "明天", "见面。", "好吗？"]), max_size=60).map("".join),
)


def segment(
    id: int,
    start_s: float,
    end_s: float,
    text: str,
    speaker: str | None = "A",
    words: tuple[Word, ...] | None = None,
) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=samples(start_s),
        end=samples(end_s),
        speaker=speaker,
        text=text,
        words=words,
    )


def timed(id: int, speaker: str | None, *spoken: tuple[str, float, float]) -> Segment:
    words = tuple(Word(text=text, start=samples(start), end=samples(end)) for text, start, end in spoken)
    text = " ".join(word.text for word in words)
    return segment(id, spoken[0][1], spoken[-1][2], text, speaker, words)


@st.composite
def sessions(draw: st.DrawFn) -> list[Segment]:
    """Segments in order of start: several speakers, nested, empty, too fast, with and without word times."""
    found: list[Segment] = []
    at = 0
    for id in range(draw(st.integers(0, 6))):
        at += draw(st.integers(0, 8000))
        length = draw(st.integers(0, 30_000))
        text = draw(TEXTS)
        words = None
        if draw(st.booleans()):
            tokens = text.split()
            moments = sorted(
                draw(st.lists(st.integers(0, length), min_size=len(tokens), max_size=len(tokens)))
            )
            words = tuple(
                Word(start=16 * (at + moment), end=16 * (at + moment + draw(st.integers(0, 900))), text=token)
                for moment, token in zip(moments, tokens, strict=True)
            )
        said = segment(
            id, at / 1000, (at + length) / 1000, text, draw(st.sampled_from(["A", "B", None])), words
        )
        found.append(said)
    return found


@given(sessions())
@settings(max_examples=60, deadline=None)
def test_all_words_appear_once_and_in_order(spoken):
    found = list(cues(spoken))
    for one in spoken:
        shown = "".join(cue.text for cue in found if cue.id.split(".")[0] == str(one.id))
        assert "".join(shown.split()) == "".join(plain(one.text).split())


@given(sessions())
@settings(max_examples=60, deadline=None)
def test_one_speaker_has_one_cue_at_a_time_with_a_gap_and_order_is_by_start(spoken):
    found = list(cues(spoken))
    assert [cue.start for cue in found] == sorted(cue.start for cue in found)
    for speaker in ("A", "B", None):
        mine = [cue for cue in found if cue.speaker == speaker]
        assert all(after.start - before.end >= GAP for before, after in pairwise(mine))


@given(sessions())
@settings(max_examples=60, deadline=None)
def test_cues_have_two_lines_of_42_columns_and_last_as_long_as_they_may(spoken):
    found = list(cues(spoken))
    for cue in found:
        assert len(cue.lines) <= 2
        assert all(columns(line) <= 42 for line in cue.text.splitlines())
        assert FLASH <= cue.end - cue.start <= LONGEST
        assert cue.start % MILLISECOND == cue.end % MILLISECOND == 0
        if cue.end - cue.start < SHORTEST:  # only before the speaker's next
            following = [one.start for one in found if one.speaker == cue.speaker and one.start > cue.start]
            assert min(following) <= cue.start + SHORTEST + GAP


@given(sessions())
@settings(max_examples=25, deadline=None)
def test_a_name_takes_its_room_from_the_first_line(spoken):
    for cue in cues(spoken, reserved=lambda _: 14):
        first, *others = cue.text.splitlines()
        assert columns(first) <= 28
        assert all(columns(line) <= 42 for line in others)


def only(*spoken: Segment) -> list[Cue]:
    return list(cues(spoken))


def test_a_cue_that_is_too_fast_goes_on_into_the_silence_that_follows():
    text = "these are sixty-eight characters that are all said in just one second"
    (cue,) = only(segment(1, 0, 3, text))
    assert cue.end == round(len(text) * 1000 / SPEED) * MILLISECOND
    (cue,) = only(segment(1, 0, 1, text))
    assert cue.end == samples(1) + HANG


def test_it_stops_before_anybody_else_is_shown():
    text = "these are sixty-eight characters that are all said in just one second"
    first, _ = only(segment(1, 0, 1, text), segment(2, 1.5, 3, "and now me", "B"))
    assert first.end == samples(1.5) - GAP


def test_a_short_word_stays_for_five_sixths_of_a_second_though_somebody_else_begins():
    first, second = only(segment(1, 0, 0.2, "yes"), segment(2, 0.3, 3, "and now me", "B"))
    assert (first.end, second.start) == (SHORTEST, samples(0.3))


def test_a_short_word_is_cut_by_the_next_cue_of_its_speaker():
    first, second = only(segment(1, 0, 0.2, "yes"), segment(2, 0.5, 3, "and now this"))
    assert (first.end, second.start) == (samples(0.5) - GAP, samples(0.5))


def test_speech_at_the_same_time_gives_simultaneous_cues():
    first, second = only(segment(1, 0, 3, "I was saying that"), segment(2, 1, 2, "no no", "B"))
    assert (first.start, first.end) == (0, samples(3))
    assert second.start == samples(1) < first.end


def test_long_text_is_cut_after_sentences_and_clauses_and_lines_before_conjunctions():
    text = (
        "So we went down to the harbour in the early morning, and then we waited there for the ship. "
        "Nobody came until it was noon and we were hungry."
    )
    assert [cue.text for cue in only(segment(1, 0, 12, text))] == [
        "So we went down to the harbour\nin the early morning,",
        "and then we waited there for the ship.",
        "Nobody came until it was noon\nand we were hungry.",
    ]
    assert [cue.id for cue in only(segment(1, 0, 12, text))] == ["1.1", "1.2", "1.3"]


def test_cues_begin_with_the_time_of_their_first_word_and_nothing_is_shown_before_a_silence_is_over():
    first, second = only(
        timed(1, "A", ("wait", 0.5, 1.0), ("for", 1.0, 1.2), ("it", 4.0, 4.2), ("now", 4.3, 5))
    )
    assert (first.text, first.start) == ("wait for", samples(0.5))
    assert (second.text, second.start, second.end) == ("it now", samples(4.0), samples(5))


def test_without_word_times_time_is_shared_out_by_length():
    words, known = timed_words(segment(1, 0, 4, "abc abcdefg abc abc"), 42)
    assert not known
    assert [word.start for word in words] == [0, samples(0.8), samples(2.4), samples(3.2)]


def test_word_times_of_other_words_are_not_taken():
    said = segment(1, 0, 4, "we are here", words=(Word(start=0, end=16, text="you"),))
    assert timed_words(said, 42)[1] is False


def test_text_without_spaces_takes_the_times_of_its_words_and_fits_in_half_as_many_characters():
    text = "我们明天早上在港口见面然后一起坐船去那个很远的小岛上看海"
    words = tuple(
        Word(start=samples(i / 4), end=samples((i + 1) / 4), text=one) for i, one in enumerate(text)
    )
    cue, *more = only(segment(1, 0, 7, text, words=words))
    assert cue.timed
    assert not more
    assert cue.text.replace("\n", "") == text
    assert all(len(line) <= 21 for line in cue.text.splitlines())


def test_an_emoji_and_a_letter_with_its_marks_are_not_torn():
    text = "👩\u200d👩\u200d👧" * 30 + "e\u0301" * 60
    shown = "\n".join(cue.text for cue in only(segment(1, 0, 20, text)))
    for line in shown.splitlines():
        assert line[0] in "👩e"
        assert not line.endswith("\u200d")


def test_memory_is_that_of_the_segments_that_are_open():
    def talk(hours: float):
        for id in range(int(hours * 720)):
            yield segment(
                id, 5 * id, 5 * id + 4.5, f"this is what was said number {id}, and a bit more", "AB"[id % 2]
            )

    tracemalloc.start()
    assert sum(1 for _ in cues(talk(8))) == 5760
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000


@pytest.mark.parametrize("speed", [5, 15, 25, 60])
def test_reading_speed_is_kept_where_the_speech_or_the_silence_after_it_allows(speed):
    text = "a text of about fifty characters for people to read."
    length = len(text) / speed
    spoken = [segment(id, 10 * id, 10 * id + length, text, "AB"[id % 2]) for id in range(20)]
    for cue in cues(spoken):
        read = len(cue.text) * RATE / SPEED
        assert cue.end - cue.start >= min(read - MILLISECOND, samples(length) + HANG - 16)
