"""The lag of live text is that of the wall clock, though audio waited in pipes while models were loading."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from stream_engine.clock import RATE
from stream_engine.events import Chunk
from stream_engine.ffmpeg_command import binary
from stream_engine.lineage import Lineage
from tests.speech import CALL

HEARD_S = 13  # two people have spoken by then
PIECE = 640  # bytes: 20 ms


def test_what_is_told_of_a_live_pipe_is_what_a_watch_shows(tmp_path: Path) -> None:
    raw = [binary(), "-v", "error", "-i", CALL, "-t", HEARD_S, "-f", "s16le", "-ar", RATE, "-ac", "1", "-"]
    samples = subprocess.run(list(map(str, raw)), check=True, capture_output=True).stdout
    switches = ("--pcm", "s16le:16000:1", "--analytics", "none", "--no-cache", "--json")
    command = [sys.executable, "-m", "stream_engine", "transcribe", "-", "--out", str(tmp_path), *switches]
    began = time.perf_counter()
    watched: list[float] = []
    told: list[float] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as run:
        speaking = threading.Thread(target=speak, args=(run.stdin, samples, began))
        speaking.start()
        assert run.stdout is not None
        for line in run.stdout:
            event = json.loads(line)
            if event["type"] == "segment" and event["final"]:
                watched.append(time.perf_counter() - began - event["end"])
                told.append(event["emitted_at"] - event["end"])
        speaking.join()
        assert run.wait() == 0
    figures = json.loads((tmp_path / "stdin" / "performance.json").read_text())
    assert max(watched) > 1.0  # so there is something to be told
    assert told == pytest.approx(watched, abs=0.3)
    lag, parts = figures["lag"]["final segment"], figures["word_latency"]
    assert lag["count"] == len(told)
    assert lag["total_s"] == pytest.approx(sum(told), abs=0.02)
    assert lag["total_s"] == pytest.approx(parts["total"]["total_s"], abs=0.005 * len(told))


def speak(pipe: object, samples: bytes, began: float) -> None:
    for at in range(0, len(samples), PIECE):
        time.sleep(max(0.0, began + (at + PIECE) / 2 / RATE - time.perf_counter()))
        pipe.write(samples[at : at + PIECE])
        pipe.flush()
    pipe.close()


@pytest.mark.parametrize(("since_s", "began_s"), [(0, 1), (3, 3)])
def test_audio_began_when_what_waited_least_tells_but_not_before_it_could(since_s: int, began_s: int) -> None:
    lineage = Lineage()
    lineage.live(1e9 / RATE, since=since_s * 10**9)
    lineage.began = 5 * 10**9  # asked for, after loading
    for number, came_s in enumerate((5.0, 5.1, 5.2, 5.3, 6.0, 7.5)):  # each of 1 s: the fifth did not wait
        chunk = Chunk(start=number * RATE, samples=np.zeros(RATE, np.float32))
        lineage.arrived(chunk, round(came_s * 1e9))
    assert lineage.began == began_s * 10**9


def test_a_file_that_comes_as_fast_as_it_can_began_when_it_was_asked_for() -> None:
    lineage = Lineage()
    lineage.began = 5 * 10**9
    lineage.arrived(Chunk(start=0, samples=np.zeros(60 * RATE, np.float32)), 6 * 10**9)
    assert lineage.began == 5 * 10**9


SLOW_TO_LOAD = """
import sys, time
from stream_engine.__main__ import main
from stream_engine.backends import Backends
load = Backends.load
def slowly(*given):
    time.sleep(3)
    print("loaded", file=sys.stderr, flush=True)
    return load(*given)
Backends.load = slowly
sys.exit(main(sys.argv[1:]))
"""


def test_who_speaks_is_heard_while_models_are_loading(tmp_path: Path) -> None:
    minute = np.zeros((60 * 48_000, 2), "<i2").tobytes()  # pipes hold a third of it
    switches = ("--pcm", "s16le:48000:2", "--analytics", "none", "--no-cache", "--quiet")
    command = [sys.executable, "-c", SLOW_TO_LOAD, "transcribe", "-", "--out", str(tmp_path), *switches]
    written: list[float] = []

    def write(pipe: object) -> None:
        pipe.write(minute)
        pipe.close()
        written.append(time.perf_counter())

    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=False) as run:
        writing = threading.Thread(target=write, args=(run.stdin,))
        writing.start()
        assert run.stderr is not None
        assert run.stderr.readline() == b"loaded\n"
        loaded = time.perf_counter()
        writing.join()
        run.stderr.read()
        assert run.wait() == 0
    assert written[0] < loaded
