"""The diarizer on audio that says itself who speaks, so that only the diarizer can be wrong.

See `oracle` for the audio and the models.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.speech.diarization.diarizer import Diarizer, DiarizerState
from stream_engine.clock import RATE
from stream_engine.events import Relabel, Turn, Watermark
from stream_engine.testing import check_restart, chunked, run
from tests.oracle import (
    BITS,
    ReadingEmbedding,
    ReadingSegmentation,
    Talk,
    conversation,
    spoken,
)


def diarizer(state: DiarizerState | None = None, *, noise: float = 0.5, **settings: Any) -> Diarizer:
    embedding = ReadingEmbedding(noise)
    return Diarizer(segmentation=ReadingSegmentation(), embedding=embedding, state=state, **settings)


def last_labels(events: list[Turn | Relabel | Watermark]) -> dict[int, str]:
    labels: dict[int, str] = {}
    for event in events:
        if isinstance(event, Turn) and event.final and event.end > event.start:
            labels[event.id] = event.speaker or ""
        elif isinstance(event, Relabel):
            named = event.turns or [turn for turn, label in labels.items() if label == event.speaker]
            labels |= dict.fromkeys(named, event.to)
    return labels


def final_turns(events: list[Turn | Relabel | Watermark]) -> list[tuple[float, float, str]]:
    labels = last_labels(events)
    finals = [e for e in events if isinstance(e, Turn) and e.final and e.end > e.start]
    return sorted((turn.start / RATE, turn.end / RATE, labels[turn.id]) for turn in finals)


@pytest.mark.parametrize("seed", range(6))
def test_every_turn_is_found_with_its_speaker(seed: int) -> None:
    talk = conversation(seed, 90, 2 + seed % 3)
    found = final_turns(run(diarizer(), chunked(spoken(talk, 90), [RATE] * 90)))
    names: dict[int, set[str]] = {}
    for start, end, voice in talk:
        near = [turn for turn in found if abs(turn[0] - start) < 0.06 and abs(turn[1] - end) < 0.06]
        assert len(near) == 1, (start, end, voice, found)
        names.setdefault(voice, set()).add(near[0][2])
    assert len(found) == len(talk)
    assert sorted(len(labels) for labels in names.values()) == [1] * len(names)
    assert len(set.union(*names.values())) == len(names)


@given(sizes=st.lists(st.integers(1, 60_000), min_size=1, max_size=40), seed=st.integers(0, 3))
@settings(max_examples=15, deadline=None)
def test_any_chunking_gives_the_same_events(sizes: list[int], seed: int) -> None:
    audio = spoken(conversation(seed, 24, 3), 24)
    whole = run(diarizer(), chunked(audio, [len(audio)]))
    assert msgspec.json.encode(run(diarizer(), chunked(audio, sizes))) == msgspec.json.encode(whole)


def test_a_restart_anywhere_goes_on_as_if_nothing_had_happened() -> None:
    audio = spoken(conversation(5, 20, 3), 20)
    check_restart(lambda state: diarizer(state), chunked(audio, [RATE * 3 // 4] * 40))


@pytest.mark.parametrize("seed", range(4))
def test_what_is_final_stays_and_watermarks_are_honest(seed: int) -> None:
    events = run(diarizer(noise=1.5), chunked(spoken(conversation(seed, 60, 4), 60), [5_000] * 200))
    final: set[int] = set()
    revisions: dict[int, int] = {}
    mark = 0
    for event in events:
        if isinstance(event, Watermark):
            assert event.at >= mark
            mark = event.at
        elif isinstance(event, Turn):
            assert event.id not in final, "a turn came back after it was final"
            assert event.revision > revisions.get(event.id, -1)
            assert event.start % 16 == event.end % 16 == 0
            revisions[event.id] = event.revision
            if event.final:
                final.add(event.id)
                assert event.start >= mark or event.end == event.start, "a turn came behind the watermark"
        else:
            assert set(event.turns) <= final
    assert set(revisions) == final, "each turn that was shown becomes final"
    assert mark == 60 * RATE


def test_turns_are_shown_while_they_are_open_and_final_soon_after_their_end() -> None:
    talk: Talk = [(1.0, 9.0, 0), (10.0, 14.0, 1)]
    audio = spoken(talk, 30)
    operator, shown, final = diarizer(latency=1.5), {}, {}
    for chunk in chunked(audio, [1600] * 300):
        for event in operator.feed(chunk):
            if isinstance(event, Turn):
                (final if event.final else shown).setdefault(event.id, chunk.end / RATE)
    assert len(shown) == len(final) == 2
    for (start, end, _), seen, done in zip(talk, shown.values(), final.values(), strict=True):
        assert seen - start <= 3.0
        assert done - end <= 2.3


def test_a_turn_without_a_pause_is_cut() -> None:
    turns = final_turns(run(diarizer(max_turn=8), chunked(spoken([(1, 50, 0)], 52), [RATE] * 60)))
    assert len(turns) > 5
    assert max(end - start for start, end, _ in turns) <= 8.6
    assert all(abs(left[1] - right[0]) < 0.002 for left, right in pairwise(turns))
    assert {speaker for *_, speaker in turns} == {"SPEAKER_00"}


@pytest.mark.parametrize(("wanted", "count"), [({"speakers": 2}, 2), ({"max_speakers": 3}, 3), ({}, 4)])
def test_the_number_of_speakers_can_be_set(wanted: dict[str, Any], count: int) -> None:
    found = final_turns(run(diarizer(**wanted), chunked(spoken(conversation(3, 90, 4), 90), [RATE] * 90)))
    assert len({speaker for *_, speaker in found}) == count


def test_a_least_number_of_speakers_splits_what_is_alike() -> None:
    found = final_turns(
        run(diarizer(min_speakers=3), chunked(spoken(conversation(3, 60, 2), 60), [RATE] * 60))
    )
    assert len({speaker for *_, speaker in found}) == 3


@pytest.mark.parametrize("wrong", [{"speakers": 0}, {"min_speakers": 3, "max_speakers": 2}, {"latency": -1}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"speaker|latency"):
        diarizer(**wrong)


def test_memory_does_not_grow_with_the_session() -> None:
    operator, sizes = diarizer(), []
    audio = spoken(conversation(1, 120, 3), 120)
    for part in range(12):
        for chunk in chunked(audio, [RATE * 10] * 12):
            list(operator.feed(msgspec.structs.replace(chunk, start=chunk.start + part * len(audio))))
        sizes.append(len(msgspec.msgpack.encode(operator.state)))
    assert max(sizes[8:]) < 1.05 * max(sizes[4:8])


def test_each_second_of_speech_is_embedded_about_once() -> None:
    talk = conversation(2, 120, 3)
    embedding = ReadingEmbedding()
    operator = Diarizer(segmentation=ReadingSegmentation(), embedding=embedding)
    run(operator, chunked(spoken(talk, 120), [RATE] * 120))
    assert embedding.samples / RATE < 1.25 * sum(end - start for start, end, _ in talk)


@pytest.mark.parametrize("latency", [0.5, 1.5, 5.0])
def test_what_goes_on_without_a_pause_is_cut_whether_it_is_a_voice_or_not(latency: float) -> None:
    audio = spoken([(50.0, 90.0, 1)], 100.0)
    audio[2 * RATE : 42 * RATE] = BITS  # a sound that the segmentation takes for a voice, without syllables
    events = [
        run(diarizer(latency=latency), chunked(audio, [size] * 2000)) for size in (1600, 7 * RATE, 30 * RATE)
    ]
    assert events[0] == events[1] == events[2]
    turns = [(turn.start / RATE, turn.end / RATE) for turn in events[0]
             if isinstance(turn, Turn) and turn.final and turn.end > turn.start]  # fmt: skip
    assert turns[0][0] == pytest.approx(50, abs=0.1)
    assert turns[-1][1] == pytest.approx(90, abs=0.1)
    assert max(end - start for start, end in turns) <= 11
