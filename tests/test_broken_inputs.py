"""Inputs that are damaged, empty or no audio at all: each has its documented outcome."""

from __future__ import annotations

import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from stream_engine.errors import BackendError, InputError
from stream_engine.ffmpeg_command import binary
from tests.decoding import FORMATS, read, sine

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("text_named.wav", "is not audio"),
        ("empty_file.wav", "is empty"),
        ("header_only.wav", "holds no audio"),
        ("ps_bad.wav", "is not audio"),
        ("ps_awful.wav", "holds no audio"),
        ("hound_crash_e547.wav", "holds no audio"),
    ],
)
def test_what_holds_no_audio_is_an_input_error_on_one_line(data: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read(data / "broken" / name)
    assert "\n" not in str(caught.value)
    assert "0x" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "seconds", "damage"),
    [
        ("trunc_header_11s_data_4s.wav", 4.0, "4.0 s could be decoded of the 11.0 s"),
        ("stream_size_ffffffff.wav", 11.0, None),
        ("nan_inf_f32.wav", 11.0, None),
        ("tinytag_corrupt_metadata.ogg", 2.132, None),
    ],
)
def test_what_can_be_decoded_is_and_the_rest_reported(
    data: Path, name: str, seconds: float, damage: str | None
) -> None:
    samples, report = read(data / "broken" / name)
    assert len(samples) / 16_000 == pytest.approx(seconds, abs=0.006)
    assert (damage in report.damage) if damage and report.damage else report.damage is damage


@pytest.mark.parametrize("name", ["jfk_44k_stereo.flac", "jfk_16k.mp3", "digits_8k.wav"])
def test_a_file_that_is_cut_off_says_how_much_is_there(data: Path, tmp_path: Path, name: str) -> None:
    whole = (data / "formats" / name).read_bytes()
    for tenths in (3, 6, 9):
        (tmp_path / name).write_bytes(whole[: len(whole) * tenths // 10])
        samples, report = read(tmp_path / name)
        assert report.damage is not None
        assert "of the" in report.damage
        assert 0.5 < len(samples) / 16_000 < FORMATS[name][0]


@pytest.mark.parametrize("name", ["sonnet1_9s.flac", "sonnet1_9s.mp3", "sonnet1_9s.ogg"])
def test_damage_in_the_middle_is_reported_and_the_rest_decoded(data: Path, tmp_path: Path, name: str) -> None:
    broken = bytearray((data / "formats" / name).read_bytes())
    middle = len(broken) // 2
    broken[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    (tmp_path / name).write_bytes(broken)
    samples, report = read(tmp_path / name)
    assert report.damage is not None
    assert len(samples) / 16_000 > 7


def test_a_wav_that_claims_two_days_is_reported_as_cut_off(tmp_path: Path) -> None:
    sine(tmp_path / "a.wav")
    samples = (tmp_path / "a.wav").read_bytes()[-64_000:]
    claim = 48 * 3600 * 4000  # bytes, at 4 kHz 8 bit
    header = b"RIFF" + struct.pack("<I", claim + 36) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, 4000, 4000, 1, 8) + b"data" + struct.pack("<I", claim)
    (tmp_path / "long.wav").write_bytes(header + samples)
    _, report = read(tmp_path / "long.wav")
    assert report.promised_s == 172_800
    assert report.damage == "16.0 s could be decoded of the 172800.0 s that it promises"


def test_a_video_without_sound_is_an_input_error(tmp_path: Path) -> None:
    arguments = ["-f", "lavfi", "-i", "testsrc=d=1:r=5", "-c:v", "mpeg4", str(tmp_path / "a.mkv")]
    subprocess.run([binary(), "-v", "error", *arguments], check=True)
    with pytest.raises(InputError, match="no audio track"):
        read(tmp_path / "a.mkv")


def test_a_file_without_permission_is_an_input_error(tmp_path: Path) -> None:
    sine(tmp_path / "a.wav").chmod(0)
    if os.geteuid() == 0:
        os.seteuid(65_534)
    try:
        with pytest.raises(InputError, match=r"(?i)permission"):
            read(tmp_path / "a.wav")
    finally:
        os.seteuid(os.getuid())


def test_a_playlist_cannot_reach_the_network(tmp_path: Path) -> None:
    (tmp_path / "a.m3u8").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"
    )
    with pytest.raises(InputError):
        read(tmp_path / "a.m3u8")


def test_without_any_ffmpeg_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    binary.cache_clear()
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(__import__("sys").modules, "imageio_ffmpeg", None)
    try:
        with pytest.raises(BackendError, match="apt install ffmpeg"):
            binary()
    finally:
        binary.cache_clear()
