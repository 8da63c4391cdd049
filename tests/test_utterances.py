"""Cutting utterances: what is joined, cut and left out; never a matter of how two sources were merged."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.speech.utterances import UtteranceCutter
from stream_engine import testing
from stream_engine.clock import RATE, samples, seconds
from stream_engine.events import Relabel, Turn, Utterance, VoiceActivity, Watermark
from stream_engine.testing import check_restart

Item = Turn | Relabel | VoiceActivity | Watermark
HOP = 512

PATIENT = {"join_s": 0.5, "enough_s": 3.0, "joined_s": 8.0}


def uttered(out: Iterable[Utterance | Watermark]) -> list[Utterance]:
    return [one for one in out if isinstance(one, Utterance)]


def run(operator: UtteranceCutter, items: Iterable[Item]) -> list[Utterance]:
    return uttered(testing.run(operator, items))


def fed(operator: UtteranceCutter, *items: Item) -> list[Utterance]:
    return uttered(out for item in items for out in operator.feed(item))


def turn(start: float, end: float, speaker: str | None = "A", *, id: int = 0, final: bool = True) -> Turn:
    return Turn(id=id, revision=0, final=final, start=samples(start), end=samples(end), speaker=speaker)


def heard(until: float, level: float = 0.9) -> list[Item]:
    frames = round(until * RATE) // HOP + 1
    activity = VoiceActivity(start=0, hop=HOP, probabilities=(level,) * frames)
    return [activity, Watermark(source="voice_activity", at=activity.end)]


def mark(at: float) -> Watermark:
    return Watermark(source="diarizer", at=samples(at))


def spans(out: Sequence[Utterance]) -> list[tuple[float, float, str | None, tuple[int, ...]]]:
    return [(seconds(u.start), seconds(u.end), u.speaker, u.turns) for u in out]


def test_turns_of_one_speaker_are_joined_over_a_short_gap_and_not_over_a_long_one() -> None:
    turns = [turn(1, 2, id=0), turn(2.3, 3, id=1), turn(4, 5, id=2)]
    out = run(UtteranceCutter(join_s=0.5), [*heard(6), *turns])
    assert spans(out) == [(1, 3, "A", (0, 1)), (4, 5, "A", (2,))]
    assert [u.id for u in out] == [0, 1]


def test_somebody_else_between_two_turns_does_not_keep_them_apart() -> None:
    turns = [turn(1, 2, id=0), turn(2, 2.4, "B", id=1), turn(2.3, 3, id=2)]
    out = run(UtteranceCutter(**PATIENT), [*heard(6), *turns])
    assert spans(out) == [(2, 2.4, "B", (1,)), (1, 3, "A", (0, 2))]


def test_what_is_too_short_or_hardly_voiced_is_left_out() -> None:
    assert run(UtteranceCutter(), [*heard(3), turn(1, 1.25)]) == []
    assert run(UtteranceCutter(), [*heard(3, level=0.4), turn(1, 2)]) == []


def test_a_long_stretch_is_cut_where_it_is_quietest() -> None:
    levels = [0.9] * 1000
    levels[300:310] = [0.1] * 10  # 9.6 s to 9.92 s
    voice = VoiceActivity(start=0, hop=HOP, probabilities=tuple(levels))
    items = [voice, Watermark(source="voice_activity", at=voice.end), turn(0, 25)]
    out = run(UtteranceCutter(longest_s=14), items)
    assert all(u.end - u.start <= samples(14) for u in out)
    assert 9.6 <= seconds(out[0].end) <= 9.92
    assert [u.start for u in out[1:]] == [u.end for u in out[:-1]]
    assert {u.turns for u in out} == {(0,)}


def test_the_head_of_a_long_stretch_goes_out_before_its_end_is_known() -> None:
    cutter = UtteranceCutter(longest_s=14, enough_s=5)
    out = fed(cutter, *heard(30), turn(0, 16), mark(16))
    assert len(out) == 1
    assert len(uttered(cutter.flush())) == 1


def test_what_is_long_enough_is_joined_to_nothing_and_waits_for_nobody() -> None:
    cutter = UtteranceCutter(enough_s=5)
    items = [*heard(30), turn(7.2, 9, id=1, final=False), turn(1, 7, id=0)]
    assert spans(fed(cutter, *items)) == [(1, 7, "A", (0,))]
    assert spans([*fed(cutter, turn(7.2, 9, id=1)), *uttered(cutter.flush())]) == [(7.2, 9, "A", (1,))]


def test_turns_are_not_joined_to_more_than_it_says() -> None:
    turns = [turn(1, 3, id=0), turn(3.2, 10, id=1)]
    assert spans(run(UtteranceCutter(joined_s=8), [*heard(20), *turns])) == [
        (1, 3, "A", (0,)),
        (3.2, 10, "A", (1,)),
    ]


def test_an_utterance_goes_out_as_soon_as_nothing_can_join_it() -> None:
    cutter = UtteranceCutter(join_s=0.5)
    for item in [*heard(9), turn(1, 2), mark(2.5)]:
        assert fed(cutter, item) == []
    assert spans(fed(cutter, mark(2.6))) == [(1, 2, "A", (0,))]


def test_it_waits_for_voice_activity() -> None:
    cutter = UtteranceCutter()
    assert fed(cutter, turn(1, 2), mark(9)) == []
    assert len(fed(cutter, *heard(2.1))) == 1


def test_an_open_turn_of_somebody_else_does_not_hold_it_back() -> None:
    cutter = UtteranceCutter(join_s=0.5)
    items = [*heard(9), turn(0.5, 3.0, "B", id=1, final=False), turn(1, 2, id=0), mark(0.5)]
    assert len(fed(cutter, *items)) == 1


@pytest.mark.parametrize("speaker", ["A", None])
def test_an_open_turn_that_may_join_it_holds_it_back(speaker: str | None) -> None:
    cutter = UtteranceCutter(**PATIENT)
    items = [*heard(9), turn(2.4, 4.0, speaker, id=1, final=False), turn(1, 2, id=0), mark(2.4)]
    assert fed(cutter, *items) == []
    out = fed(cutter, turn(2.4, 4.5, "A", id=1), mark(9))
    assert spans(out) == [(1, 4.5, "A", (0, 1))]


def test_a_withdrawn_turn_holds_nothing_back() -> None:
    cutter = UtteranceCutter(join_s=0.5)
    items = [*heard(9), turn(2.4, 4.0, id=1, final=False), turn(1, 2, id=0), turn(2.4, 2.4, id=1), mark(4)]
    assert spans(fed(cutter, *items)) == [(1, 2, "A", (0,))]


def test_a_relabel_reaches_what_has_not_gone_out() -> None:
    by_turn = Relabel(to="B", as_of=samples(3), turns=(0,))
    by_speaker = Relabel(to="B", as_of=samples(3), speaker="A")
    for relabel in (by_turn, by_speaker):
        items = [*heard(9), turn(1, 2, id=0), relabel, turn(2.2, 3, "B", id=1)]
        assert spans(run(UtteranceCutter(), items)) == [(1, 3, "B", (0, 1))]


def test_a_recording_without_turns_gives_nothing() -> None:
    assert run(UtteranceCutter(), heard(5)) == []
    assert run(UtteranceCutter(), []) == []


def test_lengths_that_contradict_one_another_are_refused() -> None:
    with pytest.raises(ValueError, match="shortest_s"):
        UtteranceCutter(shortest_s=3, longest_s=4)


# --- properties ----------------------------------------------------------------------------------


@st.composite
def diarized(draw: st.DrawFn) -> list[Item]:
    """What a diarizer might say of 20 s: provisional turns, final ones as they end, relabels, watermarks."""
    tenths = st.integers(0, 180)
    turns: list[Turn] = []
    for id in range(draw(st.integers(0, 7))):
        start = draw(tenths) / 10
        turns.append(turn(start, start + draw(st.integers(1, 80)) / 10, draw(st.sampled_from("ABC")), id=id))
    turns.sort(key=lambda turn: turn.end)
    items: list[Item] = []
    for index, one in enumerate(turns):
        for later in turns[index + 1 :]:
            if later.start < one.end and draw(st.booleans()):
                so_far = {"final": False, "end": min(later.end, one.end)}
                items.append(msgspec.structs.replace(later, **so_far))
        items.append(one)
        if draw(st.integers(0, 3)) == 0:
            items.append(Relabel(to="A", as_of=one.end, turns=(turns[draw(st.integers(0, index))].id,)))
        at = min([later.start for later in turns[index + 1 :]] + [one.end])
        items.append(Watermark(source="diarizer", at=at))
    return items


@st.composite
def voiced(draw: st.DrawFn) -> list[Item]:
    """Voice activity of 28 s in a few items of any size."""
    items: list[Item] = []
    at = 0
    blocks = draw(st.lists(st.tuples(st.sampled_from([0.1, 0.6, 0.9]), st.integers(1, 150)), max_size=12))
    for level, frames in [*blocks, (0.8, 875)]:
        voice = VoiceActivity(start=at, hop=HOP, probabilities=(level,) * frames)
        at = voice.end
        items += [voice, Watermark(source="voice_activity", at=at)]
    return items


def cutter(state: object = None) -> UtteranceCutter:
    return UtteranceCutter(longest_s=5, joined_s=4, state=state)  # type: ignore[arg-type]


@settings(deadline=None, max_examples=100)
@given(diarized(), voiced(), st.randoms(use_true_random=False))
def test_any_interleaving_of_the_two_sources_gives_the_same_utterances(
    turns: list[Item], voice: list[Item], random: object
) -> None:
    order = [0] * len(turns) + [1] * len(voice)
    random.shuffle(order)  # type: ignore[attr-defined]
    sources = iter(turns), iter(voice)
    merged = [next(sources[source]) for source in order]
    expected = testing.run(cutter(), [*voice, *turns])
    assert testing.run(cutter(), merged) == expected
    assert testing.run(cutter(), [*turns, *voice]) == expected


@settings(deadline=None, max_examples=100)
@given(diarized(), voiced())
def test_no_utterance_begins_before_a_watermark_that_went_ahead_of_it(
    turns: list[Item], voice: list[Item]
) -> None:
    known = 0
    for one in testing.run(cutter(), [*voice, *turns]):
        if isinstance(one, Watermark):
            assert one.source == "text"
            assert one.at > known
            known = one.at
        else:
            assert one.start >= known


@settings(deadline=None, max_examples=15)
@given(diarized(), voiced(), st.integers(0, 20))
def test_a_restarted_cutter_gives_the_same_utterances(
    turns: list[Item], voice: list[Item], ahead: int
) -> None:
    check_restart(cutter, [*voice[:ahead], *turns, *voice[ahead:]])


@settings(deadline=None, max_examples=100)
@given(diarized(), voiced())
def test_utterances_are_numbered_voiced_neither_short_nor_long_and_inside_their_turns(
    turns: list[Item], voice: list[Item]
) -> None:
    out = run(cutter(), [*voice, *turns])
    final = {item.id: item for item in turns if isinstance(item, Turn) and item.final}
    assert [u.id for u in out] == list(range(len(out)))
    for one in out:
        assert samples(0.3) <= one.end - one.start <= samples(5)
        assert one.start >= min(final[id].start for id in one.turns)
        assert one.end <= max(final[id].end for id in one.turns)
        assert one.start % 16 == one.end % 16 == 0
