"""References and manifests: what is taken for one, whose it is, and which part of it is scored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_engine.errors import InputError
from stream_engine.harness.data_set import Recording, read_data_set
from stream_engine.harness.known import Known, inside
from stream_engine.harness.references import Talk, read_rttm, read_stm, read_uem

ROW = "SPEAKER {} 1 {} {} <NA> <NA> {} <NA> <NA>\n"


@pytest.mark.parametrize(
    "text",
    [
        "call 1 A 0.0 1.0 hello there\n",
        "start,end,speaker\n0.0,1.0,A\n",
        ROW.format("a", 0.0, 1.0, "x").lower(),
        ROW.format("a", 0.0, -1.0, "x"),
        ROW.format("a", 0.0, 0.0, "x"),
        ROW.format("a", 0.0, "nan", "x"),
        ROW.format("a", "nan", 1.0, "x"),
        ROW.format("a", 0.0, "inf", "x"),
    ],
)
def test_what_is_no_rttm_is_not_taken_for_silence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.rttm").write_text(text)
    with pytest.raises(InputError, match=r"a\.rttm"):
        read_rttm(tmp_path / "a.rttm")


@pytest.mark.parametrize("text", ["", "\n", ";; nobody speaks\n"])
def test_an_empty_rttm_says_that_nobody_speaks(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.rttm").write_text(text)
    assert read_rttm(tmp_path / "a.rttm") == []


def test_times_are_finite_and_a_scored_part_ends_after_it_began(tmp_path: Path) -> None:
    for text in ("x 1 7 0\n", "x 1 7 7\n", "x 1 0 nan\n", "x 1 0 inf\n"):
        (tmp_path / "a.uem").write_text(text)
        with pytest.raises(InputError, match="line 1"):
            read_uem(tmp_path / "a.uem")
    (tmp_path / "a.stm").write_text("call 1 x 0.0 nan hello\n")
    with pytest.raises(InputError, match="line 1"):
        read_stm(tmp_path / "a.stm")


def test_a_shared_reference_is_searched_for_the_name_and_then_for_that_of_the_file(tmp_path: Path) -> None:
    rows = [ROW.format("rec1", 0.0, 1.0, "x"), ROW.format("rec2", 2.0, 1.0, "y")]
    (tmp_path / "all.rttm").write_text("".join(rows))
    for folder, stem in (("rec1", "audio"), ("somewhere", "rec2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{stem}.wav").write_bytes(b"RIFF")
    given = [
        {"audio": "rec1/audio.wav", "name": "rec1", "rttm": "all.rttm"},
        {"audio": "somewhere/rec2.wav", "name": "the second", "rttm": "all.rttm"},
        {"audio": "rec1/audio.wav", "rttm": "all.rttm"},
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, given)))
    first, second, neither = read_data_set(tmp_path / "m.jsonl").recordings
    assert Known(first).talk == [Talk(0.0, 1.0, "x")]
    assert Known(second).talk == [Talk(2.0, 3.0, "y")]
    with pytest.raises(InputError, match=r"none is 'audio'$"):
        Known(neither)


def test_every_recording_has_a_name_of_its_own(tmp_path: Path) -> None:
    for name in ("audio.wav", "audio.mp3", "audio.wav.flac"):
        (tmp_path / name).write_bytes(b"RIFF")
    given = [{"audio": "audio.wav", **more} for more in ({}, {"name": "audio, line 3"}, {})]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, given)))
    for path in (tmp_path, tmp_path / "m.jsonl"):
        names = [one.name for one in read_data_set(path).recordings]
        assert len({*names}) == 3, names


def test_a_digest_is_of_what_a_reference_says_of_this_recording(tmp_path: Path) -> None:
    audio, shared = tmp_path / "a.wav", tmp_path / "all.rttm"
    audio.write_bytes(b"RIFF")
    recording = Recording(name="a", audio=audio, rttm=shared)

    def digests(end: float, other: float) -> dict[str, str]:
        shared.write_text(ROW.format("a", 0.0, end, "x") + ROW.format("b", 0.0, other, "y"))
        return Known(recording).digests

    before = digests(1.0, 1.0)
    assert digests(1.0, 2.0) == before
    changed = digests(1.5, 1.0)
    assert changed["audio"] == before["audio"]
    assert changed["rttm"] != before["rttm"]
    audio.write_bytes(b"RIFX")
    assert Known(recording).digests["audio"] != before["audio"]
    audio.unlink()
    assert "audio" not in Known(recording).digests


def test_turns_are_asked_for_that_begin_where_it_is_scored() -> None:
    talk = [Talk(0.0, 4.0, "x"), Talk(5.0, 9.0, "y"), Talk(9.0, 12.0, "x"), Talk(19.0, 22.0, "y")]
    assert inside(talk, [(0.0, 7.0), (20.0, 30.0)]) == [Talk(0.0, 4.0, "x"), Talk(5.0, 7.0, "y")]
    assert inside(talk, [(0.0, 30.0), (4.0, 6.0)]) == talk
