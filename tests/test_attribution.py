"""Words get the speakers of the turns that cover them, whatever the order in which streams are merged."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.timeline.covered_words import with_speakers
from operators.timeline.word_speakers import WordSpeakers
from stream_engine.clock import samples
from stream_engine.events import Relabel, Segment, Turn, Watermark, Word
from stream_engine.testing import check_restart, run

Item = Segment | Turn | Relabel | Watermark


def turn(id: int, start: float, end: float, speaker: str | None, **fields: Any) -> Turn:
    given = {"revision": 0, "final": True} | fields
    return Turn(id=id, start=samples(start), end=samples(end), speaker=speaker, **given)


def word(start: float, end: float, text: str = "word") -> Word:
    return Word(start=samples(start), end=samples(end), text=text, speakers=("somebody",))


def segment(id: int, words: list[Word] | None, *, turns: tuple[int, ...] = (), speaker: str = "A") -> Segment:
    start, end = (words[0].start, words[-1].end) if words else (0, 16)
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=start,
        end=end,
        speaker=speaker,
        text=" ".join(word.text for word in words or ()),
        words=None if words is None else tuple(words),
        turns=turns,
    )


def mark(at: float) -> Watermark:
    return Watermark(source="diarizer", at=samples(at))


def speakers(found: Segment) -> list[tuple[str, ...]]:
    return [word.speakers for word in found.words or ()]


def test_a_word_in_overlap_has_both_speakers_and_one_beside_all_turns_has_none() -> None:
    words = [word(0, 1), word(2, 2.2), word(3, 3.5), word(6, 6.5)]
    items = [turn(0, 0, 4, "A"), turn(1, 1.9, 2.3, "B"), mark(9), segment(0, words)]
    (found,) = run(WordSpeakers(), items)
    assert speakers(found) == [("A",), ("A", "B"), ("A",), ()]


def test_only_the_beginning_of_a_word_counts_since_its_end_runs_on() -> None:
    (found,) = run(WordSpeakers(), [turn(0, 0, 1, "A"), turn(1, 1, 9, "B"), segment(0, [word(0.6, 4)])])
    assert speakers(found) == [("A",)]


def test_whoever_covers_most_is_first_and_less_than_a_quarter_makes_no_second() -> None:
    turns = [turn(0, 0, 1.2, "A"), turn(1, 1.1, 3, "B"), turn(2, 1.25, 3, "C")]
    (found,) = run(WordSpeakers(), [*turns, segment(0, [word(1.0, 1.3), word(1.15, 1.4)])])
    assert speakers(found) == [("A", "B"), ("B", "C")]


def test_a_little_of_one_turn_is_enough_where_no_other_is() -> None:
    (found,) = run(WordSpeakers(), [turn(0, 0, 1.02, "B"), segment(0, [word(1.0, 1.3)])])
    assert speakers(found) == [("B",)]


def test_of_two_who_cover_a_word_alike_the_speaker_of_the_segment_is_first() -> None:
    turns = [turn(0, 0, 9, "A"), turn(1, 1, 9, "B")]
    (found,) = run(WordSpeakers(), [*turns, segment(0, [word(2, 3)], turns=(1,), speaker="B")])
    assert speakers(found) == [("B", "A")]


def test_turns_that_are_withdrawn_or_nobodys_give_no_speaker() -> None:
    turns = [turn(0, 0, 9, "A", final=False), turn(0, 0, 0, "A", revision=1), turn(2, 0, 9, None)]
    (found,) = run(WordSpeakers(), [*turns, segment(0, [word(1, 2)])])
    assert speakers(found) == [()]


def test_an_open_turn_that_goes_on_long_enough_after_a_word_is_not_waited_for() -> None:
    operator = WordSpeakers(settled_s=1.5)
    items = [turn(0, 0, 2, "A"), segment(0, [word(1, 2)]), turn(1, 0.5, 2.7, "B", final=False), mark(0.5)]
    assert not [out for item in items for out in operator.feed(item)]
    assert not list(operator.feed(turn(1, 0.5, 2.8, "B", final=False, revision=1)))
    (found,) = operator.feed(mark(0.5))
    assert speakers(found) == [("A", "B")]


def test_a_segment_waits_for_the_turns_that_may_cover_its_last_word_and_no_longer() -> None:
    operator = WordSpeakers()
    assert not list(operator.feed(segment(0, [word(1, 2), word(4, 8)])))
    assert not list(operator.feed(mark(4.2)))
    assert not list(operator.feed(turn(0, 4.2, 5, "A")))
    (found,) = operator.feed(mark(4.3))
    assert speakers(found) == [(), ("A",)]


def test_segments_keep_their_order_and_those_without_words_pass_as_they_are() -> None:
    late, without = segment(0, [word(5, 6)]), segment(1, None)
    assert [s.id for s in run(WordSpeakers(), [late, without, mark(7)])] == [0, 1]
    assert run(WordSpeakers(), [without]) == [without]


def test_labels_are_those_of_the_moment_when_the_watermark_passes_the_segment() -> None:
    before = Relabel(to="B", as_of=0, turns=(0,))
    after = Relabel(to="C", as_of=0, speaker="B")
    spoken = segment(0, [word(1, 2)], turns=(0,))
    stream = [turn(0, 0, 3, "A"), mark(1), before, mark(3), after]
    for place in range(len(stream) + 1):
        (found,) = run(WordSpeakers(), [*stream[:place], spoken, *stream[place:]])
        assert (found.speaker, speakers(found)) == ("B", [("B",)])


def test_who_is_named_first_does_not_depend_on_how_long_a_segment_waits() -> None:
    said: list[Item] = [turn(0, 0, 5, "A"), turn(1, 10, 40, "B"), mark(95)]
    late: list[Item] = [turn(2, 100, 110, "B"), turn(3, 100, 110, "A"), mark(120)]
    early, last = segment(0, [word(90, 91)], speaker="C"), segment(1, [word(101, 102)], speaker="C")
    for items in ([*said, early, *late, last], [early, last, *said, *late], [*said, *late, early, last]):
        first, second = run(WordSpeakers(), items)
        assert (speakers(first), speakers(second)) == ([()], [("A", "B")])


def talk(seed: int) -> tuple[list[Item], list[Item]]:
    """What a diarizer says of half a minute, and what a recogniser does."""
    chance = random.Random(seed)
    said: list[Item] = []
    texts: list[Item] = []
    at, passed, names = 0.0, 0.0, "ABC"
    for id in range(12):
        length = chance.uniform(0.4, 4)
        who = chance.choice(names)
        for part in range(int(length / 0.5)):
            said.append(turn(id, at, at + part * 0.5 + 0.1, who, final=False, revision=part))
            said.append(mark(passed))
        who = chance.choice(names)
        said.append(turn(id, at, at if chance.random() < 0.1 else at + length, who, revision=9))
        if chance.random() < 0.3:
            named = {"speaker": chance.choice(names)} if chance.random() < 0.5 else {"turns": (id,)}
            said.append(Relabel(to=chance.choice(names), as_of=0, **named))
        words = [word(at + i * length / 4, at + (i + 1) * length / 4) for i in range(4)]
        texts.append(segment(id, words if chance.random() < 0.9 else None, turns=(id,)))
        at = max(passed, at + length + chance.uniform(-1.5, 1))
        passed = max(passed, at - chance.uniform(0, 1))
        said.append(mark(passed))
    return said, texts


def merged(said: list[Item], texts: list[Item], order: list[bool]) -> list[Item]:
    left, right = list(said), list(texts)
    out = [(left if first and left else right or left).pop(0) for first in order if left or right]
    return [*out, *left, *right]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 5), order=st.lists(st.booleans(), max_size=160))
def test_any_interleaving_gives_the_same_segments(seed: int, order: list[bool]) -> None:
    said, texts = talk(seed)
    assert run(WordSpeakers(), merged(said, texts, order)) == run(WordSpeakers(), [*said, *texts])


@pytest.mark.parametrize("seed", range(3))
def test_a_restart_anywhere_goes_on_as_if_nothing_had_happened(seed: int) -> None:
    said, texts = talk(seed)
    items = merged(said, texts, [i % 5 > 0 for i in range(160)])
    check_restart(lambda state: WordSpeakers(state=state), items)


def test_what_is_remembered_does_not_grow_with_the_session() -> None:
    operator, sizes = WordSpeakers(), []
    for id in range(2_000):
        list(operator.feed(turn(id, 2 * id, 2 * id + 1.5, "AB"[id % 2])))
        list(operator.feed(segment(id, [word(2 * id, 2 * id + 1)])))
        list(operator.feed(mark(2 * id + 2)))
        sizes.append(len(operator.state.turns))
    assert max(sizes[-500:]) == max(sizes[200:700]) < 40


def test_words_without_turns_stay_without_speakers() -> None:
    assert [word.speakers for word in with_speakers((word(0, 1), word(1, 1)), [])] == [(), ()]


def test_a_word_names_a_turn_of_each_speaker_so_that_a_relabel_reaches_it() -> None:
    items = [turn(3, 0, 4, "A"), turn(5, 1, 1.5, "B"), turn(7, 1.8, 3, "B"), mark(9)]
    (found,) = run(WordSpeakers(), [*items, segment(0, [word(1.9, 2.1), word(8, 9)])])
    assert [word.turns for word in found.words or ()] == [(3, 7), ()]
