"""What the text alone says of the way in which it was said, and the old defects that must not return."""

from __future__ import annotations

import re
import zlib
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.prosody.disfluency import Disfluencies, disfluencies
from operators.prosody.filler_list import Fillers, packaged_fillers, read_fillers
from operators.prosody.spoken_words import has_words, spoken_words
from operators.prosody.syllables import syllables
from operators.prosody.text_figures import text_figures

ENGLISH = packaged_fillers()["en"]
DICTIONARY = Path("/usr/share/pocketsphinx/model/en-us/cmudict-en-us.dict")
DATA = Path("/work/shared/data")


def counted(text: str) -> tuple[int, int, int]:
    """Fillers, repetitions, false starts."""
    return tuple(disfluencies(text, ENGLISH))


# --- words ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello, world!", ["hello", "world"]),
        ("I don't – can't – well-known o’clock", ["i", "don't", "can't", "well-known", "o'clock"]),
        ("at 10:30, 3.5 of 1,000.", ["at", "10:30", "3.5", "of", "1,000"]),
        ("I w- wanted a 5 s", ["i", "wanted", "a", "5"]),  # a part of a word is none
        ("... -- !?", []),
        ("it's 'quoted' and_joined", ["it's", "quoted", "and", "joined"]),
    ],
)
def test_english_words(text, words):
    assert spoken_words(text, language="en") == words


def test_short_words_of_other_languages_count_and_vowel_signs_do_not_split_words():
    assert spoken_words("Ana y Luis o él", language="es") == ["ana", "y", "luis", "o", "él"]
    assert len(spoken_words("मैं हिन्दी बोलता हूँ", language="hi")) == 4
    assert len(spoken_words("cafe\u0301 noir", language="fr")) == 2


# --- syllables -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "count"),
    [
        *[("people", 2), ("nation", 2)],  # were 1 and 3
        *[
            ("added", 2),
            ("bigger", 2),
            ("known", 1),
            ("didn't", 2),
            ("don't", 1),
            ("created", 3),
            ("idea", 3),
        ],
        *[("rhythm", 2), ("business", 2), ("every", 2), ("people's", 2), ("well-known", 2), ("o'clock", 2)],
        *[("café", 2), ("hmm", 1), ("tv", 2), ("www", 9), ("they're", 1), ("boxes", 2), ("something", 2)],
        *[
            ("7", 2),
            ("25", 3),
            ("100", 3),
            ("1998", 9),
            ("1,000", 3),
            ("3.5", 3),
            ("007", 6),
            ("1000000", 3),
        ],
    ],
)
def test_syllables(word, count):
    assert syllables(word) == count


@cache
def pronounced() -> dict[str, set[int]]:
    """Syllables of each way to say a word: the vowels among its phones."""
    found: dict[str, set[int]] = {}
    for line in DICTIONARY.read_text("utf-8").splitlines():
        word, *phones = line.split()
        word = re.sub(r"\(\d+\)$", "", word)
        if re.fullmatch(r"[a-z]+('[a-z]+)?", word):
            found.setdefault(word, set()).add(sum(phone[0] in "AEIOU" for phone in phones))
    return found


def test_syllables_agree_with_a_pronouncing_dictionary():
    """On the half that the rules were not made with; measured: 93.9 % right, sum off by less than 2 %."""
    if not DICTIONARY.exists():
        pytest.skip(f"no CMU pronouncing dictionary at {DICTIONARY}")
    unseen = {word: counts for word, counts in pronounced().items() if zlib.crc32(word.encode()) % 2 == 0}
    assert len(unseen) > 50_000
    right = sum(syllables(word) in counts for word, counts in unseen.items())
    assert right / len(unseen) > 0.935
    off = sum(syllables(w) - min(c, key=lambda n: abs(n - syllables(w))) for w, c in unseen.items())
    assert abs(off) / sum(map(min, unseen.values())) < 0.02


def test_syllables_agree_with_vowels_that_a_person_marked_in_speech():
    path = DATA / "asr" / "mfa_acoustic_corpus.TextGrid"
    if not path.exists():
        pytest.skip("no speech with marked phones in /work/shared/data")
    phones = re.findall(r'"(\w+)"', path.read_text("utf-8").partition('"phones"')[2])
    vowels = sum(bool(re.fullmatch(r"[AEIOU]\w*\d?", phone.upper())) for phone in phones)
    text = path.with_suffix(".txt").read_text("utf-8")
    said = sum(map(syllables, spoken_words(text, language="en")))
    assert vowels > 50
    assert said == pytest.approx(vowels, rel=0.05)


@given(st.text())
def test_any_text_has_countable_words(text):
    words = spoken_words(text, language="en")
    assert all(syllables(word) >= 1 for word in words)
    assert not words or has_words(text)
    disfluencies(text, ENGLISH)


# --- disfluencies --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "So we should go well.",  # was 2
        "Well, I think so. Right, okay.",
        "I like the right one, and you know him.",
        "Okay so that is what he said.",
        "Mm-hmm. Hmm.",
    ],
)
def test_words_that_mean_something_are_no_fillers(text):
    assert counted(text) == (0, 0, 0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I um think uh so", 2),  # and no false start beside it
        ("It was, like, huge, you know, and, I mean, loud.", 3),
        ("It was – like – huge", 1),
        ("You know, it was huge, you know.", 0),  # not in the middle
    ],
)
def test_fillers(text, count):
    assert counted(text) == (count, 0, 0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I I think", 1),
        ("the, um, the harbour", 1),
        ("so we we had a we had a problem", 2),
        ("if you um if you go", 1),
        ("he went. Went he?", 0),
        ("very very good, no, no, yes", 0),
        ("more and more and more, over and over and over again", 0),
        ("side by side, step by step, time after time", 0),  # some of these were 1
        ("five five 5 5", 1),  # a number in digits may be read out
    ],
)
def test_repetitions(text, count):
    assert counted(text)[1:] == (count, 0)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("I - I think", 1),
        ("i was... i was there", 1),
        ("I wan- we wanted to -- they should go", 2),
        ("it is... wonderful", 0),  # was 1: a pause
        ("the man - my brother - came", 0),  # was 2: set apart
        ("pre- and post-war", 0),
        ("he stopped to --", 0),  # nothing is begun anew
        ("we -- . We", 0),
    ],
)
def test_false_starts(text, count):
    assert counted(text)[1:] == (0, count)


def test_the_example_of_the_docstring():
    text = "We, um, wan- we wanted to -- they should go to the the harbour."
    assert disfluencies(text, ENGLISH) == Disfluencies(fillers=1, repetitions=1, false_starts=2)


@pytest.mark.parametrize(
    ("file", "speaker", "found"),
    [
        ("ami_EN2001a_0-30s", "MEE068", (2, 0, 0)),
        ("ami_EN2001a_0-30s", "MEE067", (0, 1, 0)),
        ("ami_EN2004a_0-30s", "FEE078", (1, 1, 2)),
        ("ami_ES2003b_0-30s", "MEE009", (0, 0, 1)),
    ],
)
def test_disfluencies_that_people_wrote_down(file, speaker, found):
    path = DATA / "diar" / f"{file}.stm"
    if not path.exists():
        pytest.skip("no meetings in /work/shared/data")
    lines = [line.split(maxsplit=5) for line in path.read_text("utf-8").splitlines()]
    each = [
        counted(text)
        for _, _, who, _, _, text in (line for line in lines if len(line) == 6)
        if who == speaker
    ]
    assert tuple(map(sum, zip(*each, strict=True))) == found


# --- lists of fillers ----------------------------------------------------------------------------


def test_a_list_of_the_users(tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("# ours\näh  # often\n\n, sag mal,\n", "utf-8")
    own = read_fillers(path)
    assert own == Fillers(frozenset({("äh",)}), frozenset({("sag", "mal")}))
    assert disfluencies("Das ist, sag mal, äh, schön.", own).fillers == 2
    assert disfluencies("Sag mal was, um", own | ENGLISH).fillers == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [("um\n...\n", "line 2"), ("um, uh\n", "line 1"), ("# none\n", "no filler"), (b"\xff\xfe\xff", "UTF-8")],
)
def test_a_list_that_is_none_is_refused(tmp_path, text, why):
    path = tmp_path / "own.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=why):
        read_fillers(path)


# --- figures -------------------------------------------------------------------------------------

LISTS = {"en": ENGLISH}


def test_rates_are_of_their_unit():
    found = text_figures("Um, nation of people.", 2.0, language="en", fillers=LISTS)
    assert (found.words, found.wpm, found.syllables, found.syllables_per_s) == (4, 120.0, 6, 3.0)
    assert (found.fillers, found.repetitions, found.false_starts, found.notes) == (1, 0, 0, ())


def test_below_half_a_second_there_is_no_rate():
    found = text_figures("Yes.", 0.499, language="en", fillers=LISTS)
    assert (found.words, found.syllables, found.wpm, found.syllables_per_s) == (1, 1, None, None)
    assert found.notes == ("rates: shorter than 0.5 s",)


def test_what_is_not_known_of_a_language_is_none_and_said():
    found = text_figures("Guten Morgen, äh", 1.0, language="de", fillers=LISTS)
    assert (found.words, found.wpm) == (3, 180.0)
    assert (found.syllables, found.fillers, found.repetitions, found.false_starts) == (None,) * 4
    assert "fillers: not known of language de" in found.notes[0]
    listed = text_figures(
        "Guten Morgen, äh", 1.0, language="de", fillers={"de": Fillers(frozenset({("äh",)}), frozenset())}
    )
    assert (listed.fillers, listed.repetitions) == (1, None)


def test_words_of_a_script_without_spaces_have_no_rate():
    found = text_figures("你好世界", 1.0, language="zh", fillers=LISTS)
    assert found.wpm is None
    assert any("zh has no spaces" in note for note in found.notes)
