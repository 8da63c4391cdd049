"""A session that is killed goes on where it was, and nobody can tell from what it wrote."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream_engine.barrier import Barrier
from stream_engine.checkpoint import CHECKPOINT, Checkpoint
from stream_engine.events import Segment, Spoken, Utterance
from tests.speech import CALL
from tests.test_command_line import ENGINE, engine, finals

KILLS = int(os.environ.get("KILLS", "10"))
DOCUMENTS = ("transcript.txt", "transcript.srt", "transcript.vtt", "turns.rttm")
EVERY = ("--checkpoint-every", "5")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """An uninterrupted session, and the bytes of its log."""
    out = tmp_path_factory.mktemp("whole")
    assert engine("ingest", CALL, "--cache", out / "cache").returncode == 0
    run = engine("transcribe", CALL, "--out", out, "--cache", decoded(out, "used"), *EVERY)
    assert run.returncode == 0, run.stderr
    return out, (out / "sample" / "events.jsonl").stat().st_size


def decoded(out: Path, name: str) -> Path:
    """A cache that holds the decoded audio, and no result yet."""
    return Path(shutil.copytree(out / "cache", out / name, copy_function=shutil.copy2))


def killed(out: Path, cache: Path, at_byte: float, later_s: float = 0.0, options: Sequence[str] = ()) -> None:
    """Starts the session, and kills it when its log has grown so far, or a little later."""
    log = out / "sample" / "events.jsonl"
    command = [*ENGINE, "transcribe", CALL, "--out", out, "--cache", cache, "--quiet", *EVERY, *options]
    run = subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL)
    while run.poll() is None and (not log.exists() or log.stat().st_size < at_byte):
        time.sleep(0.003)
    time.sleep(later_s)
    run.send_signal(signal.SIGKILL)
    run.wait()


@pytest.mark.timeout(60 * KILLS)
def test_after_a_kill_at_any_moment_the_outputs_are_those_of_an_uninterrupted_run(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    out, size = whole
    chance = random.Random(20261120)
    resumed = {True: 0, False: 0}
    for number in range(KILLS):
        known = number % 2 == 0  # its audio was decoded before; else it is decoded while all else goes on
        folder = tmp_path / str(number)
        cache = decoded(out, f"cache {number}") if known else tmp_path / f"cache {number}"
        killed(folder, cache, chance.uniform(0, 0.95) * size, chance.uniform(0, 0.1))
        run = engine("transcribe", CALL, "--out", folder, "--cache", cache, *EVERY)
        assert run.returncode == 0, run.stderr
        assert finals(folder / "sample") == finals(out / "sample"), f"kill {number}"
        for name in DOCUMENTS:
            assert (folder / "sample" / name).read_bytes() == (out / "sample" / name).read_bytes()
        assert not (folder / "sample" / CHECKPOINT).exists()
        figures = json.loads((folder / "sample" / "performance.json").read_text())
        resumed[known] += bool(figures["resumed_at_s"])
        assert not known or "decode" not in figures["stages"]
    assert min(resumed.values()) >= KILLS // 6, "hardly any run went on from a checkpoint: little was tested"


def test_a_session_that_was_killed_twice_and_interrupted_once_still_ends_the_same(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    out, size = whole
    cache = decoded(out, "cache of the twice killed")
    for share in (0.4, 0.5):
        killed(tmp_path, cache, share * size)
    command = [*ENGINE, "transcribe", CALL, "--out", tmp_path, "--cache", cache, *EVERY]
    run = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(2)
    run.send_signal(signal.SIGINT)
    assert run.wait(60) in (0, 130)
    last = engine("transcribe", CALL, "--out", tmp_path, "--cache", cache, *EVERY)
    assert last.returncode == 0, last.stderr
    assert finals(tmp_path / "sample") == finals(out / "sample")


def test_text_of_open_turns_goes_on_after_a_kill_as_if_nothing_had_happened(
    whole: tuple[Path, int], tmp_path: Path
) -> None:
    out, size = whole
    command = ["transcribe", CALL, "--partials", *EVERY]
    assert engine(*command, "--out", tmp_path / "a", "--cache", decoded(out, "with partials")).returncode == 0
    cache = decoded(out, "with partials, killed")
    killed(tmp_path / "b", cache, 0.8 * size, options=["--partials"])
    assert engine(*command, "--out", tmp_path / "b", "--cache", cache).returncode == 0
    figures = json.loads((tmp_path / "b" / "sample" / "performance.json").read_text())
    assert figures["resumed_at_s"] > 0
    assert finals(tmp_path / "b" / "sample") == finals(tmp_path / "a" / "sample")


def test_fresh_starts_over(whole: tuple[Path, int], tmp_path: Path) -> None:
    out, size = whole
    cache = decoded(out, "cache of the fresh")
    killed(tmp_path, cache, 0.7 * size)
    run = engine("transcribe", CALL, "--out", tmp_path, "--cache", cache, "--fresh", *EVERY)
    assert run.returncode == 0
    assert json.loads((tmp_path / "sample" / "performance.json").read_text())["resumed_at_s"] == 0
    assert finals(tmp_path / "sample") == finals(out / "sample")


# --- the file itself -----------------------------------------------------------------------------


def test_a_cut_is_read_back_with_its_states_by_the_same_session_only(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    checkpoint = Checkpoint(path, {"input": "a", "speakers": None})
    assert checkpoint.position == 0
    checkpoint.commit(Barrier(1, 480_000), {"event log": 123, "sum": 7})
    checkpoint.commit(Barrier(2, 960_000), {"event log": 456, "sum": 9})
    checkpoint.close()
    again = Checkpoint(path, {"speakers": None, "input": "a"})
    assert (again.number, again.position, again.log_bytes) == (2, 960_000, 456)
    assert again.state("sum", int) == 9
    assert again.state("nobody", int) is None
    again.close()
    other = Checkpoint(path, {"input": "b", "speakers": None})
    assert other.position == 0
    assert other.state("sum", int) is None
    other.close()
    assert path.stat().st_mode & 0o077 == 0


def test_an_utterance_is_recognised_once_over_all_runs_and_again_when_anything_changes(
    tmp_path: Path,
) -> None:
    import numpy as np

    audio = {"samples": np.arange(32_000, dtype=np.float32)}
    asked: list[int] = []

    def recognise(utterances: Sequence[Utterance]) -> list[list[Segment]]:
        asked.extend(one.id for one in utterances)
        return [
            [Segment(id=one.id, revision=0, final=True, start=one.start, end=one.end, speaker="A",
                     text=f"said {len(asked)}", words=None)]
            for one in utterances
        ]  # fmt: skip

    def view(one: Spoken) -> np.ndarray:
        return audio["samples"][one.start : one.end]

    first = Utterance(id=0, start=0, end=16_000, speaker="A", turns=(0,))
    second = Utterance(id=1, start=16_000, end=32_000, speaker="A", turns=(1,))
    for model in ("m", "m", "other"):
        checkpoint = Checkpoint(tmp_path / CHECKPOINT, {"input": "a"})
        recall = checkpoint.remembered(recognise, view, model)
        assert recall([first]) == recall([first])
        assert recall([first, second])[0] == recall([second, first])[1] == recall([first])[0]
        checkpoint.close()
    assert asked == [0, 1, 0, 1]  # once for each model
    audio["samples"] = audio["samples"] + 1
    checkpoint = Checkpoint(tmp_path / CHECKPOINT, {"input": "a"})
    checkpoint.remembered(recognise, view, "m")([first])
    checkpoint.close()
    assert asked == [0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "other", [{"id": 9}, {"speaker": "B"}, {"turns": (3,)}, {"start": 1}, {"end": 15_999}]
)
def test_an_utterance_with_another_speaker_time_or_turn_is_recognised_again(
    tmp_path: Path, other: dict[str, Any]
) -> None:
    import numpy as np

    asked: list[Utterance] = []

    def recognise(utterances: Sequence[Utterance]) -> list[list[Segment]]:
        asked.extend(utterances)
        return [[] for _ in utterances]

    checkpoint = Checkpoint(tmp_path / CHECKPOINT, {"input": "a"})
    recall = checkpoint.remembered(recognise, lambda _: np.zeros(16_000, np.float32), "m")  # the same audio
    one = Utterance(id=0, start=0, end=16_000, speaker="A", turns=(0,))
    for utterance in (one, one, msgspec.structs.replace(one, **other)):
        recall([utterance])
    checkpoint.close()
    assert asked == [one, msgspec.structs.replace(one, **other)]


COMMITS = """
import os, signal, sys
from pathlib import Path
from stream_engine.barrier import Barrier
from stream_engine.checkpoint import Checkpoint

folder = Path(sys.argv[1])

def commit(checkpoint, n):
    checkpoint.commit(Barrier(n, n * 16), {"event log": n, "a": n, "b": bytes([n]) * 4_000_000})

def dies_at(statement):
    checkpoint = Checkpoint(folder / str(statement), {"input": "a"})
    commit(checkpoint, 1)
    left = iter(range(statement))
    checkpoint._database.set_trace_callback(
        lambda _: next(left, None) is None and os.kill(os.getpid(), signal.SIGKILL)
    )
    commit(checkpoint, 2)
    os._exit(0)

for statement in range(99):
    child = os.fork()
    if not child:
        dies_at(statement)
    if not os.waitpid(child, 0)[1]:
        break  # it came to its end: no statement is left
"""


def test_a_kill_at_any_statement_of_a_commit_leaves_the_cut_before_whole(tmp_path: Path) -> None:
    """The child is killed as SQLite begins a statement; what is written is more than its cache holds back."""
    subprocess.run([sys.executable, "-c", COMMITS, tmp_path], check=True, timeout=60)
    count = max(int(path.name) for path in tmp_path.iterdir() if path.name.isdigit())
    assert count >= 5, "hardly any statement was seen"
    for statement in range(count + 1):
        checkpoint = Checkpoint(tmp_path / str(statement), {"input": "a"})
        cut = 2 if statement == count else 1
        assert (checkpoint.number, checkpoint.position, checkpoint.log_bytes) == (cut, cut * 16, cut)
        assert checkpoint.state("a", int) == checkpoint.state("event log", int) == cut
        assert checkpoint.state("b", bytes) == bytes([cut]) * 4_000_000
        checkpoint.close()


def test_a_kill_in_the_middle_of_a_commit_leaves_the_cut_before(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from stream_engine.barrier import Barrier\n"
        "from stream_engine.checkpoint import Checkpoint\n"
        "c = Checkpoint(Path(sys.argv[1]), {'input': 'a'})\n"
        "for n in range(1, 10**6):\n"
        "    c.commit(Barrier(n, n * 16), {'event log': n, 'a': n, 'b': bytes(50_000)})\n"
        "    n > 1 or print('begun', flush=True)\n"
    )
    path = tmp_path / CHECKPOINT
    for delay in (0.1, 0.2, 0.3):
        run = subprocess.Popen([sys.executable, "-c", script, path], stdout=subprocess.PIPE)
        assert run.stdout is not None
        assert run.stdout.readline() == b"begun\n"
        time.sleep(delay)
        run.kill()
        run.communicate()
        checkpoint = Checkpoint(path, {"input": "a"})
        assert checkpoint.number > 0
        assert checkpoint.log_bytes == checkpoint.number == checkpoint.position // 16
        assert checkpoint.state("a", int) == checkpoint.number
        checkpoint.close()


def test_a_checkpoint_that_is_no_database_is_exit_7_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    (tmp_path / "sample" / CHECKPOINT).write_bytes(b"not a database" * 100)
    run = engine("transcribe", CALL, "--out", tmp_path, "--no-cache", "--asr", "none", "--diarizer", "none")
    assert run.returncode == 7
    assert "--fresh" in run.stderr
