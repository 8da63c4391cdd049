"""The exclusive view: at most one speaker at a time, whoever began first to the end."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from operators.timeline.exclusive import ExclusiveState, ExclusiveTurns, exclusive
from stream_engine.events import Relabel, Turn, Watermark
from stream_engine.testing import check_restart, run

SPEAKERS = ["SPEAKER_00", "SPEAKER_01", "SPEAKER_02"]


def turn(number: int, start: int, end: int, speaker: str = "SPEAKER_00", *, final: bool = True) -> Turn:
    return Turn(id=number, revision=0, final=final, start=16 * start, end=16 * end, speaker=speaker)


turns_of_any_kind = st.lists(
    st.tuples(st.integers(0, 200), st.integers(0, 60), st.sampled_from(SPEAKERS), st.booleans()), max_size=25
).map(
    lambda rows: [
        turn(number, start, start + length, speaker, final=final)
        for number, (start, length, speaker, final) in enumerate(rows)
    ]
)


def spans(turns: list[Turn]) -> list[tuple[int, int, int]]:
    return [(item.id, item.start // 16, item.end // 16) for item in turns]


def test_who_began_first_keeps_the_floor_to_the_end() -> None:
    talk = [turn(0, 0, 18), turn(1, 8, 14, "SPEAKER_01"), turn(2, 14, 26, "SPEAKER_02"), turn(3, 30, 31)]
    assert spans(exclusive(talk)) == [(0, 0, 18), (2, 18, 26), (3, 30, 31)]


@given(turns_of_any_kind)
def test_each_moment_of_speech_has_one_speaker_who_does_speak_then(talk: list[Turn]) -> None:
    found = exclusive(talk)
    speech = [item for item in talk if item.final]
    for moment in range(261):
        active = {item.id for item in speech if item.start <= 16 * moment < item.end}
        alone = [item.id for item in found if item.start <= 16 * moment < item.end]
        assert len(alone) == min(1, len(active)), moment
        assert set(alone) <= active


@given(turns_of_any_kind, st.integers(1, 50))
def test_the_stream_gives_what_all_at_once_gives_however_watermarks_fall(talk: list[Turn], step: int) -> None:
    """Turns come in any order that the watermark allows; labels are corrected on the way."""
    items: list[Turn | Relabel | Watermark] = []
    for mark in range(0, 300, step):
        items += [item for item in talk if mark <= item.start // 16 < mark + step][::-1]
        items.append(Watermark(source="diarizer", at=16 * (mark + step)))
    given_out = [item for item in run(ExclusiveTurns(), items) if isinstance(item, Turn)]
    assert given_out == exclusive(talk)
    check_restart(lambda state: ExclusiveTurns(state=state), items[:20])


def test_a_relabel_reaches_turns_that_wait() -> None:
    view = ExclusiveTurns()
    items: list[Turn | Relabel | Watermark] = [
        turn(0, 0, 10, "SPEAKER_00"),
        turn(1, 20, 30, "SPEAKER_01"),
        Relabel(to="anna", as_of=0, speaker="SPEAKER_00"),
        Relabel(to="ben", as_of=0, turns=(1,)),
        Watermark(source="diarizer", at=16 * 15),
    ]
    given_out = [item for one in items for item in view.feed(one)] + list(view.flush())
    assert [item.speaker for item in given_out if isinstance(item, Turn)] == ["anna", "ben"]
    assert sum(isinstance(item, Relabel) for item in given_out) == 2
    assert view.state == ExclusiveState(taken=16 * 30)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(view.state), type=ExclusiveState) == view.state
