"""What stands around the peers of `benches.peers`: processes that are watched, environments, made-up talk."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benches import __main__ as benches
from benches.peers import environments, plots
from benches.peers.__main__ import PEERS, measure, parsed
from benches.peers.programs.voices_in_samples import RATE, VOICES, read, talk, told
from benches.peers.rows import FIELDS, SIDES, SUMMARY, Costs, by_length, costs, growth, summary
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


def ran(length: int) -> Costs:
    text = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    return costs(Watched(program(text)), length, 0.5)


def test_a_row_has_every_field_of_both_sides_and_nothing_of_a_peer_that_was_not_asked() -> None:
    rows = by_length(ran, ran, [60, 120], alone=[600])
    assert [row["seconds"] for row in rows] == [60, 120, 600]
    for row in rows:
        assert set(row) == {"seconds", *(f"{side}_{field}" for side in SIDES for field in FIELDS)}
        assert all(row[f"ours_{field}"] is not None for field in FIELDS)
        assert all((row[f"theirs_{field}"] is None) == (row["seconds"] == 600) for field in FIELDS)
    found = summary(rows, {"der": 1.5})
    assert tuple(found) == SUMMARY
    assert found["throughput_ours_over_theirs"] == rows[1]["ours_x_real_time"] / rows[1]["theirs_x_real_time"]
    assert found["first_result_theirs_over_ours"] == 1


def test_growth_is_told_per_minute_over_the_last_two_lengths_that_a_side_had() -> None:
    rows = [
        {"seconds": seconds, "ours_anon_mb": 7.0, "theirs_anon_mb": theirs}
        for seconds, theirs in ((60, 100.0), (120, 110.0), (300, 140.0), (600, None))
    ]
    assert growth(rows, "ours") == pytest.approx(0)
    assert growth(rows, "theirs") == pytest.approx(10)
    assert growth(rows[:1], "theirs") == 0


@pytest.fixture(scope="module")
def told_figures() -> dict[str, Any]:
    """What RESULTS.md tells of the peers."""
    return json.loads(benches.STORED.read_text())["peers"]["figures"]


@pytest.mark.parametrize("name", PEERS)
def test_what_is_told_of_a_peer_has_every_field(name: str, told_figures: dict[str, Any]) -> None:
    found = told_figures[name]
    assert {*SUMMARY, "commit"} <= set(found)
    assert set(found["anon_mb_per_minute"]) == set(SIDES)
    asked = [row for row in found["by_length"] if row["theirs_cpu_s"] is not None]
    assert len({row["seconds"] for row in asked}) >= 2
    for row in found["by_length"]:
        sides = SIDES if row in asked else ("ours",)
        values = {f"{side}_{field}": row[f"{side}_{field}"] for side in sides for field in FIELDS}
        assert all(value is None or value > 0 for value in values.values())
        assert all(values[f"{side}_x_real_time"] for side in sides)
    assert all(asked[-1][f"{side}_{field}"] for side in SIDES for field in FIELDS)
    ratio = asked[-1]["ours_x_real_time"] / asked[-1]["theirs_x_real_time"]
    assert found["throughput_ours_over_theirs"] == pytest.approx(ratio)
    assert set(found["points_worse_than_theirs"]) == POINTS[name]


POINTS = {
    "whisperx": {"first_right"},
    "diart": {"der"},
    "pydub": set(),  # nobody says what the right audio is
    "moonshine": {"der", "cpwer"},
    "sequential": {"der"},  # the tiny weights say nothing
}


def test_peers_are_stored_one_by_one_and_one_that_is_missing_leaves_what_there_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benches, "STORED", tmp_path / "results.json")
    assert list(benches.parted(["peers"])) == [("peers", name) for name in PEERS]
    assert list(benches.parted(["costs", "peers.diart"])) == [("costs", ""), ("peers", "diart")]
    for figures in ({"diart": {"a": 1}}, {"pydub": {"a": 2}}, {"diart": {"missing": "no environment"}}):
        benches.store("peers", figures, merged=True)
    assert benches.stored()["peers"]["figures"] == {"diart": {"a": 1}, "pydub": {"a": 2}}


def test_the_plot_has_a_column_for_each_peer_that_was_measured(
    tmp_path: Path, told_figures: dict[str, Any]
) -> None:
    plots.draw(tmp_path / "peers.svg", told_figures | {"absent": {"missing": "no environment"}})
    drawn = (tmp_path / "peers.svg").read_text()
    assert all(f">{name}</text>" in drawn for name in PEERS)
    assert "absent" not in drawn
