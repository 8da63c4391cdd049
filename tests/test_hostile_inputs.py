"""Every broken or odd input ends as `hostile_table` has it: nothing hangs, nothing is half-done."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stream_engine.assembly import session_folders
from stream_engine.events import Event, SessionEnd
from stream_engine.inputs import Input
from stream_engine.log import read
from tests.hostile_table import CASES, Case

TRANSCRIBE = [sys.executable, "-m", "stream_engine", "transcribe", "--no-cache", "--quiet"]
TRANSCRIBE += ["--diarizer", "none", "--asr", "none"]
MANIFEST = "manifest.json"


def powerless() -> None:
    """Takes from root the right to read what it may not, so that permissions hold for it too."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def transcribe(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [*TRANSCRIBE, "--out", str(folder / "out"), *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, errors="surrogateescape", timeout=100,
        check=False, preexec_fn=powerless, **options,
    )  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which one run of the command line has met all cases."""
    folder = tmp_path_factory.mktemp("hostile")
    for case in CASES:
        if case.make is not None:
            case.make(folder / case.name)
    before = {path.name for path in folder.iterdir()}
    run = transcribe(folder, "--stall-timeout", "3", "--", *(case.name for case in CASES))
    assert run.returncode == 5
    assert "Traceback" not in run.stdout + run.stderr
    assert {path.name for path in folder.iterdir()} == before | {"out"}, (
        "a file was left, or a shell was at work"
    )
    (folder / "out" / "stderr").write_text(run.stderr, "utf-8", errors="surrogateescape")
    return folder


@pytest.mark.parametrize("case", CASES, ids=lambda case: ascii(case.what))
def test_an_input_ends_as_documented(inputs: Path, case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(inputs)  # a name is a device only where it is no file
    out = session_folders([Input.parse(case.name) for case in CASES], Path("out"))[CASES.index(case)]
    manifest = json.loads((out / MANIFEST).read_text("utf-8"))
    said = manifest["notes"][-1] if case.code else ""
    assert manifest["exit_status"] == case.code, manifest["notes"]
    assert case.says in said
    assert said.isprintable()
    written = {name for name, output in manifest["outputs"].items() if output["state"] == "written"}
    if case.seconds is None:
        assert not written
        assert not any(isinstance(event, SessionEnd) for event in log_of(out)), "looks complete"
        return
    end = log_of(out)[-1]
    assert isinstance(end, SessionEnd)
    assert end.duration / 16_000 == pytest.approx(case.seconds, abs=0.1 if case.code == 0 else 0.25)
    assert bool(end.damage) == (case.code == 6)
    assert "transcript.txt" in written


def log_of(out: Path) -> list[Event]:
    log = out / "events.jsonl"
    return list(read(log)) if log.exists() else []


def test_every_complaint_is_one_line_that_names_its_input(inputs: Path) -> None:
    lines = (inputs / "out" / "stderr").read_text("utf-8", errors="surrogateescape").splitlines()
    bad = [case for case in CASES if case.code]
    assert len(lines) == len(bad)
    for case, line in zip(bad, lines, strict=True):
        assert line.startswith(f"stream-engine: {case.name}")
        assert line.isprintable()


def test_there_are_at_least_forty_cases_and_all_differ() -> None:
    assert len({case.what for case in CASES}) == len({case.name for case in CASES}) == len(CASES) >= 40


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["gopher://host/a.mp3"], "gopher is not among"),
        ([""], "cannot be the name"),
        (["a.wav", "--pcm", "s16le:16000:1"], "--pcm describes stdin"),
        (["-", "--pcm", "s16le:0:1"], "rate must be"),
        (["https://host/a.mp3", "--offline"], "--offline opens no socket"),
        (["-x.wav"], "required"),
    ],
)
def test_what_can_be_no_input_is_wrong_usage(tmp_path: Path, arguments: list[str], says: str) -> None:
    run = transcribe(tmp_path, *arguments)
    assert run.returncode == 2
    assert says in run.stderr
    assert not list(tmp_path.glob("out/*"))


@pytest.fixture
def silent_server() -> Iterator[str]:
    """Accepts connections, and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/a.mp3"


def test_a_url_that_never_answers_is_given_up(tmp_path: Path, silent_server: str) -> None:
    began = time.monotonic()
    run = transcribe(tmp_path, silent_server, "--stall-timeout", "1")
    assert run.returncode == 3
    assert "no data came for 1 s" in run.stderr
    assert time.monotonic() - began < 15


def test_a_fifo_that_stalls_ends_damaged_and_keeps_what_came(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    sound = ("-f", "lavfi", "-i", "anoisesrc=d=5:r=16000:a=0.1", "-f", "wav", "-")
    writer = subprocess.Popen(
        ["sh", "-c", f"exec 3>pipe; {' '.join(('ffmpeg', '-v', 'quiet', *sound))} >&3; sleep 20"],
        cwd=tmp_path,
    )
    try:
        run = transcribe(tmp_path, "pipe", "--stall-timeout", "1.5")
    finally:
        writer.kill()
        writer.wait()
    assert run.returncode == 6
    assert "no data came for 1.5 s" in run.stderr
    end = log_of(tmp_path / "out" / "pipe")[-1]
    assert isinstance(end, SessionEnd)
    assert end.duration > 3 * 16_000


@pytest.mark.parametrize(
    ("arguments", "endless"),
    [(["lavfi:anoisesrc=r=16000,arealtime"], None), (["-", "--pcm", "s16le:16000:1"], "/dev/zero")],
)
def test_an_endless_source_is_stopped_by_an_interrupt(
    tmp_path: Path, arguments: list[str], endless: str | None
) -> None:
    with open(endless or os.devnull, "rb") as stdin:
        run = subprocess.Popen(
            [*TRANSCRIBE, "--out", str(tmp_path), *arguments], stdin=stdin, stderr=subprocess.PIPE, text=True
        )
        while not list(tmp_path.glob("*/events.jsonl")):
            assert run.poll() is None
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)
        run.send_signal(signal.SIGINT)  # the second does not wait for what was heard
        _, said = run.communicate(timeout=30)
    assert run.returncode == 130
    assert "Traceback" not in said
