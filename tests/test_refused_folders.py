"""Folders that cannot be had or hold nothing yet, collectors that are away, inputs of one name."""

from __future__ import annotations

import json
import resource
import socket
from pathlib import Path

import pytest

from tests.speech import CALL
from tests.test_command_line import FAST, engine, one_line, tone

QUICK = [*FAST, "--analytics", "none", "--no-cache"]


def test_a_start_that_failed_leaves_the_folder_free(tmp_path: Path) -> None:
    audio = tone(tmp_path / "a.wav")
    command = ["transcribe", audio, "--out", tmp_path, "--no-cache", "--diarizer", "none", "--quiet"]
    assert engine(*command, "--language", "de").returncode == 4
    assert {path.name for path in (tmp_path / "a").iterdir()} == {"manifest.json"}
    run = engine(*command, "--language", "en")
    assert (run.returncode, run.stderr) == (0, "")
    other = engine(*command, "--language", "en", "--asr", "none")
    assert other.returncode == 2, "now it holds a session"
    assert "other options" in one_line(other)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A session of a call, with more in its log than the limit of the test below."""
    out = tmp_path_factory.mktemp("session")
    run = engine("transcribe", CALL, "--out", out, "--no-cache", "--asr", "none", "--formats", "txt")
    assert run.returncode == 0, run.stderr
    return out / "sample"


@pytest.mark.parametrize("room", [100, 2_000], ids=["none", "for some outputs"])
def test_rendering_on_a_full_disk_is_exit_7(session: Path, room: int) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))

    manifest = (session / "manifest.json").read_bytes()
    run = engine("render", session, "--formats", "all", preexec_fn=small_files_only)
    assert run.returncode == 7
    assert "free some space" in one_line(run)
    assert (session / "manifest.json").read_bytes() == manifest
    assert not list(session.glob("*.part*"))


def test_an_output_for_which_there_is_no_room_is_exit_7_and_the_others_are_written(session: Path) -> None:
    def room_for_most() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    run = engine("render", session, "--formats", "default", preexec_fn=room_for_most)
    assert run.returncode == 7
    assert "report.html" in one_line(run)
    outputs = json.loads((session / "manifest.json").read_text())["outputs"]
    assert outputs["report.html"]["state"] == "failed"
    assert outputs["turns.rttm"]["state"] == "written"


def test_a_damaged_manifest_or_log_cannot_be_rendered(session: Path, tmp_path: Path) -> None:
    for name, other in (("manifest.json", "events.jsonl"), ("events.jsonl", "manifest.json")):
        folder = tmp_path / name
        folder.mkdir()
        (folder / other).write_bytes((session / other).read_bytes())
        assert engine("render", folder, "--formats", "srt").returncode == 3, "missing"
        (folder / name).write_text('{"type"\n{}\n')
        run = engine("render", folder, "--formats", "srt")
        assert run.returncode == 3
        assert "damaged" in one_line(run)
        assert name in run.stderr


@pytest.mark.parametrize("out", ["/proc/nowhere", "file", "file/below"])
def test_a_folder_that_cannot_be_made_is_exit_7(tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_text("not a folder")
    tone(tmp_path / "a.wav")
    run = engine("transcribe", "a.wav", "--out", out, *QUICK, cwd=tmp_path)
    assert run.returncode == 7
    assert "choose another --out" in one_line(run)
    assert "space" not in run.stderr


def test_a_bench_into_a_file_is_exit_7(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    tone(tmp_path / "data" / "a.wav")
    (tmp_path / "file").write_text("not a folder")
    run = engine("bench", tmp_path / "data", "--out", tmp_path / "file", "--unpaced")
    assert run.returncode == 7
    assert "choose another --out" in one_line(run)


def test_a_collector_that_is_away_is_a_note_and_no_failure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        away = f"http://127.0.0.1:{server.getsockname()[1]}"
    audio = tone(tmp_path / "a.wav")
    run = engine("transcribe", audio, "--out", tmp_path, "--otlp", away, "--quiet", *QUICK)
    assert run.returncode == 0
    assert "Connection refused" in one_line(run)
    assert f"the session itself is complete in {tmp_path / 'a'}" in run.stderr
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert manifest["exit_status"] == 0
    assert manifest["notes"][-1].startswith(f"otlp: {away}")


def test_the_summary_of_several_inputs_names_each_beside_its_folder(tmp_path: Path) -> None:
    for name in ("p", "q"):
        (tmp_path / name).mkdir()
        tone(tmp_path / name / "a.wav")
    run = engine("transcribe", "p/a.wav", "q/a.wav", "--out", "out", *QUICK, cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    rows = [line.split() for line in run.stdout.splitlines()]
    assert ["p/a.wav", "out/a.wav", "0"] in rows
    assert ["q/a.wav", "out/a.wav-2", "0"] in rows
