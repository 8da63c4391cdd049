"""Whoever reads our output may leave early (`head`, a quit `less`): the session goes on to its end."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from stream_engine.events import SessionEnd
from stream_engine.log import read
from tests.speech import CALL
from tests.test_command_line import ENGINE, FAST, tone


def left_after(lines: int, command: list[str | Path], *, errors: int = subprocess.PIPE) -> tuple[int, str]:
    """The exit code, and what was said on stderr, of a command whose reader leaves after so many lines."""
    run = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=errors, text=True, bufsize=1
    )
    assert run.stdout is not None
    for _ in range(lines):
        assert run.stdout.readline()
    run.stdout.close()
    try:
        said = run.stderr.read() if run.stderr else ""
        return run.wait(60), said
    finally:
        run.kill()
        if run.stderr:
            run.stderr.close()
        run.wait()


def complete(folder: Path) -> bool:
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["exit_status"] == 0
    assert {output["state"] for output in manifest["outputs"].values()} <= {"written", "skipped"}
    assert isinstance(list(read(folder / "events.jsonl"))[-1], SessionEnd)
    return (folder / "transcript.txt").exists() and not (folder / "checkpoint.sqlite").exists()


def test_a_transcript_read_by_head_is_whole_on_disk(tmp_path: Path) -> None:
    options = ["--no-cache", "--diarizer", "none", "--analytics", "none"]
    command = [*ENGINE, "transcribe", CALL, "--out", tmp_path, *options]
    assert left_after(2, command, errors=subprocess.DEVNULL) == (0, "")
    assert complete(tmp_path / "sample")
    assert "New Jersey" in (tmp_path / "sample" / "transcript.txt").read_text()


@pytest.mark.parametrize("errors", [subprocess.PIPE, subprocess.STDOUT], ids=["stdout", "both"])
@pytest.mark.parametrize("lines", [0, 1])
def test_a_json_reader_that_leaves_costs_no_session(tmp_path: Path, lines: int, errors: int) -> None:
    audio = tone(tmp_path / "a.wav", 10.0)
    command = [*ENGINE, "transcribe", audio, "--out", tmp_path, "--json", "--no-cache", "--pace", "10", *FAST]
    code, said = left_after(lines, command, errors=errors)
    assert code == 0
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert complete(tmp_path / "a")


def test_an_exit_code_holds_when_nobody_reads_why(tmp_path: Path) -> None:
    bad, good = tmp_path / "bad.wav", tone(tmp_path / "good.wav")
    bad.write_text("this is no recording")
    command = [*ENGINE, "transcribe", bad, good, "--out", tmp_path / "out", "--no-cache", *FAST]
    assert left_after(0, command, errors=subprocess.STDOUT)[0] == 5
    assert complete(tmp_path / "out" / "good")


@pytest.mark.parametrize(
    "command",
    [[*ENGINE, "doctor"], [*ENGINE, "models"], [sys.executable, "-m", "sinks.schemas"]],
    ids=["doctor", "models", "schemas"],
)
def test_a_list_that_nobody_reads_to_its_end_ends_quietly(command: list[str | Path]) -> None:
    assert left_after(0, command) == (0, "")
