"""The sweep against brute force on milliseconds, on made-up turns and on real ones."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.timeline.legacy_overlap import LegacyInterruption, legacy_overlaps
from operators.timeline.overlap import OverlapState, OverlapSweep
from operators.timeline.overlap_intervals import overlap_intervals
from stream_engine.clock import samples
from stream_engine.events import Backchannel, Interruption, Overlap, Relabel, Turn, Watermark
from stream_engine.testing import check_restart, restarted, run

S = samples(1)
MIN, GAP, SHORT = samples(0.05), samples(0.15), samples(1)


def turn(id: int, speaker: str | None, start_s: float, end_s: float, *, final: bool = True) -> Turn:
    return Turn(id=id, revision=0, final=final, start=samples(start_s), end=samples(end_s), speaker=speaker)


def turns_of(*rows: tuple[str, float, float]) -> list[Turn]:
    return [turn(id, *row) for id, row in enumerate(rows)]


def watermark(at_s: float) -> Watermark:
    return Watermark(source="diarizer", at=samples(at_s))


def overlaps(items: list) -> list[tuple[float, float, str]]:
    return [(e.start / S, e.end / S, "".join(e.speakers)) for e in items if isinstance(e, Overlap)]


def interruptions(items: list) -> list[tuple[str, str, float, float, bool]]:
    return [
        (e.interrupter, e.interrupted, e.start / S, e.end / S, e.successful)
        for e in items
        if isinstance(e, Interruption)
    ]


def backchannels(items: list) -> list[tuple[str, str, float, float]]:
    return [(e.speaker, e.to, e.start / S, e.end / S) for e in items if isinstance(e, Backchannel)]


# --- the cases of the docstring ------------------------------------------------------------------


def test_a_barge_in_that_takes_the_floor_is_a_successful_interruption():
    out = run(OverlapSweep(), turns_of(("A", 0, 6), ("B", 5, 8)))
    assert overlaps(out) == [(5, 6, "AB")]
    assert interruptions(out) == [("B", "A", 5, 6, True)]


def test_a_barge_in_that_gives_up_is_an_unsuccessful_interruption():
    out = run(OverlapSweep(), turns_of(("A", 0, 10), ("B", 5, 8)))
    assert overlaps(out) == [(5, 8, "AB")]
    assert interruptions(out) == [("B", "A", 5, 8, False)]


def test_a_short_word_while_another_goes_on_is_a_back_channel():
    out = run(OverlapSweep(), turns_of(("A", 0, 10), ("B", 5, 6)))
    assert backchannels(out) == [("B", "A", 5, 6)]
    assert interruptions(out) == []


def test_a_back_channel_is_to_the_one_who_has_spoken_longest():
    out = run(OverlapSweep(), turns_of(("C", 1, 10), ("A", 2, 10), ("B", 5, 5.5)))
    assert backchannels(out) == [("B", "C", 5, 5.5)]


@pytest.mark.parametrize(
    ("case", "second"),
    [
        ("longer than a back-channel", ("B", 5, 6.001)),
        ("a quick answer that outlasts the turn", ("B", 9.5, 10.2)),
        ("a start within the gap", ("B", 0.15, 1)),
        ("a click, shorter than the least overlap", ("B", 5, 5.049)),
        ("after the turn", ("B", 10, 10.5)),
        ("the same speaker", ("A", 5, 6)),
    ],
)
def test_no_back_channel(case, second):
    assert backchannels(run(OverlapSweep(), turns_of(("A", 0, 10), second))) == [], case


def test_a_back_channel_waits_for_the_watermark_and_holds_it_back():
    operator = OverlapSweep()
    for item in turns_of(("A", 0, 10), ("B", 5, 6)):
        assert list(operator.feed(item)) == []
    assert list(operator.feed(watermark(5.5))) == [Watermark(source="overlap", at=5 * S)]
    assert backchannels(list(operator.feed(watermark(6.5)))) == [("B", "A", 5, 6)]


@pytest.mark.parametrize(
    ("case", "second"),
    [
        ("a back-channel", ("B", 5, 6)),
        ("a start within the gap", ("B", 0.15, 4)),
        ("an equal start", ("B", 0, 4)),
        ("a shared stretch below the minimum", ("B", 9.951, 14)),
        ("a start at the very end", ("B", 10, 14)),
        ("the same speaker", ("A", 5, 14)),
    ],
)
def test_no_interruption(case, second):
    assert interruptions(run(OverlapSweep(), turns_of(("A", 0, 10), second))) == [], case


def test_three_speakers_over_the_same_time_are_counted_once():
    out = run(OverlapSweep(), turns_of(("A", 0, 3), ("B", 0, 3), ("C", 0, 3)))
    assert overlaps(out) == [(0, 3, "ABC")]


def test_each_unchanging_set_is_an_overlap_of_its_own():
    out = run(OverlapSweep(), turns_of(("A", 0, 9), ("B", 1, 4), ("C", 3, 6)))
    assert overlaps(out) == [(1, 3, "AB"), (3, 4, "ABC"), (4, 6, "AC")]


def test_turns_of_one_speaker_that_touch_are_one_stretch():
    out = run(OverlapSweep(), turns_of(("A", 0, 5), ("A", 5, 9), ("B", 5.05, 8), ("B", 8, 10)))
    assert overlaps(out) == [(5.05, 9, "AB")]
    assert interruptions(out) == [("B", "A", 5.05, 9, True)]


def test_provisional_withdrawn_and_unattributed_turns_are_ignored():
    ignored = [
        turn(1, "B", 1, 3, final=False),
        turn(2, "B", 2, 2),
        turn(3, None, 1, 4),
    ]
    operator = OverlapSweep()
    assert run(operator, [*turns_of(("A", 0, 9)), *ignored]) == []
    assert operator.state.late == 0


def test_a_late_turn_is_left_out_and_counted():
    operator = OverlapSweep()
    out = run(operator, [*turns_of(("A", 0, 9)), watermark(5), turn(7, "B", 3, 8)])
    assert (overlaps(out), operator.state.late) == ([], 1)


def test_only_what_the_watermark_has_passed_comes_out():
    operator = OverlapSweep()
    for item in turns_of(("A", 0, 6), ("B", 5, 8)):
        assert list(operator.feed(item)) == []
    assert list(operator.feed(watermark(5.5))) == [Watermark(source="overlap", at=5 * S)]
    assert overlaps(list(operator.feed(watermark(6.5)))) == [(5, 6, "AB")]
    out = list(operator.feed(watermark(8.5)))
    assert interruptions(out) == [("B", "A", 5, 6, True)]
    assert out[-1] == Watermark(source="overlap", at=samples(8.5))


def test_watermarks_of_other_sources_move_nothing():
    operator = OverlapSweep()
    for item in [*turns_of(("A", 0, 6), ("B", 5, 8)), Watermark(source="overlap", at=20 * S)]:
        assert list(operator.feed(item)) == []


# --- relabels ------------------------------------------------------------------------------------


@pytest.mark.parametrize("relabel", [{"turns": (1,)}, {"speaker": "B"}])
@pytest.mark.parametrize("heard_s", [0, 4, 5.5])
def test_turns_that_become_one_speaker_overlap_no_longer(relabel, heard_s):
    items = [
        *turns_of(("A", 0, 6), ("B", 5, 8)),
        watermark(heard_s),
        Relabel(to="A", as_of=8 * S, **relabel),
    ]
    assert run(OverlapSweep(), items)[1:] == []


def test_an_overlap_in_progress_is_given_out_under_the_new_label():
    items = [*turns_of(("A", 0, 6), ("B", 5, 8)), watermark(5.5), Relabel(to="C", as_of=0, speaker="B")]
    out = run(OverlapSweep(), items)
    assert overlaps(out) == [(5, 6, "AC")]
    assert interruptions(out) == [("C", "A", 5, 6, True)]


def test_one_who_yielded_is_named_by_the_new_label():
    items = [*turns_of(("A", 0, 6), ("B", 5, 8)), watermark(7), Relabel(to="C", as_of=0, turns=(0,))]
    assert interruptions(run(OverlapSweep(), items)) == [("B", "C", 5, 6, True)]


def test_two_turns_of_one_speaker_that_come_apart_overlap_from_there_on():
    items = [*turns_of(("A", 0, 6), ("A", 3, 8)), watermark(5), Relabel(to="B", as_of=0, turns=(1,))]
    assert overlaps(run(OverlapSweep(), items)) == [(5, 6, "AB")]


# --- brute force ---------------------------------------------------------------------------------

rows = st.lists(st.tuples(st.sampled_from("ABCD"), st.integers(0, 400), st.integers(1, 300)), max_size=24)


def from_rows(rows: list[tuple[str, int, int]]) -> list[Turn]:
    """Starts and lengths in units of 10 ms."""
    return [turn(i, who, start / 100, (start + length) / 100) for i, (who, start, length) in enumerate(rows)]


def stretches(turns: list[Turn]) -> list[tuple[int, int, str]]:
    """Turns of one speaker that touch or overlap, joined, by trying every pair until nothing changes."""
    found = [(t.start, t.end, t.speaker) for t in turns]
    while True:
        for a, b in ((a, b) for a in found for b in found if a is not b):
            if a[2] == b[2] and a[0] <= b[1] and b[0] <= a[1]:
                found = [x for x in found if x is not a and x is not b]
                found.append((min(a[0], b[0]), max(a[1], b[1]), a[2]))
                break
        else:
            return found


def brute_overlaps(turns: list[Turn], min_overlap: int = 0) -> list[tuple[int, int, tuple[str, ...]]]:
    cuts = sorted({t.start for t in turns} | {t.end for t in turns})
    pieces: list[tuple[int, int, tuple[str, ...]]] = []
    for start, end in pairwise(cuts):
        who = tuple(sorted({t.speaker for t in turns if t.start <= start and end <= t.end}))
        if pieces and pieces[-1][1:] == (start, who):
            start = pieces.pop()[0]
        pieces.append((start, end, who))
    several = [piece for piece in pieces if len(piece[2]) > 1]
    unions: list[list[tuple[int, int, tuple[str, ...]]]] = []
    for piece in several:
        if unions and unions[-1][-1][1] == piece[0]:
            unions[-1].append(piece)
        else:
            unions.append([piece])
    return [piece for union in unions if union[-1][1] - union[0][0] >= min_overlap for piece in union]


def brute_interruptions(turns: list[Turn]) -> set[tuple[int, int, str, str, bool]]:
    speech = stretches(turns)
    return {
        (b[0], min(a[1], b[1]), b[2], a[2], a[1] < b[1])
        for a in speech
        for b in speech
        if a[2] != b[2] and a[0] + GAP < b[0] < a[1] and min(a[1], b[1]) - b[0] >= MIN and b[1] - b[0] > SHORT
    }


def brute_backchannels(turns: list[Turn]) -> list[tuple[int, int, str, str]]:
    speech = stretches(turns)
    found: list[tuple[int, int, str, str]] = []
    for start, end, who in speech:
        keep = [a for a in speech if a[2] != who and a[0] + GAP < start and end <= a[1]]
        if keep and MIN <= end - start <= SHORT:
            found.append((start, end, who, min(keep, key=lambda a: (a[0], a[2]))[2]))
    return sorted(found, key=lambda b: (b[1], b[2]))


def check_against_brute_force(turns: list[Turn]) -> None:
    out = run(OverlapSweep(), turns)
    found = [e for e in out if isinstance(e, Overlap)]
    assert [(e.start, e.end, e.speakers) for e in found] == brute_overlaps(turns, MIN)
    assert [e.id for e in found] == list(range(1, len(found) + 1))
    assert {
        (e.start, e.end, e.interrupter, e.interrupted, e.successful)
        for e in out
        if isinstance(e, Interruption)
    } == brute_interruptions(turns)
    short = [e for e in out if isinstance(e, Backchannel)]
    assert [(e.start, e.end, e.speaker, e.to) for e in short] == brute_backchannels(turns)
    assert [e.id for e in short] == list(range(1, len(short) + 1))


@given(rows)
def test_the_sweep_agrees_with_brute_force(rows):
    check_against_brute_force(from_rows(rows))


@given(rows)
def test_the_array_function_agrees_with_brute_force(rows):
    turns = from_rows(rows)
    columns = [(t.start, t.end, ord(t.speaker)) for t in turns]
    found = overlap_intervals(*np.array(columns, np.int64).reshape(-1, 3).T)
    expected = [(start, end, len(who)) for start, end, who in brute_overlaps(turns)]
    assert list(zip(*map(np.ndarray.tolist, found), strict=True)) == expected


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length, got 1, 2, 1"):
        overlap_intervals(np.zeros(1, np.int64), np.zeros(2, np.int64), np.zeros(1, np.int64))


RTTM = sorted(Path("/work/shared/data").glob("**/*.rttm")) or [None]


@pytest.mark.parametrize("path", RTTM, ids=lambda path: path.stem if path else "absent")
def test_real_turns_agree_with_brute_force(path):
    if path is None:
        pytest.skip("no reference turns in /work/shared/data")
    lines = [line.split() for line in path.read_text().splitlines() if line.startswith("SPEAKER")]
    turns = [turn(i, f[7], float(f[3]), float(f[3]) + float(f[4])) for i, f in enumerate(lines[:250])]
    check_against_brute_force([t for t in turns if t.end > t.start])


# --- order, restart ------------------------------------------------------------------------------


def with_watermarks(turns: list[Turn], shuffle: random.Random, steps: int) -> list[Turn | Watermark]:
    """The turns in an order that rising watermarks allow: each before its start is passed."""
    marks = sorted(shuffle.randrange(0, 8 * S, 16) for _ in range(steps))
    items: list[tuple[int, float, Turn | Watermark]] = [
        (mark, 2, Watermark(source="diarizer", at=mark)) for mark in marks
    ]
    for t in turns:
        passed = next((mark for mark in marks if mark > t.start), 8 * S)
        items.append((shuffle.choice([mark for mark in [0, *marks] if mark <= passed]), shuffle.random(), t))
    return [item for _, _, item in sorted(items, key=lambda item: item[:2])]


@given(rows, st.randoms(use_true_random=False), st.integers(0, 12))
def test_neither_order_nor_watermarks_change_the_output(rows, shuffle, steps):
    turns = from_rows(rows)
    operator = OverlapSweep()
    out = run(operator, with_watermarks(turns, shuffle, steps))
    assert operator.state.late == 0
    assert [e for e in out if not isinstance(e, Watermark)] == run(OverlapSweep(), turns)


relabels = st.builds(
    Relabel,
    to=st.sampled_from("ABCDE"),
    as_of=st.just(0),
    turns=st.lists(st.integers(0, 23), max_size=3).map(tuple),
    speaker=st.none() | st.sampled_from("ABCDE"),
)


@given(rows, st.randoms(use_true_random=False), st.lists(relabels, max_size=4))
def test_nothing_starts_before_the_watermark_given_out(rows, shuffle, relabels):
    items: list = with_watermarks(from_rows(rows), shuffle, 8)
    for relabel in relabels:
        items.insert(shuffle.randint(0, len(items)), relabel)
    passed = -1
    for event in run(OverlapSweep(), items):
        if isinstance(event, Watermark):
            assert event.source == "overlap"
            assert event.at > passed
            passed = event.at
        else:
            assert event.start >= passed
            assert event.end > event.start
            assert isinstance(event, Interruption | Backchannel | Overlap)
            if isinstance(event, Interruption):
                assert event.interrupter != event.interrupted
            if isinstance(event, Backchannel):
                assert event.speaker != event.to


def test_a_restart_anywhere_changes_nothing():
    shuffle = random.Random(7)
    turns = from_rows(
        [(shuffle.choice("ABCD"), shuffle.randrange(400), shuffle.randint(1, 300)) for _ in range(20)]
    )
    items: list = with_watermarks(turns, shuffle, 12)
    items.insert(15, Relabel(to="A", as_of=0, speaker="C"))
    check_restart(lambda state: OverlapSweep(state=state), items)


@given(rows, st.randoms(use_true_random=False), st.lists(relabels, max_size=3), st.integers(0, 30))
def test_a_restart_among_relabels_changes_nothing(rows, shuffle, relabels, at):
    items: list = with_watermarks(from_rows(rows), shuffle, 6)
    for relabel in relabels:
        items.insert(shuffle.randint(0, len(items)), relabel)
    make = lambda state: OverlapSweep(state=state)  # noqa: E731
    assert restarted(make, items, min(at, len(items))) == run(OverlapSweep(), items)


def test_memory_is_that_of_the_turns_in_view():
    operator = OverlapSweep()
    largest = 0
    list(operator.feed(turn(0, "Z", 0, 100_000)))
    for i in range(1, 3000):
        list(operator.feed(turn(i, "AB"[i % 2], i, i + 1.5)))
        list(operator.feed(watermark(i)))
        if i % 100 == 0:
            largest = max(largest, len(msgspec.msgpack.encode(operator.state)))
    assert largest < 600
    assert operator.state.overlaps > 2900


def test_a_state_is_a_snapshot():
    operator = OverlapSweep()
    before = operator.state
    list(operator.feed(turn(0, "A", 0, 1)))
    assert before == OverlapState()
    assert operator.state != before


# --- legacy --------------------------------------------------------------------------------------


def test_legacy_finds_a_barge_in_to_be_no_interruption():
    found = legacy_overlaps(turns_of(("A", 0, 10), ("B", 5, 8)))
    assert (found.overlap_total_sec, found.interruptions) == (3.0, [])
    assert found.overlap_ratio == pytest.approx(0.3)


def test_legacy_counts_pairs_and_same_speaker_twice():
    assert legacy_overlaps(turns_of(("A", 0, 3), ("B", 0, 3), ("C", 0, 3))).overlap_total_sec == 9.0
    assert legacy_overlaps(turns_of(("A", 0, 3), ("A", 0, 3))).speakers["A"]["overlap_sec"] == 6.0


def test_legacy_blames_the_later_start_and_of_equal_starts_the_first():
    found = legacy_overlaps(turns_of(("A", 0, 5), ("B", 0.1, 4)))
    assert found.interruptions == [LegacyInterruption(0.1, "B", "A", pytest.approx(3.9))]
    equal = legacy_overlaps(turns_of(("A", 0, 5), ("B", 0, 4))).interruptions
    assert equal == [LegacyInterruption(0.0, "A", "B", 4.0)]
