"""The examples run as their first lines say, on real speech."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.speech import CALL

EXAMPLES = Path(__file__).parents[1] / "examples"


def example(name: str, *arguments: str | Path, stdin: int | None = None) -> str:
    command = [sys.executable, EXAMPLES / name, *arguments]
    run = subprocess.run(command, stdin=stdin, capture_output=True, text=True, timeout=100, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout


@pytest.fixture(scope="module")
def transcribed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    out = tmp_path_factory.mktemp("examples")
    return out, example("transcribe_file.py", CALL, out)


def test_a_file_is_transcribed_from_python(transcribed: tuple[Path, str]) -> None:
    _, said = transcribed
    assert "SPEAKER_00" in said
    assert "New Jersey" in said


def test_a_trace_tells_that_recognition_began_before_diarization_ended(transcribed: tuple[Path, str]) -> None:
    out, _ = transcribed
    said = example("read_trace.py", out / "sample")
    assert "diarization" in said
    assert "before diarization ended" in said
    assert "began -" not in said


def test_an_operator_of_ones_own_runs_over_a_session(tmp_path: Path) -> None:
    said = example("own_operator.py", CALL, tmp_path)
    assert "of the talk" in said.splitlines()[-1]


def test_live_captions_come_from_raw_samples_on_stdin(tmp_path: Path) -> None:
    command = ["ffmpeg", "-v", "error", "-i", CALL, "-f", "s16le", "-ar", "16000", "-ac", "1", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as raw:
        assert raw.stdout is not None
        said = example("live_from_stdin.py", tmp_path, stdin=raw.stdout.fileno())
    assert "New Jersey" in said
    assert "begins to speak" in said


@pytest.mark.parametrize(
    "name", ["transcribe_file.py", "read_trace.py", "own_operator.py", "live_from_stdin.py"]
)
def test_without_arguments_an_example_says_in_one_line_what_it_wants(name: str) -> None:
    command = [sys.executable, EXAMPLES / name]
    run = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert (run.returncode, run.stdout) == (2, "")
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"usage: python examples/{name} ")
