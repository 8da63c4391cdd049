"""The log: an exact inverse, plain values only, and a torn tail that costs nothing else."""

from __future__ import annotations

import json
from typing import get_type_hints

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream_engine import events
from stream_engine.events import Overlap, Relabel, Segment, SessionEnd, Turn, Word
from stream_engine.log import decode, encode, positions, read

time = st.integers(0, 400 * 3600 * 1000).map(lambda ms: ms * 16)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
count = st.integers(0, 2**53)
number = st.floats(allow_nan=False, allow_infinity=False)
name = st.none() | text
tuple_of = lambda of: st.lists(of, max_size=3).map(tuple)  # noqa: E731
FIELDS = {
    "id": count,
    "revision": count,
    "schema": count,
    "start": time,
    "end": time,
    "at": time,
    "as_of": time,
    "duration": time,
    "final": st.booleans(),
    "stopped": st.booleans(),
    "successful": st.booleans(),
    "text": text,
    "committed": text,
    "code": text,
    "probability": number,
    "to": text,
    "source": text,
    "recogniser": text,
    "diarizer": text,
    "reason": text,
    "label": text,
    "interrupter": text,
    "interrupted": text,
    "speaker": name,
    "damage": name,
    "notes": tuple_of(text),
    "speakers": tuple_of(text),
    "turns": tuple_of(count),
    "score": number,
    "emitted_at": st.none() | st.floats(0, 1e6) | st.integers(0, 10**9).map(lambda ms: ms / 1000),
    "words": st.none()
    | tuple_of(
        st.builds(
            Word,
            start=time,
            end=time,
            text=text,
            probability=st.none() | number,
            speakers=tuple_of(text),
            turns=tuple_of(count),
        )
    ),
}
KINDS = events.Event.__args__


def built(kind: type) -> st.SearchStrategy:
    """Any event of `kind`: its fields by name, or by type where that says all."""
    hints = get_type_hints(kind)
    fields = {}
    for field in kind.__struct_fields__:
        known = FIELDS.get(field)
        plain = kind in (events.Prosody, events.Affect, events.Statistics) and field not in TIMED
        fields[field] = known if known is not None and not plain else st.from_type(hints[field])
    if kind is events.Backchannel:
        fields["speaker"] = text
    return st.builds(kind, **fields)


st.register_type_strategy(float, number)
st.register_type_strategy(str, text)
st.register_type_strategy(int, count)
TIMED = {"start", "end", "at", "emitted_at"}
anything = st.one_of(*map(built, KINDS))


@given(anything)
def test_decode_is_the_inverse_of_encode(event):
    line = encode(event)
    assert b"\n" not in line
    assert decode(line) == event
    assert type(decode(line)) is type(event)


@given(st.lists(anything, max_size=5))
def test_read_gives_what_was_written(tmp_path_factory, session):
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in session))
    assert list(read(path)) == session


def test_a_line_looks_as_documented():
    segment = Segment(
        id=3,
        revision=1,
        final=True,
        start=16_016,
        end=32_000,
        speaker="SPEAKER_00",
        text="hé",
        words=(Word(start=16_016, end=16_032, text="hé"),),
        turns=(7,),
        emitted_at=3.25,
    )
    assert encode(segment).decode() == (
        '{"type":"segment","id":3,"revision":1,"final":true,"start":1.001,"end":2.000,'
        '"speaker":"SPEAKER_00","text":"hé",'
        '"words":[{"start":1.001,"end":1.002,"text":"hé","probability":null,"speakers":[],"turns":[]}],'
        '"turns":[7],"emitted_at":3.250}'
    )
    turn = Turn(id=1, revision=0, final=False, start=0, end=16, speaker=None)
    assert list(json.loads(encode(turn))) == [
        "type", "id", "revision", "final", "start", "end", "speaker", "emitted_at",
    ]  # fmt: skip


def test_names_of_times_inside_a_figure_are_left_alone():
    event = SessionEnd(duration=16_000, health={"end": 12, "start": 0.1})
    assert json.loads(encode(event))["health"] == {"end": 12, "start": 0.1}


@pytest.mark.parametrize(
    ("event", "error", "message"),
    [
        (SessionEnd(duration=17), ValueError, "duration must lie on a whole millisecond"),
        (SessionEnd(duration=np.int64(16)), TypeError, "duration must be an int"),
        (SessionEnd(duration=1.0), TypeError, "duration must be an int"),
        (Relabel(to="A", as_of=0, turns=(np.int64(1),)), TypeError, "int64"),
        (SessionEnd(duration=0, health={"x": np.float32(1)}), TypeError, "float32"),
        (SessionEnd(duration=0, emitted_at=np.float64(1.5)), TypeError, "float64"),
    ],
)
def test_what_would_not_come_back_is_refused(event, error, message):
    with pytest.raises(error, match=message):
        encode(event)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"type":"nonsense"}',
        b'{"type":["turn"]}',
        b'{"type":"turn","id":1}',
        b'{"type":"gap","start":"0","end":1,"reason":""}',
        b'{"type":"segment","words":5}',
        b'{"type":"segment","words":[5]}',
    ],
)
def test_a_line_that_is_no_event_is_refused(line):
    with pytest.raises(msgspec.DecodeError):
        decode(line)


SESSION = [Overlap(id=i, start=16 * i, end=16 * i + 16, speakers=("A", "é")) for i in range(3)]


def test_a_log_torn_at_any_byte_of_its_last_line_still_reads(tmp_path):
    path = tmp_path / "events.jsonl"
    whole = b"".join(encode(event) + b"\n" for event in SESSION)
    second = len(whole) // 3 * 2
    for cut in range(second, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert list(read(path)) == SESSION[:2]


def test_damage_before_the_last_line_is_an_error_with_its_place(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(encode(SESSION[0]) + b"\n{torn\n" + encode(SESSION[1]) + b"\n")
    with pytest.raises(ValueError, match=r"events.jsonl, line 2"):
        list(read(path))


def test_positions_are_those_of_the_lines(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b"".join(encode(event) + b"\n" for event in SESSION))
    data = path.read_bytes()
    for offset, event in positions(path):
        assert decode(data[offset:].split(b"\n")[0]) == event
