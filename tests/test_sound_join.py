"""The join of segments and turns with sound events: equal to the loop over all pairs, streamed or at once."""

from __future__ import annotations

from collections import defaultdict

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.timeline.legacy_sed_snr import snr_db_noise_score, snr_db_sed
from operators.timeline.sound_join import SoundJoin
from operators.timeline.sound_overlaps import sound_overlaps
from stream_engine.clock import samples, seconds
from stream_engine.events import Heard, Hypothesis, Segment, SoundEvent, Sounds, Turn, Watermark
from stream_engine.testing import check_restart, run

S = samples(1)
LABELS = ("Applause", "Music", "Rain", "Siren")


def sound(id: int, label: str, start_s: float, end_s: float, score: float = 1.0) -> SoundEvent:
    return SoundEvent(id=id, start=samples(start_s), end=samples(end_s), label=label, score=score)


def turn(id: int, start_s: float, end_s: float, *, final: bool = True) -> Turn:
    return Turn(id=id, revision=0, final=final, start=samples(start_s), end=samples(end_s), speaker="A")


def segment(id: int, start_s: float, end_s: float, *, final: bool = True) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=final,
        start=samples(start_s),
        end=samples(end_s),
        speaker="A",
        text="so",
        words=None,
    )


def mark(source: str, at_s: float) -> Watermark:
    return Watermark(source=source, at=samples(at_s))


def brute_force(items: list[Segment | Turn], events: list[SoundEvent], top: int = 3) -> list[Sounds]:
    """Each item with each event."""
    out = []
    for item in items:
        covered: dict[str, int] = defaultdict(int)
        weights: dict[str, float] = defaultdict(float)
        for event in sorted(events, key=lambda e: (e.start, e.end, e.label, e.score)):
            shared = min(item.end, event.end) - max(item.start, event.start)
            if shared > 0:
                covered[event.label] += shared
                weights[event.label] += shared * event.score
        best = sorted(covered, key=lambda label: (-weights[label], label))[:top]
        heard = tuple(
            Heard(label=x, seconds=seconds(covered[x]), score=round(weights[x] / covered[x], 3)) for x in best
        )
        if heard:
            of = "segment" if isinstance(item, Segment) else "turn"
            out.append(Sounds(of=of, id=item.id, start=item.start, end=item.end, top=heard))
    return sorted(out, key=_key)


def _key(sounds: Sounds) -> tuple[int, int, str, int]:
    return sounds.end, sounds.start, sounds.of, sounds.id


times = st.integers(0, 120).map(lambda tenth: tenth / 10)
spans = st.tuples(times, st.integers(1, 60).map(lambda tenth: tenth / 10)).map(lambda x: (x[0], x[0] + x[1]))
scores = st.integers(1, 1024).map(lambda part: part / 1024)  # sums of these are exact in any order
sounds_of = st.lists(st.tuples(st.sampled_from(LABELS), spans, scores), max_size=25).map(
    lambda rows: [sound(id, label, *span, score) for id, (label, span, score) in enumerate(rows)]
)
items_of = st.lists(st.tuples(st.booleans(), spans), max_size=25).map(
    lambda rows: [(segment if text else turn)(id, *span) for id, (text, span) in enumerate(rows)]
)


@settings(max_examples=200)
@given(items_of, sounds_of, st.data())
def test_the_stream_gives_what_the_loop_over_all_pairs_gives(items, events, data):
    """Merged in any way that keeps what watermarks promise."""
    events = sorted(events, key=lambda event: (event.end, event.id))
    heard: list = []
    for place, event in enumerate(events):
        begins = min([event.end, *(later.start for later in events[place + 1 :])])
        heard += [event, Watermark(source="sounds", at=begins)]
    texts = sorted(items, key=lambda item: item.start)
    said = []
    for item in texts:
        at = item.start
        said += [Watermark(source="diarizer", at=at), Watermark(source="text", at=at), item]
    merged = []
    while heard or said:
        merged.append((heard if heard and (not said or data.draw(st.booleans())) else said).pop(0))
    assert sorted(run(SoundJoin(), merged), key=_key) == brute_force(items, events)


@settings(max_examples=200)
@given(items_of, sounds_of)
def test_the_arrays_give_what_the_loop_over_all_pairs_gives(items, events):
    found = sound_overlaps(
        np.array([item.start for item in items], np.int64),
        np.array([item.end for item in items], np.int64),
        event_start=np.array([event.start for event in events], np.int64),
        event_end=np.array([event.end for event in events], np.int64),
        score=np.array([event.score for event in events], np.float64),
        label=np.array([LABELS.index(event.label) for event in events], np.int64),
    )
    rows = zip(found.interval, found.label, found.covered, found.score, found.rank, strict=True)
    expected = [
        (place, heard.label, heard.seconds, rank)
        for place, item in enumerate(items)
        for sounds in brute_force([item], events, top=99)
        for rank, heard in enumerate(sounds.top)
    ]
    assert [(i, LABELS[label], seconds(int(c)), rank) for i, label, c, _, rank in rows] == expected
    scores = [heard.score for item in items for s in brute_force([item], events, top=99) for heard in s.top]
    np.testing.assert_allclose(found.score, scores, atol=6e-4)


def test_music_that_began_long_ago_is_found_behind_later_events():
    """The old lookup began one event before the segment, and missed it."""
    events = [sound(0, "Music", 0, 100, 0.8), *(sound(i, "Applause", i, i + 0.5) for i in range(1, 56))]
    (found,) = run(SoundJoin(), [*events, segment(7, 50, 60)])
    assert found.top == (
        Heard(label="Music", seconds=10.0, score=0.8),
        Heard(label="Applause", seconds=3.0, score=1.0),
    )
    arrays = sound_overlaps(
        np.array([50]),
        np.array([60]),
        event_start=np.array([0, *range(1, 56)]),
        event_end=np.array([100, *range(2, 57)]),
        score=np.ones(56),
        label=np.array([1, *[0] * 55]),
    )
    assert arrays.covered.tolist() == [10, 6]


def test_an_answer_waits_for_the_watermark_of_sounds():
    join = SoundJoin()
    assert list(join.feed(turn(1, 10, 12))) == []
    assert list(join.feed(mark("sounds", 11.9))) == []
    assert list(join.feed(sound(1, "Rain", 11, 13))) == []
    (answer,) = join.feed(mark("sounds", 12))
    assert (answer.of, answer.id) == ("turn", 1)
    assert list(join.flush()) == []


def test_nothing_is_said_where_nothing_is_heard():
    assert run(SoundJoin(), [sound(1, "Rain", 0, 1), turn(1, 1, 2), mark("sounds", 9)]) == []


def test_what_is_not_final_has_no_sounds_and_other_items_are_left_alone():
    items = [
        sound(1, "Rain", 0, 9),
        turn(1, 1, 2, final=False),
        segment(1, 1, 2, final=False),
        turn(2, 3, 3),
        Hypothesis(id=1, revision=0, start=0, end=S, speaker=None, text="so"),
        mark("overlap", 9),
        mark("sounds", 9),
    ]
    assert run(SoundJoin(), items) == []


def test_a_restart_changes_nothing():
    items: list = []
    for t in range(0, 40, 2):
        items += [sound(t, LABELS[t % 4], t, t + 3, 0.5 + t / 100), mark("sounds", t)]
        items += [turn(t, t, t + 2), segment(t, t, t + 1), mark("diarizer", t), mark("text", t)]
    check_restart(lambda state: SoundJoin(state=state), items)


def test_the_state_is_what_lies_between_the_streams():
    join = SoundJoin()
    sizes = []
    for t in range(20_000):
        list(join.feed(sound(t, "Music" if t % 100 == 0 else "Rain", t, t + (99 if t % 100 == 0 else 0.5))))
        for item in (mark("sounds", t), mark("diarizer", t), mark("text", t)):
            list(join.feed(item))
        if t % 1000 == 999:
            sizes.append(len(msgspec.msgpack.encode(join.state)))
    assert max(sizes) < 10_000
    assert len(join.state.events) < 250


def test_the_old_snr_is_what_it_was():
    assert snr_db_noise_score(0.3) == pytest.approx(22.96, abs=0.005)
    assert snr_db_noise_score(0.0) == 35.0
    assert snr_db_noise_score(1e9) == -5.0
    assert snr_db_sed(10, 0, 0) == 35.0
    assert snr_db_sed(10, 5, 4) == pytest.approx(35 - 35 * (0.25 + 0.2))
    assert snr_db_sed(10, 50, 40) == 0.0
