"""What stands around the peers of `benches.peers`: processes that are watched, environments, made-up talk."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benches.peers import environments
from benches.peers.__main__ import lines, measure, parsed
from benches.peers.programs.voices_in_samples import RATE, VOICES, read, talk, told
from benches.peers.side_by_side import slope
from benches.peers.watched import Watched


def program(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_what_a_program_says_comes_with_its_time_and_its_memory() -> None:
    text = "import json, time\nprint(json.dumps({'kind': 'a'}), flush=True)\nx = b'1' * 50_000_000\n"
    run = Watched(program(text + "time.sleep(0.6)\nprint('no JSON')\nprint(json.dumps({'kind': 'b'}))"))
    first, second = run.first(kind="a"), run.first(kind="b")
    assert first is not None
    assert second is not None
    assert second - first > 0.5
    assert run.wall_s >= second
    assert 48 < run.anon_mb <= run.rss_mb
    assert run.first(kind="c") is None
    assert not run.stopped


def test_children_are_counted() -> None:
    child = "x = b'1' * 50_000_000; import time; time.sleep(0.6)"
    run = Watched(program(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"))
    assert run.anon_mb > 48


def test_a_program_is_stopped_where_that_is_enough_or_in_time() -> None:
    text = "import json, time\nprint(json.dumps({'kind': 'first'}), flush=True)\ntime.sleep(60)"
    for limits in ({"enough": lambda line: line["kind"] == "first"}, {"limit_s": 0.5}):
        run = Watched(program(text), **limits)
        assert run.stopped
        assert run.wall_s < 20


def test_a_program_that_fails_is_an_error_with_its_last_words() -> None:
    with pytest.raises(RuntimeError, match="no such model"):
        Watched(program("raise SystemExit('no such model')"))


def test_a_peer_that_is_not_set_up_is_named_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    found = measure(["diart"])
    assert found == {"diart": {"missing": "no environment for diart: python -m benches.peers setup diart"}}
    assert "| missing | no environment for diart" in "\n".join(lines(found))


def test_an_environment_made_from_another_list_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = environments.root() / "pydub" / environments.DONE
    done.parent.mkdir(parents=True)
    done.write_text(environments.wanted("pydub"))
    assert environments.python("pydub").parent.parent == done.parent
    done.write_text("pydub==0")
    with pytest.raises(environments.MissingEnvironment):
        environments.python("pydub")


def test_every_package_is_pinned_and_no_list_names_a_host() -> None:
    for name in environments.names():
        for line in environments.wanted(name).splitlines():
            assert line.startswith(("#", "--no-deps")) or line.count("==") == 1, line
            assert "/" not in line
            assert not line.startswith(("-i", "--index", "--extra"))


def test_an_unknown_peer_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parsed(["run", "nobody"])
    assert "unknown peer: nobody" in capsys.readouterr().err


def test_samples_say_who_speaks() -> None:
    heard = read(np.concatenate(list(told(30))))
    assert heard.shape == (30 * RATE, VOICES)
    for start, end, speaker in talk(30):
        assert heard[int(start * RATE) : int(end * RATE), int(speaker[1:])].all()
    spoken = sum(int(end * RATE) - int(start * RATE) for start, end, _ in talk(30))
    assert heard.sum() == spoken


def test_growth_is_told_per_minute() -> None:
    assert slope([60, 120, 300], [100, 110, 140]) == pytest.approx(10)
    assert slope([60], [100]) == 0
