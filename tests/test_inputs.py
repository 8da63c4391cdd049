"""What the text of an INPUT means, what ffmpeg may open for it, and where its output goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream_engine.errors import InputError
from stream_engine.ffmpeg_command import command
from stream_engine.inputs import Input, Pcm, folders


@pytest.mark.parametrize(
    ("text", "kind", "location", "protocols"),
    [
        ("talk.mp3", "file", "file:talk.mp3", "file"),
        ("-odd name.wav", "file", "file:-odd name.wav", "file"),
        ("12:30 call.wav", "file", "file:12:30 call.wav", "file"),
        ("file:///tmp/a%20b.wav", "file", "file:/tmp/a b.wav", "file"),
        ("rtsp://host/cam", "url", "rtsp://host/cam", "rtsp,rtp,udp,tcp"),
        ("alsa:hw:1,0", "device", "hw:1,0", None),
        ("-", "stdin", "pipe:0", "pipe"),
    ],
)
def test_an_input_is_what_its_text_says(text: str, kind: str, location: str, protocols: str | None) -> None:
    found = Input.parse(text)
    assert (found.kind, found.location, found.protocols) == (kind, location, protocols)


def test_only_files_can_be_held() -> None:
    assert not Input.parse("a.wav").live
    assert all(Input.parse(text).live for text in ("-", "alsa:default", "https://host/a.mp3"))


def test_a_url_never_opens_local_files_and_a_file_never_the_network() -> None:
    assert "file" not in (Input.parse("https://host/list.m3u8").protocols or "").split(",")
    assert Input.parse("list.m3u8").protocols == "file"


@pytest.mark.parametrize("text", ["gopher://host/a", "concat://a", "a\0b", ""])
def test_what_cannot_be_an_input_is_a_mistake_in_the_call(text: str) -> None:
    with pytest.raises(ValueError, match=r"gopher|concat|cannot"):
        Input.parse(text)


def test_raw_pcm_is_described_in_full() -> None:
    assert Pcm.parse("s16le:16000:1") == Pcm("s16le", 16_000, 1)
    for text in ("s16le", "s16le:16000", "mp3:16000:1", "s16le:0:1", "s16le:16000:0", "s16le:16000:99"):
        with pytest.raises(ValueError, match="--pcm"):
            Pcm.parse(text)
    with pytest.raises(ValueError, match="stdin"):
        Input.parse("a.wav", Pcm("s16le", 16_000, 1))


def test_a_file_named_like_a_device_is_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("alsa:default").touch()
    assert Input.parse("alsa:default").kind == "file"


def test_a_fifo_is_live(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert Input.parse(str(tmp_path / "pipe")).kind == "fifo"


def test_missing_empty_and_directory_say_so_on_one_line(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    for name, words in [("no.wav", "no such file"), ("", "directory"), ("empty.wav", "empty")]:
        with pytest.raises(InputError, match=words) as caught:
            Input.parse(str(tmp_path / name)).check()
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 3


def test_a_name_with_a_newline_stays_one_line() -> None:
    assert "\n" not in Input.parse("two\nlines.wav").shown


def test_a_password_in_a_url_is_not_shown() -> None:
    assert Input.parse("https://me:secret@host/a.mp3").shown == "https://host/a.mp3"


def test_folders_are_named_after_inputs_and_never_collide() -> None:
    texts = ["a/talk.mp3", "b/talk.wav", "call.flac", "-", "alsa:default", "https://host/pod/ep%201.mp3?x=1"]
    assert folders([Input.parse(text) for text in texts]) == [
        "talk.mp3",
        "talk.wav",
        "call",
        "stdin",
        "default",
        "ep 1",
    ]
    assert folders([Input.parse(text) for text in ("a/x.wav", "b/x.wav")]) == ["x.wav", "x.wav-2"]
    assert folders([Input.parse(text) for text in ("x.wav", "x.mp3", "y/x.mp3.wav")])[2] == "x.mp3-2"


@pytest.mark.parametrize(
    "text", ["https://host/..", "https://host/", "https://host/%2e%2e%2f", "alsa:../../x"]
)
def test_no_folder_name_leads_out_of_the_output_folder(text: str) -> None:
    name = Input.parse(text).folder()
    assert name not in ("", ".", "..")
    assert "/" not in name


def test_the_command_is_a_vector_in_which_the_name_stays_one_argument() -> None:
    name = "-i 'x'; rm \"$HOME\"\n.wav"
    arguments = command(Input.parse(name), resample=True)
    assert f"file:{name}" in arguments
    assert arguments[arguments.index("-protocol_whitelist") + 1] == "file"
    assert "-nostdin" in arguments
