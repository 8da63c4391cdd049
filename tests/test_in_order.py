"""The merge of sources into order of time."""

from __future__ import annotations

import random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.timeline.in_order import InOrder, InOrderState
from stream_engine.events import (
    Affect,
    Gap,
    Hypothesis,
    Interruption,
    Overlap,
    Prosody,
    Relabel,
    Segment,
    Turn,
    Watermark,
)
from stream_engine.testing import check_restart, run

MS = 16


def turn(id: int, start: int, speaker: str = "A", *, final: bool = True) -> Turn:
    return Turn(id=id, revision=0, final=final, start=start * MS, end=(start + 50) * MS, speaker=speaker)


def segment(id: int, start: int) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=start * MS,
        end=(start + 50) * MS,
        speaker="A",
        text="x",
        words=None,
    )


def prosody(id: int, start: int) -> Prosody:
    return Prosody(segment=id, start=start * MS, end=(start + 50) * MS, speaker="A", words=1)


def affect(id: int, start: int) -> Affect:
    return Affect(segment=id, start=start * MS, end=(start + 50) * MS, speaker="A")


def overlap(id: int, start: int) -> Overlap:
    return Overlap(id=id, start=start * MS, end=(start + 5) * MS, speakers=("A", "B"))


def passed(source: str, at: int) -> Watermark:
    return Watermark(source=source, at=at * MS)


def fed(operator: InOrder, *items: Any) -> list[Any]:
    return [out for item in items for out in operator.feed(item)]


def test_nothing_comes_out_before_the_slowest_source_is_past_it():
    operator = InOrder()
    assert fed(operator, turn(1, 0), segment(1, 0), passed("diarizer", 90), passed("text", 80)) == []
    out = fed(operator, passed("overlap", 60))
    assert out == [turn(1, 0), segment(1, 0), passed("in order", 60)]


def test_things_that_begin_together_have_a_fixed_order():
    operator = InOrder(sources=("diarizer",), name="all")
    mixed = [
        affect(2, 5),
        prosody(1, 5),
        segment(2, 5),
        overlap(1, 5),
        segment(1, 5),
        affect(1, 5),
        turn(9, 5),
    ]
    expected = [turn(9, 5), overlap(1, 5), segment(1, 5), prosody(1, 5), affect(1, 5), segment(2, 5)]
    assert fed(operator, *mixed, passed("diarizer", 6)) == [*expected, affect(2, 5), passed("all", 6)]


def test_what_is_not_final_is_left_out():
    draft = Hypothesis(id=1, revision=0, start=0, end=16, speaker="A", text="x")
    assert run(InOrder(), [turn(1, 0, final=False), draft, turn(1, 0)]) == [turn(1, 0)]


def test_gaps_and_watermarks_of_other_sources_are_put_in_their_place():
    gap = Gap(start=5 * MS, end=9 * MS, reason="lost")
    items = [passed("audio", 20), turn(2, 10), gap, turn(1, 0), turn(3, 30)]
    assert run(InOrder(), items) == [turn(1, 0), gap, turn(2, 10), passed("audio", 20), turn(3, 30)]


def test_what_comes_late_is_passed_on_at_once_and_counted():
    operator = InOrder(sources=("diarizer",))
    assert fed(operator, passed("diarizer", 50), turn(1, 10)) == [passed("in order", 50), turn(1, 10)]
    assert operator.state.late == 1


def test_a_relabel_stands_where_the_diarizer_was_when_it_changed_its_mind():
    relabel = Relabel(to="B", as_of=20 * MS, speaker="A")
    items = [turn(1, 0), turn(2, 10), relabel, segment(1, 0), turn(3, 30, "C")]
    assert run(InOrder(), items) == [turn(1, 0), segment(1, 0), turn(2, 10), relabel, turn(3, 30, "C")]


def test_a_relabel_is_behind_all_turns_that_it_may_mean():
    relabel = Relabel(to="B", as_of=0, turns=(1,))
    assert run(InOrder(), [turn(1, 10), relabel]) == [
        turn(1, 10),
        Relabel(to="B", as_of=10 * MS, turns=(1,)),
    ]


def test_a_name_that_is_given_to_another_reaches_only_the_turns_after_it():
    """Anna's name is taken back, and given to the speaker of a turn that began before."""
    back = Relabel(to="S1", as_of=40 * MS, speaker="Anna")
    out = run(InOrder(), [turn(1, 0, "Anna"), back, turn(2, 20, "Anna"), turn(3, 60, "Anna")])
    again = Relabel(to="Anna", as_of=40 * MS, turns=(2,))
    assert out == [turn(1, 0, "Anna"), turn(2, 20, "Anna"), back, again, turn(3, 60, "Anna")]


def sources(seed: int) -> dict[str, list[Any]]:
    """What three sources say, each with watermarks that hold."""
    chance = random.Random(seed)
    said: dict[str, list[Any]] = {"diarizer": [], "overlap": [], "text": []}
    at = 0
    for id in range(chance.randint(0, 12)):
        at += chance.randint(0, 30)
        said["diarizer"].append(turn(id, at, chance.choice("AB")))
        if chance.random() < 0.3:
            heard = (at + chance.randint(0, 40)) * MS
            said["diarizer"].append(
                Relabel(to=chance.choice("ABC"), as_of=heard, speaker=chance.choice("AB"))
            )
        if chance.random() < 0.7:
            said["text"] += [segment(id, at), prosody(id, at), affect(id, at)]
        if chance.random() < 0.5:
            said["overlap"].append(overlap(id, at))
        if chance.random() < 0.5:
            about = {"id": id, "start": at * MS, "end": (at + 9) * MS, "successful": True}
            said["overlap"].append(Interruption(interrupter="A", interrupted="B", **about))
        for name, events in said.items():
            if chance.random() < 0.5:
                events.append(passed(name, max(0, at - (name == "text") * chance.randint(0, 20))))
    return said


def merged(said: dict[str, list[Any]], chance: random.Random) -> list[Any]:
    rest = [list(events) for events in said.values()]
    items: list[Any] = []
    while any(rest):
        items.append(chance.choice([events for events in rest if events]).pop(0))
    return items


@given(st.integers(0, 1 << 30))
def test_the_order_does_not_depend_on_the_interleaving(seed):
    said = sources(seed)
    one, other = (run(InOrder(), merged(said, random.Random(seed + k))) for k in (1, 2))
    without = [[e for e in out if not isinstance(e, Watermark)] for out in (one, other)]
    assert without[0] == without[1]
    assert all(e.source == "in order" for e in one if isinstance(e, Watermark))


@given(st.integers(0, 1 << 30))
def test_what_comes_out_rises_and_keeps_the_promise_of_the_watermark(seed):
    promised = place = 0
    out = run(InOrder(), merged(sources(seed), random.Random(seed)))
    for event in out:
        if isinstance(event, Watermark):
            assert event.at > promised
            promised = event.at
        else:
            at = event.as_of if isinstance(event, Relabel) else event.start
            assert at >= max(place, promised)
            place = at


def followed(events: list[Any]) -> dict[int, str]:
    """The labels of turns at the end of a stream."""
    labels: dict[int, str] = {}
    for event in events:
        if isinstance(event, Turn):
            labels[event.id] = event.speaker or ""
        elif isinstance(event, Relabel):
            for id, name in labels.items():
                if id in event.turns or name == event.speaker:
                    labels[id] = event.to
    return labels


@settings(max_examples=200)
@given(st.integers(0, 1 << 30))
def test_labels_in_order_end_as_the_diarizer_told_them(seed):
    said = sources(seed)
    out = run(InOrder(), merged(said, random.Random(seed)))
    assert followed(out) == followed(said["diarizer"])


def test_a_restart_anywhere_changes_nothing():
    items = merged(sources(11), random.Random(11))
    assert len(items) > 20
    check_restart(lambda state: InOrder(state=state), items)


def test_a_state_is_a_snapshot():
    operator = InOrder(sources=("diarizer",))
    before = operator.state
    fed(operator, turn(1, 10), Relabel(to="B", as_of=20 * MS, speaker="A"), passed("diarizer", 5))
    assert before == InOrderState(passed={"diarizer": 0})
    assert operator.state != before


def test_memory_is_what_lies_between_the_fastest_source_and_the_slowest():
    operator = InOrder()
    sizes: list[int] = []
    for id in range(2000):
        fed(operator, turn(id, 20 * id), segment(id, 20 * id), passed("diarizer", 20 * id))
        fed(operator, passed("overlap", 20 * id), passed("text", max(0, 20 * (id - 30))))
        if id % 500 == 499:
            sizes.append(len(msgspec.msgpack.encode(operator.state)))
    assert max(sizes) < 1.1 * sizes[0]
