"""ffmpeg as a source: every format comes out whole, and however a decode ends, nothing is left behind.

Lengths are compared within 6 ms of what the container says, whatever the codec.
"""

from __future__ import annotations

import math
import os
import subprocess
import wave
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from pathlib import Path

import anyio
import numpy as np
import psutil
import pytest

from operators.audio.intake import Intake
from stream_engine.events import SourceChunk
from stream_engine.ffmpeg import Decoder
from stream_engine.ffmpeg_command import binary
from stream_engine.inputs import Input
from stream_engine.testing import run
from tests.decoding import BACKENDS, FORMATS, decode, read, sine

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_decodes_to_its_length(data: Path, name: str, resample: bool) -> None:
    seconds, rate, channels = FORMATS[name]
    samples, report = read(data / "formats" / name, resample=resample)
    assert samples.shape[1] == (1 if resample else channels)
    assert report.rate == (16_000 if resample else rate)
    assert report.frames == len(samples)
    assert report.frames / report.rate == pytest.approx(seconds, abs=0.006)
    assert report.damage is None


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_every_rate_comes_out_whole(tmp_path: Path, rate: int) -> None:
    path = sine(tmp_path / "a.wav", rate=rate)
    samples, report = read(path)
    assert abs(len(samples) - 32_000) <= 16
    assert samples.std() == pytest.approx(0.1 / math.sqrt(2), rel=0.01)
    assert report.promised_s == pytest.approx(2.0)
    assert len(read(path, resample=False)[0]) == 2 * rate


@pytest.mark.parametrize("channels", range(1, 9))
def test_channels_come_one_by_one_and_mix_by_the_mean(tmp_path: Path, channels: int) -> None:
    path = sine(tmp_path / "a.wav", channels=channels)
    native, _ = read(path, resample=False)
    assert native.shape == (32_000, channels)
    time = np.arange(32_000) / 16_000
    for channel in range(channels):
        assert np.abs(native[:, channel] - 0.1 * np.sin(2 * np.pi * 200 * (channel + 1) * time)).max() < 1e-4
    by_ffmpeg, _ = read(path)
    assert np.abs(by_ffmpeg.mean(axis=1) - native.mean(axis=1)).max() < 1e-4


@pytest.mark.parametrize("codec", ["pcm_u8", "pcm_s24le", "pcm_s32le", "pcm_f32le", "pcm_f64le"])
def test_every_width_of_sample_has_the_same_level(tmp_path: Path, codec: str) -> None:
    samples, _ = read(sine(tmp_path / "a.wav", codec=codec))
    assert samples.std() == pytest.approx(0.1 / math.sqrt(2), rel=0.02)


def test_a_video_gives_its_sound_and_cover_art_is_left_alone(tmp_path: Path) -> None:
    tone = sine(tmp_path / "tone.wav")
    for name, picture, options in [
        ("video.mkv", "testsrc=d=5:r=5", ["-c:v", "mpeg4"]),
        ("cover.mp3", "testsrc=d=1:r=1", ["-frames:v", "1", "-c:v", "png", "-disposition:v", "attached_pic"]),
    ]:
        arguments = ["-f", "lavfi", "-i", picture, "-i", str(tone), *options, str(tmp_path / name)]
        subprocess.run([binary(), "-v", "error", "-y", *arguments], check=True)
        samples, report = read(tmp_path / name)
        assert len(samples) == pytest.approx(32_000, abs=1200)
        assert report.damage is None  # though the video promises five seconds


@pytest.mark.parametrize(
    "name", ["-dash.wav", "a b.wav", "new\nline.wav", "quo'te\".wav", "c:d.wav", "%d.wav"]
)
def test_odd_names_are_opened(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sine(tmp_path / "plain.wav").rename(name)
    assert len(read(Path(name))[0]) == 32_000


def test_chunks_follow_one_another_in_blocks(tmp_path: Path) -> None:
    async def starts() -> list[tuple[int, int]]:
        async with Decoder(Input.parse(str(sine(tmp_path / "a.wav"))), block_s=0.5) as decoder:
            return [(chunk.start, chunk.end) async for chunk in decoder]

    assert anyio.run(starts) == [(0, 8000), (8000, 16_000), (16_000, 24_000), (24_000, 32_000)]


@pytest.mark.parametrize("name", ["jfk_44k_stereo.flac", "sonnet1_9s.mp3", "digits_8k.wav"])
def test_ffmpeg_and_the_operator_resample_to_the_same_speech(data: Path, name: str) -> None:
    """Tolerance: the difference is 36 dB below the speech; the filters differ near 8 kHz."""
    by_ffmpeg, _ = read(data / "formats" / name)
    native, report = read(data / "formats" / name, resample=False)
    chunks = run(Intake(), [SourceChunk(start=0, rate=report.rate, samples=native)])
    by_operator = np.concatenate([chunk.samples for chunk in chunks])
    assert abs(len(by_ffmpeg) - len(by_operator)) <= 16
    shared = min(len(by_ffmpeg), len(by_operator))
    difference = by_ffmpeg[:shared, 0] - by_operator[:shared]
    assert difference.std() < by_operator.std() * 10 ** (-36 / 20)


def test_a_rate_that_no_operator_can_resample_is_left_to_ffmpeg(tmp_path: Path) -> None:
    samples, report = read(sine(tmp_path / "a.wav", rate=11_127, channels=2), resample=False)
    assert report.rate == 16_000
    assert samples.shape == (pytest.approx(32_000, abs=16), 2)


def test_wave_files_of_the_standard_library_agree(tmp_path: Path) -> None:
    values = (np.sin(np.arange(20_000) / 7) * 20_000).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(values.tobytes())
    samples, _ = read(tmp_path / "a.wav")
    assert np.array_equal(samples[:, 0], values.astype(np.float32) / 32_768)


Scenario = Callable[[Decoder], Awaitable[None]]


async def leave_early(decoder: Decoder) -> None:
    async for _ in decoder:
        return


async def fail(decoder: Decoder) -> None:
    async for _ in decoder:
        raise RuntimeError("the graph failed")


async def cancel(decoder: Decoder) -> None:
    with anyio.CancelScope() as scope:
        async for _ in decoder:
            scope.cancel()


async def cancel_while_it_waits(decoder: Decoder) -> None:
    with anyio.move_on_after(0.2):
        async for _ in decoder:
            await anyio.sleep(60)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("scenario", [leave_early, fail, cancel, cancel_while_it_waits])
def test_however_it_ends_ffmpeg_is_gone(tmp_path: Path, backend: str, scenario: Scenario) -> None:
    path = sine(tmp_path / "a.wav", seconds=120)
    pids: list[int] = []

    async def session() -> None:
        async with Decoder(Input.parse(str(path)), block_s=0.1) as decoder:
            pids.append(decoder.pid)
            await scenario(decoder)

    with pytest.raises(RuntimeError) if scenario is fail else nullcontext():
        anyio.run(session, backend=backend)
    assert not psutil.pid_exists(pids[0])


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_read_that_never_returns_can_be_cancelled(backend: str) -> None:
    reader, writer = os.pipe()

    async def session() -> None:
        with anyio.move_on_after(0.3) as scope:
            await decode(Input.parse("-"), stdin=reader)
        assert scope.cancelled_caught

    try:
        anyio.run(session, backend=backend)
    finally:
        os.close(reader)
        os.close(writer)
