"""Stdin, FIFOs and URLs: nothing lost, nothing late, nothing that waits for ever; and pace."""

from __future__ import annotations

import functools
import http.server
import os
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import numpy as np
import pytest

from stream_engine.errors import InputError
from stream_engine.events import SourceChunk
from stream_engine.ffmpeg import Decoder, DecodeReport
from stream_engine.inputs import Input, Pcm
from stream_engine.pace import paced
from tests.decoding import BACKENDS, decode, read, sine

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


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
