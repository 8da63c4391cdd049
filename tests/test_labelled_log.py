"""What the log tells of a segment is found again, under the last labels, and the log may still grow."""

from __future__ import annotations

import random
from typing import get_args

import msgspec
import numpy as np
import pytest

from sinks.labelled import LabelledLog
from sinks.log_columns import Offsets
from sinks.log_index import LogIndex
from sinks.log_lines import AnyLine
from stream_engine.clock import samples
from stream_engine.events import (
    Affect,
    Backchannel,
    ConversationFigures,
    EnergyWindow,
    Event,
    Heard,
    Prosody,
    Relabel,
    Segment,
    Sounds,
    Statistics,
)
from stream_engine.log import encode
from tests.golden_tables import segment, session, turn, written


def test_the_index_knows_every_kind_of_line():
    tags = {kind.__struct_config__.tag for kind in get_args(AnyLine)}
    assert tags == {kind.__struct_config__.tag for kind in get_args(Event)}


def test_a_segment_comes_with_what_was_said_of_it_in_any_order(tmp_path):
    said = [segment(id, id, id + 1, "A", f"{id}") for id in range(60)]
    at = {"start": 0, "end": samples(1)}
    beside = [
        *(Prosody(segment=id, speaker="A", words=id, **at) for id in range(0, 60, 2)),
        *(Affect(segment=id, speaker="A", valence=id / 100, **at) for id in range(0, 60, 3)),
        *(
            Sounds(of="segment", id=id, top=(Heard(label=f"{id}", seconds=1, score=1),), **at)
            for id in range(5)
        ),
        Sounds(of="turn", id=7, top=(Heard(label="turn", seconds=1, score=1),), **at),
    ]
    events = [*said, *beside]
    random.Random(2).shuffle(events)
    events.append(Prosody(segment=4, speaker="A", words=444, **at))  # the newest counts
    log = LabelledLog(written(tmp_path, events) / "events.jsonl")
    told = list(log.told())
    assert [one.segment.id for one in told] == list(range(60))
    for id, (_, prosody, affect, sounds) in enumerate(told):
        assert (prosody and prosody.words) == (444 if id == 4 else None if id % 2 else id)
        assert (affect and affect.valence) == (None if id % 3 else id / 100)
        assert (sounds and sounds.top[0].label) == (f"{id}" if id < 5 else None)
    some = np.array([row for row in range(60) if row % 7 == 0])
    assert all(one in told for one in log.told(some))
    assert len(list(log.told(some))) == 9


def test_prosody_affect_and_backchannels_follow_relabels(tmp_path):
    at = {"start": 0, "end": samples(1)}
    events = [
        turn(1, 0, 2, "A"),
        turn(2, 0, 2, "B"),
        segment(1, 0, 1, "A", "hi", 1),
        Prosody(segment=1, speaker="A", words=1, **at),
        Affect(segment=1, speaker="A", **at),
        Backchannel(id=1, speaker="A", to="B", **at),
        Relabel(to="C", as_of=0, turns=(1,)),
    ]
    log = LabelledLog(written(tmp_path, events) / "events.jsonl")
    ((said, prosody, affect, _),) = log.told()
    assert prosody is not None
    assert affect is not None
    assert said.speaker == prosody.speaker == affect.speaker == "C"
    assert [(event.speaker, event.to) for event in log.backchannels()] == [("C", "B")]
    one = written(tmp_path / "one", [*events, Relabel(to="B", as_of=0, turns=(1,))])
    assert list(LabelledLog(one / "events.jsonl").backchannels()) == []


def test_statistics_gaps_languages_and_sounds_are_found(tmp_path):
    log = LabelledLog(written(tmp_path, session()) / "events.jsonl")
    found = log.statistics()
    assert found is not None
    assert [speaker.speaker for speaker in found.speakers] == ["Bo", "Ann"]
    assert [gap.reason for gap in log.gaps()] == ["connection lost"]
    assert [language.code for language in log.languages] == ["en"]
    assert [event.label for event in log.sound_events()] == ["Typing"]
    assert [heard and heard.top[0].label for _, heard in log.turns_told()][:2] == ["Typing", None]
    assert LabelledLog(written(tmp_path / "none", []) / "events.jsonl").statistics() is None


def test_an_index_that_follows_the_log_is_the_index_of_the_whole(tmp_path):
    chance = random.Random(1)
    path = tmp_path / "events.jsonl"
    lines = b"".join(encode(event) + b"\n" for event in session())
    cuts = sorted(chance.sample(range(len(lines)), 40))
    index = LogIndex(path)
    with path.open("wb") as log:
        for start, end in zip([0, *cuts], [*cuts, len(lines)], strict=True):
            log.write(lines[start:end])
            log.flush()
            index.catch_up([])
    followed, whole = LabelledLog(path, index), LabelledLog(path)
    assert list(followed.told()) == list(whole.told())
    assert list(followed.turns_told()) == list(whole.turns_told())
    assert followed.statistics() == whole.statistics()
    assert followed.session_end == whole.session_end is not None


def test_a_damaged_line_is_named_and_a_torn_last_one_is_left_out(tmp_path):
    path = tmp_path / "events.jsonl"
    good = encode(segment(1, 0, 1, "A", "hi"))
    path.write_bytes(good + b'\n{"type":"segment","id":')
    assert len(list(LabelledLog(path).segments())) == 1
    for wrong in (b'{"type":"segment","id":', b'{"type":"nonsense"}', b"[]"):
        path.write_bytes(good + b"\n" + wrong + b"\n" + good + b"\n")
        with pytest.raises(ValueError, match=r"events.jsonl, line 2"):
            LabelledLog(path)


def test_offsets_of_nothing_are_none():
    offsets = Offsets()
    assert offsets.of(np.array([1, 2])).tolist() == [-1, -1]
    for id in (5, 3, 5):
        offsets.put(id, 10 * id + len(offsets.of(np.array([id]))))
    assert offsets.of(np.array([2, 3, 4, 5, 6])).tolist() == [-1, 31, -1, 51, -1]


def test_text_that_was_not_final_is_not_there(tmp_path):
    open_ = msgspec.structs.replace(segment(1, 0, 1, "A", "hi"), final=False)
    assert isinstance(open_, Segment)
    assert list(LabelledLog(written(tmp_path, [open_]) / "events.jsonl").told()) == []


def test_windows_of_figures_follow_a_relabel_of_a_whole_speaker(tmp_path):
    window = EnergyWindow(
        start_s=0.0,
        end_s=30.0,
        speech_density=1.0,
        speakers=("A", "B"),
        words=2,
        loudness_dbfs=None,
        arousal=None,
        energy=None,
    )
    nothing = dict.fromkeys(ConversationFigures.__struct_fields__, 0)
    figures = {"conversation": ConversationFigures(**nothing), "speakers": (), "interruptions": ()}
    events = [
        Statistics(at=samples(30), final=False, windows=(window,), **figures),
        Relabel(to="A", as_of=samples(40), speaker="B"),
        Statistics(at=samples(60), final=True, windows=(window,), **figures),
    ]
    log = LabelledLog(written(tmp_path, events) / "events.jsonl")
    found = log.statistics()
    assert found is not None
    assert [one.speakers for one in found.windows] == [("A",), ("A", "B")]


def test_segments_that_are_kept_are_those_of_the_log_and_are_read_once(tmp_path):
    folder = written(tmp_path / "talk", session())
    path = folder / "events.jsonl"
    plain = list(LabelledLog(path).segments())
    kept = LabelledLog(path, keep_in=folder)
    assert list(kept.segments()) == plain != []
    assert list(kept.told()) == list(LabelledLog(path).told())
    assert [each.name for each in folder.iterdir()] == ["events.jsonl"]
    path.unlink()
    assert list(kept.segments()) == plain
