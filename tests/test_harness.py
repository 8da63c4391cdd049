"""`stream-engine bench` on a tiny data set: scores, what is kept, what is said of what failed."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
import time
from html import unescape
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from stream_engine.errors import InputError, SessionInUse
from stream_engine.folder import claimed
from stream_engine.harness.bench import asked, run
from stream_engine.harness.data_set import read_data_set
from stream_engine.harness.known import Known
from stream_engine.harness.measured import Absent, Ratio
from stream_engine.harness.one_run import UNPACED, Run
from stream_engine.harness.results import Results, read_results
from stream_engine.harness.scoring import scored
from stream_engine.harness.word_errors import NO_MEETEVAL, normalised, wer
from tests.bench_data import tiny_data_set

OPTIONS = {"asr": "moonshine", "diarizer": "community-1", "analytics": "none", "formats": "rttm,stm"}
KILLED = """
import json, sys
from stream_engine.harness.bench import asked, run
run(asked(json.loads(sys.argv[1])))
"""


class Bench:
    """A bench that was killed after its first recording, done to its end, killed while two sessions ran at a
    time, and done again."""

    def __init__(self, folder: Path) -> None:
        self.data, self.out = tiny_data_set(folder / "talks"), folder / "out"
        given = {"dataset": str(self.data), "out": str(self.out), "unpaced": True, **OPTIONS}
        self.first = self._killed(given, "sessions/*/call-*/run.json")
        self.kept = self.first.stat().st_mtime_ns
        self.code, self.said = benched(given)
        given["sessions"] = "1,2"
        self.left = self._killed(given, "load/*/*/events.jsonl")
        benched(given)
        self.results = read_results(self.out)

    def _killed(self, given: dict[str, Any], until_there: str) -> Path:
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, json.dumps(given)],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        until = time.monotonic() + 90
        try:
            while not (found := list(self.out.glob(until_there))):
                assert process.poll() is None
                assert time.monotonic() < until
                time.sleep(0.05)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        while self._held():
            assert time.monotonic() < until
            time.sleep(0.05)
        assert found[0].exists()
        return found[0]

    def _held(self) -> bool:
        """A program that was just being started holds the folder until it has died, too."""
        try:
            with claimed(self.out):
                return False
        except SessionInUse:
            return True


def benched(given: dict[str, Any]) -> tuple[int, str]:
    """The exit code, and what a person was shown."""
    shown = io.StringIO()
    code = run(asked(given), console=Console(file=shown, width=110))
    return code, shown.getvalue()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("bench"))


def values(found: Results, recording: str) -> dict[str, Any]:
    return next(one for one in found.outcomes if one.recording == recording).values


def test_a_killed_bench_goes_on_where_it_was(bench: Bench) -> None:
    assert bench.first.stat().st_mtime_ns == bench.kept
    assert "unpaced call: done by an earlier bench" in bench.said
    assert "unpaced reading: done" not in bench.said
    assert [one.recording for one in bench.results.outcomes] == ["broken", "call", "reading"]


def test_word_errors_are_those_of_meeteval_on_the_written_stm(bench: Bench) -> None:
    from meeteval.io import STM
    from meeteval.wer import cpwer

    written = bench.first.parent / "transcript.stm"
    sides = [
        STM.load(path)
        .to_seglst()
        .map(lambda line: {**line, "session_id": "1", "words": normalised(line["words"])})
        for path in (bench.data / "call.stm", written)
    ]
    rate = cpwer(*sides)["1"]
    assert values(bench.results, "call")["cpwer"] == Ratio(rate.errors, rate.length)
    assert 0 < rate.errors < rate.length / 2


def test_diarization_errors_are_those_of_pyannote_on_the_written_rttm(bench: Bench) -> None:
    from pyannote.core import Segment, Timeline
    from pyannote.database.util import load_rttm
    from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

    paths = bench.data / "call.rttm", bench.first.parent / "turns.rttm"
    sides = [next(iter(load_rttm(path).values())) for path in paths]
    for name, metric in (
        ("der", DiarizationErrorRate()),
        ("der_collar", DiarizationErrorRate(collar=0.5)),
        ("jer", JaccardErrorRate()),
    ):
        found = values(bench.results, "call")[name]
        expected: Any = metric(*sides, uem=Timeline([Segment(0, 12)]))
        assert found.part / found.whole == pytest.approx(expected, abs=2e-3), name  # RTTM has milliseconds
    assert values(bench.results, "call")["der"].part > 0


def test_what_could_not_be_read_is_a_row_of_its_own_and_exit_code_5(bench: Bench) -> None:
    assert bench.code == 5
    (broken,) = (one for one in bench.results.outcomes if one.recording == "broken")
    assert broken.failed
    assert broken.values["wer"] == Absent(f"failed: {broken.failed}")
    assert "broken: failed: " in " ".join(bench.results.peculiar)


def test_a_figure_without_reference_or_device_is_null_with_the_reason(bench: Bench) -> None:
    table = json.loads((bench.out / "results.json").read_bytes())["table"]
    cells = {cell["figure"]: cell for cell in table}
    assert cells["der_wide"]["value"] is None
    assert "no reference of that kind" in cells["der_wide"]["reason"]
    assert cells["confirmed_p95"]["value"] is None
    assert "fast as possible" in cells["confirmed_p95"]["reason"]
    assert all(cell["value"] is not None or cell["reason"] for cell in table)
    assert cells["wer"]["reason"] == "fewer than 6 recordings: no interval"
    assert "ffmpeg" not in " ".join(cell["reason"] or "" for cell in table)
    reading = values(bench.results, "reading")
    assert reading["cpwer"] == Absent("wants an STM")
    assert reading["wer"].whole == 12


def test_sessions_at_a_time_share_the_models_and_have_a_row(bench: Bench) -> None:
    one, two = bench.results.load
    assert (one.sessions, two.sessions) == (1, 2)
    assert (two.recordings, two.failed) == (2, 0)  # what failed by itself is left out
    assert two.audio_s == pytest.approx(12 + 5, abs=0.1)
    assert two.rtfx is not None
    assert two.lag is None
    assert two.reason


def test_nothing_of_the_talk_is_left_of_sessions_that_were_killed(bench: Bench) -> None:
    assert not bench.left.exists()
    assert [path.name for path in (bench.out / "load").iterdir()] == ["unpaced-2.json"]


def test_only_turns_that_begin_inside_the_uem_can_be_never_right(bench: Bench, tmp_path: Path) -> None:
    (call,) = (one for one in read_data_set(bench.data).recordings if one.name == "call")
    (tmp_path / "call.uem").write_text("call 1 0 6\n")
    part = msgspec.structs.replace(call, uem=tmp_path / "call.uem")
    run = msgspec.json.decode(bench.first.read_bytes(), type=Run)
    whole, cut = (
        scored(Known(one), run, bench.first.parent / "events.jsonl", UNPACED, 1.0)["speaker_never"]
        for one in (call, part)
    )
    assert isinstance(whole, Ratio)
    assert isinstance(cut, Ratio)
    assert 0 < cut.whole < whole.whole
    assert cut.part <= whole.part


def test_a_collector_that_is_away_costs_no_figure(bench: Bench, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        away = f"http://127.0.0.1:{server.getsockname()[1]}"
    (bench.data / "reading.jsonl").write_text(json.dumps({"audio": "reading.wav", "txt": "reading.txt"}))
    given = {"dataset": str(bench.data / "reading.jsonl"), "out": str(tmp_path), "unpaced": True}
    code, said = benched({**given, **OPTIONS, "otlp": away})
    assert code == 0
    assert isinstance(values(read_results(tmp_path), "reading")["wer"], Ratio)
    (line,) = read_results(tmp_path).peculiar
    assert line.startswith(f"reading: otlp: {away}: the collector took 0 spans and no more: [Errno")
    assert "Connection refused" in line
    assert "Connection refused" in said


def test_paced_runs_have_latencies_and_their_parts_add_up(bench: Bench, tmp_path: Path) -> None:
    given = {"dataset": str(bench.data / "one.jsonl"), "out": str(tmp_path), "paced": True, "pace": 4.0}
    row = {"audio": "call.wav", "rttm": "call.rttm", "stm": "call.stm"}
    (bench.data / "one.jsonl").write_text(json.dumps(row))
    code, said = benched({**given, **OPTIONS, "partials": True})
    found = read_results(tmp_path)
    told = {cell.figure: cell.value for cell in found.table}
    assert code == 0
    assert "confirmed latency, p95" in said
    assert (told["interim_p50"] or 0) > 0
    assert (told["confirmed_p50"] or 0) <= (told["confirmed_p95"] or 0)
    assert (told["speaker_p50"] or 0) > 0
    assert told["churn"] is not None
    parts = sum(told[name] or 0 for name in told if name.startswith("word_") and _is_part(name))
    assert parts == pytest.approx(told["word_total"], abs=0.005)
    (paced,) = found.load
    assert paced.lag is not None
    assert paced.lag["p50"] <= paced.lag["p95"] <= paced.lag["p99"]


def _is_part(name: str) -> bool:
    return name not in ("word_total", "word_shown_p90", "word_committed_p95")


def test_the_page_loads_nothing_and_has_the_figures(bench: Bench) -> None:
    page = unescape((bench.out / "page.html").read_text())
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "cpWER" in page
    assert "<svg" in page


def test_a_manifest_with_a_missing_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    manifest = tmp_path / "talks.jsonl"
    manifest.write_text('{"audio": "a.wav"}\n{"audio": "a.wav", "rttm": "b.rttm"}\n')
    with pytest.raises(InputError) as caught:
        read_data_set(manifest)
    message = str(caught.value)
    assert "line 2" in message
    assert "b.rttm" in message
    assert "\n" not in message
    assert caught.value.exit_code == 3


def test_without_the_scorer_a_rate_is_absent_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "meeteval.wer", None)
    assert wer("a b", "a c") == Absent(NO_MEETEVAL)
