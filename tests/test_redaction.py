"""What is private is in no text, at no time; words keep their times and texts their promises."""

from __future__ import annotations

import time

import msgspec
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from operators.timeline.private_text import PrivateText
from operators.timeline.redaction import NOT_REDACTED, Redaction, names_in
from stream_engine.clock import samples
from stream_engine.events import (
    Chunk,
    Hypothesis,
    Interruption,
    Overlap,
    Rejected,
    Relabel,
    Segment,
    Turn,
    Watermark,
    Word,
)
from stream_engine.testing import run

NAMES = (
    "Anna Smith",
    "José",
    "O'Brien",
    "Anne-Marie de la Tour",
    "田中",
    "Will May Brown",
    "J. Doe",
    "June Carter",
)
PRIVATE = PrivateText(names=NAMES)
WORDS = (
    "and the at dot of meet we said Anna Smith, Smith. José's JOSE\u0301 O’Brien anne marie Anne-Marie de la"
    " Tour will May Brown J. Doe June march 5 555-1212 B52 one oh double second first twenty-five five -"
    " fifth January x.com www.a.org/b com org john slash 2024-03-05 3/4 @ jo@x.de underscore (five) 我"
    " 田中さん 一三八 ½ ٣ [NUMBER] [NAME] ok. x two, point"
)
PHRASES = (
    "Anna Smith",
    "june carter at",
    "will may",
    "at x dot com",
    "dot com",
    "the fifth of",
    "five one",
    "J Doe.",
)
SPEECH = st.lists(st.sampled_from((*WORDS.split(), *PHRASES)), max_size=14).map(" ".join)


def redacted(text: str) -> str:
    return PRIVATE.without(text)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Call me on 555-1212, please.", "Call me on [NUMBER], please."),
        ("five five five one two one two", "[NUMBER]"),
        ("my code is double oh seven.", "my code is [NUMBER]."),
        ("room B52 at 3pm for $40.50", "room [NUMBER] at [NUMBER] for $[NUMBER]"),
        ("no one knows, wait a second", "no one knows, wait a second"),
        ("the first one was one hundred and five", "the first one was [NUMBER]"),
        ("½ of ٣٤٥ or ５５", "[NUMBER] of [NUMBER] or [NUMBER]"),
        ("我的电话是13800138000谢谢", "我的电话是[NUMBER]谢谢"),
        ("mail john.b@example.com.", "mail [EMAIL]."),
        ("jo dot b at example dot com, say", "[EMAIL], say"),
        ("see www.example.org/a?b=1 or example dot co dot uk slash about", "see [URL] or [URL]"),
        ("https://x.org/a/b?c=d.", "[URL]."),
        ("the fifth of May nineteen eighty four", "the [DATE]"),
        ("on March 5th, 2024 or 2024-03-05 or 3/5/24", "on [DATE] or [DATE] or [DATE]"),
        ("am 5. März 2024, le 3 février, el 7 de mayo de 1999", "am [DATE], le [DATE], el [DATE]"),
        ("in January I may march", "in [DATE] I may march"),
        ("Anna Smith's and ANNA  SMITH and anna-smith", "[NAME]'s and [NAME] and [NAME]"),
        ("José, jose, JOSE\u0301's; Josefa stays", "[NAME], [NAME], [NAME]'s; Josefa stays"),
        ("O’Brien, OBrien, the O'Briens", "[NAME], [NAME], the [NAME]"),
        ("anne marie de la tour, J Doe", "[NAME], [NAME]"),
        ("Anna said Smith", "Anna said Smith"),
        ("私は田中さんです", "私は[NAME]さんです"),
        ("on the fifth June Carter", "on the [NUMBER] [NAME]"),
        ("An\u200bna Sm\u00adith", "[NAME]"),
    ],
)
def test_what_is_redacted(said, shown):
    assert redacted(said) == shown


@given(SPEECH | st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_redacting_twice_changes_nothing(text):
    once = redacted(text)
    assert redacted(once) == once


@given(SPEECH | st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_no_digit_no_address_and_no_listed_name_is_left(text):
    left = redacted(text)
    assert not any(map(str.isdecimal, left))
    assert "jo@x" not in left
    assert "josé" not in left.lower()


@given(SPEECH, st.data())
@settings(max_examples=600, deadline=None)
def test_what_is_shown_of_an_open_text_stays_whatever_follows(text, data):
    words = text.split()
    first = data.draw(st.integers(0, len(words)))
    second = data.draw(st.integers(first, len(words)))
    early, later = (redacted(PRIVATE.settled(" ".join(words[:n])).rstrip()) for n in (first, second))
    assert later.startswith(early)
    assert redacted(text).startswith(early)


def words(*texts: str, seconds: float = 1.0) -> tuple[Word, ...]:
    return tuple(
        Word(
            start=samples(i * seconds),
            end=samples((i + 1) * seconds),
            text=text,
            probability=0.5 + i / 100,
            speakers=("A",),
            turns=(1,),
        )
        for i, text in enumerate(texts)
    )


def segment(text: str, words: tuple[Word, ...] | None = None, speaker: str = "A") -> Segment:
    return Segment(
        id=1, revision=0, final=True, start=0, end=samples(60), speaker=speaker, text=text, words=words
    )


def hypothesis(text: str, committed: str = "", *, final: bool = False) -> Hypothesis:
    return Hypothesis(
        id=1, revision=0, start=0, end=16, speaker="A", text=text, committed=committed, final=final
    )


def only(item: object) -> object:
    (found,) = Redaction(names=NAMES).feed(item)
    return found


def test_words_of_one_private_thing_become_one_with_their_time():
    said = ("Call", "Anna", "Smith,", "on", "five", "five", "one.", "Now")
    found = only(segment(" ".join(said), words(*said)))
    assert found.text == "Call [NAME], on [NUMBER]. Now"
    assert [word.text for word in found.words] == found.text.split()
    assert [(word.start / 16_000, word.end / 16_000) for word in found.words] == [
        (0, 1), (1, 3), (3, 4), (4, 7), (7, 8)
    ]  # fmt: skip
    assert found.words[3] == Word(
        start=samples(4), end=samples(7), text="[NUMBER].", probability=0.54, speakers=("A",), turns=(1,)
    )


def test_a_number_that_two_people_say_keeps_both():
    first, second = words("five", "six")
    second = msgspec.structs.replace(second, speakers=("B", "A"), turns=(7, 8))
    (one,) = only(segment("five six", (first, second))).words
    assert (one.speakers, one.turns) == (("A", "B"), (1, 7))


@given(SPEECH)
@settings(max_examples=200, deadline=None)
def test_words_are_those_of_the_text_and_cover_the_same_time(text):
    before = words(*text.split())
    found = only(segment(text, before))
    assert " ".join(word.text for word in found.words) == found.text == redacted(text)
    assert [w.start for w in found.words[1:]] == [w.end for w in found.words[:-1]]
    if before:
        assert (found.words[0].start, found.words[-1].end) == (before[0].start, before[-1].end)


def test_words_that_are_not_those_of_the_text_are_redacted_by_themselves():
    found = only(segment("we said nothing", words("call", "555", "1212")))
    assert [word.text for word in found.words] == ["call", "[NUMBER]"]


def test_words_without_spaces_between_them_and_empty_words():
    found = only(segment("我是田中吗", words("我是", "田", "中", "吗", "")))
    assert [word.text for word in found.words] == ["我是", "[NAME]", "吗", ""]


def test_a_number_is_not_shown_while_it_is_being_said():
    heard = "my number is five five five one two and that is all".split()
    shown = [only(hypothesis(" ".join(heard[: n + 1]))).text for n in range(len(heard))]
    assert not any("five" in text or "two" in text for text in shown)
    assert shown[-1] == "my number is [NUMBER] and that is"


def test_a_name_is_not_shown_while_it_is_being_said():
    shown = [
        only(hypothesis(text)).text
        for text in ("we saw", "we saw Anna", "we saw Anna Smith", "we saw Anna go")
    ]
    assert shown == ["we", "we saw", "we saw", "we saw Anna"]


def test_what_a_hypothesis_has_committed_begins_all_texts_that_follow():
    first = only(hypothesis("call Anna Smith at", "call Anna"))
    last = only(hypothesis("call Anna Smith at noon", "call Anna Smith at noon", final=True))
    said = only(segment("call Anna Smith at noon dot com"))
    assert (first.text, first.committed) == ("call", "call")
    assert (last.text, last.committed) == ("call [NAME] at noon", "call")
    assert said.text.startswith(first.committed)


def test_what_was_heard_and_not_believed_is_redacted_and_the_reason_stays():
    reason = "unsure (mean log probability -2.3): call 555 1212"
    item = Rejected(id=1, start=0, end=16, speaker="A", reason=reason)
    assert only(item).reason == "unsure (mean log probability -2.3): call [NUMBER]"
    assert only(msgspec.structs.replace(item, reason="no words")).reason == "no words"


def test_a_label_with_a_given_name_gets_its_place_among_the_names():
    assert only(Relabel(to="José", as_of=16, speaker="SPEAKER_01")) == Relabel(
        to="PERSON_02", as_of=16, speaker="SPEAKER_01"
    )
    assert only(Overlap(id=1, start=0, end=16, speakers=("Anna Smith", "Bo"))).speakers == ("PERSON_01", "Bo")
    event = Interruption(
        id=1, start=0, end=16, interrupter="June Carter B", interrupted="Jo", successful=True
    )
    assert (only(event).interrupter, only(event).interrupted) == ("PERSON_08 B", "Jo")
    said = only(segment("hi", words("hi"), speaker="Anna Smith"))
    assert said.speaker == "PERSON_01"


def test_everything_else_passes_as_it_is_and_in_order():
    import numpy as np

    items = [
        Chunk(start=0, samples=np.zeros(4, np.float32)),
        Watermark(source="five five", at=16),
        Turn(id=5, revision=0, final=True, start=0, end=16, speaker="SPEAKER_05"),
    ]
    found = run(Redaction(names=NAMES), items)
    assert all(one is other for one, other in zip(found, items, strict=True))


def test_it_has_no_memory():
    assert not hasattr(Redaction(), "state")
    items = [segment("call Anna"), segment("Smith on 5"), hypothesis("five and"), segment("six")]
    together = run(Redaction(names=NAMES), items)
    assert together == [only(item) for item in items]


def test_names_come_from_a_file_one_a_line():
    assert names_in("\ufeffAnna  Smith\n# people\n\n  Bo \nAnna Smith\n") == ("Anna Smith", "Bo")
    for wrong in ("!!", "42"):
        with pytest.raises(ValueError, match=f"names: '{wrong}' has no letter"):
            Redaction(names=[wrong])


@given(
    st.lists(st.text("abxyzéüßøłıñåÉαβжюяאבجد田中가", min_size=1, max_size=8), min_size=1, max_size=3),
    st.sampled_from([" ", "-", " - ", "  "]),
    st.sampled_from(["", "'s", ".", ", and"]),
)
@settings(max_examples=30, deadline=None, phases=[Phase.generate])
def test_a_name_in_any_script_is_found_in_texts_and_labels(parts, between, after):
    private = PrivateText(names=["Bo", between.join(parts)])
    for written in (between.join(parts), " ".join(parts).upper(), "-".join(parts)):
        assert private.without(f"we met {written}{after} there") == f"we met [NAME]{after} there"
        assert private.label(f"{written}{after}") == f"PERSON_02{after}"


@given(st.text(max_size=12).filter(lambda name: any(map(str.isalpha, name))), st.text(max_size=20))
@example("a\U0006a7a2@\x1e\x94SJ\U000a7446Ẋ", "a\U0006a7a2@\x1e\x94SJ\U000a7446Ẋ")
@settings(max_examples=30, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_no_name_and_no_label_is_too_odd(name, label):
    try:
        private = PrivateText(names=[name])
    except ValueError:
        return
    private.label(name + label)
    once = private.without(label + name)
    assert private.without(once) == once or "[" in name or "]" in name


@given(
    st.lists(
        st.sampled_from(
            [*"a@! .-'5:/ね五", " at ", " dot ", "x.com", "www.", "http://", "three ", "may ", "Anna ", "Bo "]
        ),
        max_size=9,
    ).map("".join)
)
@example("http://5@ slash ")  # what is redacted uncovers an address beside it
@example("五五x.com")
@settings(max_examples=300, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_redacting_twice_changes_nothing_whatever_stands_side_by_side(text):
    private = PrivateText(names=["Anna Bo"])
    once = private.without(text)
    assert private.without(once) == once


def test_a_hostile_text_is_no_work_without_end():
    parts = (
        "a",
        "a dot ",
        "5-",
        "five and ",
        "a.a",
        "@",
        "x at ",
        "'-",
        "may ",
        "a-",
        "the 5 of ",
        "x dot com slash ",
    )
    for text in [20_000 // len(part) * part for part in parts]:
        began = time.perf_counter()
        redacted(text)
        PRIVATE.settled(text)
        assert time.perf_counter() - began < 2.0


def test_a_thousand_names_cost_little():
    letters = "abcdefghij"
    private = PrivateText(names=[f"Name{a}{b} Fam{c}" for a in letters for b in letters for c in letters])
    text = "we went to the harbour and met Nameab Famb there, who told us what had happened " * 4
    began = time.perf_counter()
    for _ in range(50):
        private.spans(text)
    assert (time.perf_counter() - began) / 50 < 0.05


def test_it_says_what_it_does_not_find():
    assert "other names" in NOT_REDACTED
    assert "\n" not in NOT_REDACTED
