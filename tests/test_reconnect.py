"""A web address that breaks off: damaged without `--reconnect`, whole with it."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from stream_engine.ffmpeg_command import command
from stream_engine.inputs import Input
from tests.decoding import decode
from tests.hostile import recording

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def breaking_off() -> Iterator[str]:
    """A web server for one FLAC that hangs up after a third of it, the first time."""
    whole = recording("flac")
    answered: list[int] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
            self.send_response(206 if "Range" in self.headers else 200)
            self.send_header("Content-Length", str(len(whole) - begin))
            self.send_header("Content-Range", f"bytes {begin}-{len(whole) - 1}/{len(whole)}")
            self.send_header("Accept-Ranges", "bytes")
            self.end_headers()
            end = len(whole) if answered else len(whole) // 3
            answered.append(begin)
            self.wfile.write(whole[begin:end])

        def log_message(self, *_: object, **__: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as found:
        thread = threading.Thread(target=found.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}/a.flac"
        found.shutdown()
        thread.join()


@pytest.mark.parametrize("reconnect", [False, True])
def test_a_connection_that_breaks_off(breaking_off: str, reconnect: bool) -> None:
    source = Input.parse(breaking_off)
    samples, report = anyio.run(functools.partial(decode, source, reconnect=reconnect))
    if reconnect:
        assert (len(samples), report.damage) == (64_000, None)
    else:
        assert len(samples) < 32_000
        assert report.damage is not None


def test_only_web_addresses_are_told_to_reconnect(tmp_path: Path) -> None:
    for text, expected in (("https://host/a.mp3", True), ("rtsp://host/cam", False), (str(tmp_path), False)):
        arguments = command(Input.parse(text), resample=True, reconnect=True)
        assert ("-reconnect" in arguments) is expected
