"""ffmpeg as a source: every kind of input ends as documented, and nothing is left behind.

Lengths are compared within 5 ms of what the container says, whatever the codec.
"""

from __future__ import annotations

import functools
import http.server
import math
import os
import struct
import subprocess
import threading
import wave
from collections.abc import Awaitable, Callable, Iterator
from contextlib import nullcontext
from pathlib import Path

import anyio
import numpy as np
import psutil
import pytest

from stream_engine.errors import BackendError, InputError
from stream_engine.events import SourceChunk
from stream_engine.ffmpeg import Decoder, DecodeReport
from stream_engine.ffmpeg_command import binary
from stream_engine.inputs import Input, Pcm
from stream_engine.pace import paced


@pytest.fixture(autouse=True)
def workers_end(nothing_left_behind: None) -> Iterator[None]:
    """Waits for anyio's workers: the end of an event loop asks them to end, and does not wait."""
    yield
    for thread in threading.enumerate():
        if thread.name == "AnyIO worker thread":
            thread.join(5)


BACKENDS = ("asyncio", "trio")
FORMATS = {  # file: seconds, rate, channels
    "jfk_44k_stereo.flac": (11.0, 44_100, 2),
    "jfk_44k.m4a": (11.005, 44_100, 1),
    "jfk_16k.mp3": (11.0, 16_000, 1),
    "digits_8k.wav": (8.308, 8_000, 1),
    "onetwothree_audio-mono-8-bit-44100Hz.wav": (2.745, 44_100, 1),
    "onetwothree_audio-mono-24-bit-44100Hz.wav": (2.745, 44_100, 1),
    "onetwothree_audio-stereo-16-bit-44100Hz.flac": (2.745, 44_100, 2),
    "sonnet1_9s.ogg": (8.995, 44_100, 2),
    "sonnet1_9s.mp3": (9.013, 44_100, 2),
    "sonnet1_9s.flac": (8.986, 44_100, 2),
}


async def decode(source: Input, **options: object) -> tuple[np.ndarray, DecodeReport]:
    async with Decoder(source, **options) as decoder:  # type: ignore[arg-type]
        samples = [chunk.samples async for chunk in decoder]
    assert decoder.report is not None
    return np.concatenate(samples), decoder.report


def read(path: Path, **options: object) -> tuple[np.ndarray, DecodeReport]:
    return anyio.run(functools.partial(decode, Input.parse(str(path)), **options))


def sine(
    path: Path, *, seconds: float = 2.0, rate: int = 16_000, channels: int = 1, codec: str = "pcm_s16le"
) -> Path:
    """A file with a tone of its own in each channel, made by ffmpeg."""
    expression = "|".join(f"0.1*sin(2*PI*{200 * (channel + 1)}*t)" for channel in range(channels))
    source = f"aevalsrc={expression}:s={rate}:d={seconds}"
    subprocess.run(
        [binary(), "-v", "error", "-y", "-f", "lavfi", "-i", source, "-c:a", codec, f"file:{path}"],
        check=True,
    )
    return path


# --- what is sound -------------------------------------------------------------------------------


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


# --- what is not ---------------------------------------------------------------------------------


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


# --- live ----------------------------------------------------------------------------------------


def wav_bytes(seconds: int) -> bytes:
    """A WAV as a pipe's writer makes it, with a size that means unknown."""
    samples = (np.sin(np.arange(16_000 * seconds) / 10) * 9000).astype("<i2").tobytes()
    header = b"RIFF\xff\xff\xff\xffWAVEfmt " + struct.pack("<IHHIIHH", 16, 1, 1, 16_000, 32_000, 2, 16)
    return header + b"data\xff\xff\xff\xff" + samples


def piped(content: bytes, pcm: Pcm | None = None) -> tuple[np.ndarray, DecodeReport]:
    """What comes out when `content` is written to stdin."""
    reader, writer = os.pipe()

    def write() -> None:
        with os.fdopen(writer, "wb") as file:
            file.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        return anyio.run(functools.partial(decode, Input.parse("-", pcm), stdin=reader))
    finally:
        os.close(reader)
        thread.join()


def test_stdin_takes_any_container_and_loses_nothing(data: Path) -> None:
    samples, report = piped(wav_bytes(5))
    assert len(samples) == 80_000
    assert report == DecodeReport(80_000, 16_000, None, None)
    ogg, _ = piped((data / "formats" / "sonnet1_9s.ogg").read_bytes())
    assert len(ogg) / 16_000 == pytest.approx(8.995, abs=0.006)


@pytest.mark.parametrize("text", ["s16le:16000:1", "f32le:48000:2", "s16le:8000:6"])
def test_stdin_takes_raw_samples(text: str) -> None:
    pcm = Pcm.parse(text)
    kind = np.dtype("<i2" if pcm.format == "s16le" else "<f4")
    tone = np.sin(np.arange(pcm.rate) / 5)
    values = (tone * 9000).astype(kind) if kind.kind == "i" else tone.astype(kind)
    samples, report = piped(np.repeat(values, pcm.channels).tobytes(), pcm)
    assert report.damage is None
    assert len(samples) == pytest.approx(16_000, abs=16)


def test_empty_stdin_is_an_input_error() -> None:
    with pytest.raises(InputError, match="stdin"):
        piped(b"")
    with pytest.raises(InputError, match="stdin: holds no audio"):
        piped(b"", Pcm.parse("s16le:16000:1"))


def test_a_terminal_is_no_recording() -> None:
    ours, theirs = os.openpty()
    try:
        with pytest.raises(InputError, match="terminal"):
            anyio.run(functools.partial(decode, Input.parse("-"), stdin=theirs))
    finally:
        os.close(ours)
        os.close(theirs)


async def test_live_samples_leave_while_the_writer_goes_on() -> None:
    reader, writer = os.pipe()
    pcm = Pcm.parse("s16le:16000:1")
    try:
        async with anyio.create_task_group() as group:

            async def write() -> None:
                for _ in range(100):
                    os.write(writer, bytes(640))
                    await anyio.sleep(0.02)
                os.close(writer)

            group.start_soon(write)
            received = 0
            async with Decoder(Input.parse("-", pcm), stdin=reader) as decoder:
                async for chunk in decoder:
                    received += len(chunk.samples)
                    if received < 16_000:
                        assert len(chunk.samples) <= 8000
                        began = anyio.current_time()
            assert received == 32_000
            assert anyio.current_time() - began > 0.5  # the first second was out long before the end
    finally:
        os.close(reader)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_fifo_that_nobody_writes_to_is_given_up(tmp_path: Path, backend: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    source = Input.parse(str(tmp_path / "pipe"))
    with pytest.raises(InputError, match=r"no data came for 0\.3 s"):
        anyio.run(functools.partial(decode, source, stall_timeout_s=0.3), backend=backend)


def test_a_fifo_that_falls_silent_ends_damaged(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    done = threading.Event()

    def write() -> None:
        with (tmp_path / "pipe").open("wb") as file:
            file.write(wav_bytes(5))
            file.flush()
            done.wait(20)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        samples, report = read(tmp_path / "pipe", stall_timeout_s=2.0)
    finally:
        done.set()
        thread.join()
    assert len(samples) > 3 * 16_000
    assert report.damage == "no data came for 2 s"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, threading.Event]]:
    """A web server for `tmp_path`; any path that ends in `silent` never answers until the event is set."""
    release = threading.Event()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments, directory=str(tmp_path))  # type: ignore[arg-type]

        def do_GET(self) -> None:
            if self.path.endswith("silent"):
                release.wait(20)
            else:
                super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}", release
        release.set()
        found.shutdown()
        thread.join()


def test_a_url_is_read_and_its_refusals_are_input_errors(
    tmp_path: Path, server: tuple[str, threading.Event]
) -> None:
    address, _ = server
    sine(tmp_path / "a.flac", codec="flac")
    samples, report = anyio.run(decode, Input.parse(f"{address}/a.flac"))
    assert (len(samples), report.damage) == (32_000, None)
    with pytest.raises(InputError, match="404"):
        anyio.run(decode, Input.parse(f"{address}/none.flac"))
    silent = functools.partial(decode, Input.parse(f"{address}/silent"), stall_timeout_s=0.5)
    with pytest.raises(InputError, match="no data came"):
        anyio.run(silent)


# --- ends ----------------------------------------------------------------------------------------

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


# --- pace ----------------------------------------------------------------------------------------


class Instant:
    """A source without any wait of its own: ten chunks of a minute."""

    def __init__(self) -> None:
        self.left = 10

    def __aiter__(self) -> Instant:
        return self

    async def __anext__(self) -> SourceChunk:
        if not self.left:
            raise StopAsyncIteration
        self.left -= 1
        start = (9 - self.left) * 60_000
        return SourceChunk(start=start, rate=1000, samples=np.zeros((60_000, 1), np.float32))


def test_paced_audio_leaves_no_earlier_than_it_could_have_been_heard() -> None:
    from trio.testing import MockClock

    async def session() -> None:
        began = anyio.current_time()
        end = 0
        async for piece in paced(Instant(), 2.0):
            assert piece.start == end
            assert len(piece.samples) <= 100
            end = piece.end
            assert anyio.current_time() - began >= end / 1000 / 2 - 1e-6
        assert end == 600_000
        assert anyio.current_time() - began == pytest.approx(300)

    options = {"clock": MockClock(autojump_threshold=0)}
    anyio.run(session, backend="trio", backend_options=options)


def test_a_pace_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        paced(Instant(), 0.0)
    source = Instant()
    assert paced(source, None) is source


def test_wave_files_of_the_standard_library_agree(tmp_path: Path) -> None:
    values = (np.sin(np.arange(20_000) / 7) * 20_000).astype("<i2")
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(values.tobytes())
    samples, _ = read(tmp_path / "a.wav")
    assert np.array_equal(samples[:, 0], values.astype(np.float32) / 32_768)
