"""What is said of runs beside each other, with what was slowed down on purpose in real pipelines."""

from __future__ import annotations

import io
import json
import time
from collections.abc import AsyncIterator, Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from rich.console import Console

from sinks import performance
from sinks.trace_diff import changes, cost, diff_sentences
from sinks.trace_diff_table import diff_table
from sinks.trace_files import Named, comparable, read_runs
from sinks.trace_impact import impact
from sinks.trace_trends import peculiar, trends_table
from sinks.trace_verdict import verdict
from sinks.wide_console import WIDTH, wide_console
from sinks.word_latency import word_table
from stream_engine.clock import RATE
from stream_engine.errors import InputError
from stream_engine.events import Chunk
from stream_engine.harness.batch import batch_sentences, batch_table
from stream_engine.performance import PerformanceLogger, metrics
from stream_engine.performance.resources import Resources
from stream_engine.pipeline import Pipeline
from stream_engine.session_folder import Result
from stream_engine.tracer import Tracer
from tests.golden_performance import Machine
from tests.test_command_line import engine

CHUNKS = 40
Figures = dict[str, Any]


class Works:
    """Passes chunks on, after `cost_s` each; keeps `keeps_mb` of each."""

    def __init__(self, cost_s: float = 0.0, keeps_mb: int = 0) -> None:
        self._cost_s, self._keeps_mb = cost_s, keeps_mb
        self._kept: list[bytes] = []

    def feed(self, item: Chunk, /) -> Iterable[Chunk]:
        time.sleep(self._cost_s)
        if self._keeps_mb:
            self._kept.append(b"\1" * (self._keeps_mb << 20))
        yield item

    def flush(self) -> Iterable[Chunk]:
        return ()


class Takes:
    def __init__(self, cost_s: float) -> None:
        self._cost_s = cost_s

    def write(self, item: Chunk, /) -> None:
        time.sleep(self._cost_s)

    def commit(self) -> None: ...

    def discard(self) -> None: ...


def run(
    *, source: float = 0.0, a: float = 0.001, b: float = 0.001, sink: float = 0.0, leak: int = 0
) -> Figures:
    """The figures of a run over 4 s of audio; the parts take so long for a chunk, and `second` keeps MB."""

    async def chunks() -> AsyncIterator[Chunk]:
        for number in range(CHUNKS):
            await anyio.sleep(source)
            yield Chunk(start=number * RATE // 10, samples=np.zeros(RATE // 10, np.float32))

    async def laid() -> Figures:
        tracer = Tracer()
        resources = Resources(tracer)
        async with Pipeline.run(tracer=tracer) as pipeline:
            devices = [anyio.CapacityLimiter(1) for _ in range(2)]
            items = pipeline.source("audio", chunks(), capacity=2)
            items = pipeline.stage("first", Works(a), items, capacity=2, limiter=devices[0])
            items = pipeline.stage("second", Works(b, leak), items, capacity=2, limiter=devices[1])
            first, second = pipeline.fan_out("both", items, 2, capacity=2)
            pipeline.sink("log", Takes(sink), first)
            async for _ in second:
                resources.sample()
        told = metrics(tracer, audio_s=CHUNKS / 10, first={})
        return {**told, "paced": False, **resources.figures(told["total_duration"])}

    return anyio.run(laid)


@pytest.fixture(scope="module")
def plain() -> Figures:
    return run()


@pytest.mark.parametrize(
    ("planted", "stage"), [({"a": 0.02}, "first"), ({"b": 0.02}, "second"), ({"sink": 0.02}, "log")]
)
def test_a_slow_operator_or_sink_is_named_first_and_found_between_two_runs(
    plain: Figures, planted: dict[str, float], stage: str
) -> None:
    slow = run(**planted)
    assert verdict(slow)[0].startswith(f"{stage} is the bottleneck: at work ")
    first, *others = diff_sentences(("before", plain), ("after", slow))
    assert first.startswith(f"the bottleneck is {'still' if stage == plain['bottleneck'] else 'now'} {stage}")
    assert any(line.startswith("the run is ") and "slower" in line for line in others)
    assert next(line for line in others if " costs " in line).startswith(f"{stage} costs ")
    assert changes(plain, slow)[0].stage == stage
    if stage != "first":
        assert verdict(slow)[1].startswith("held by what follows: ")


def test_a_slow_source_is_no_fault_of_an_operator() -> None:
    assert verdict(run(source=0.02))[0].startswith("the source is the bottleneck: audio waited for it ")


def test_a_leak_is_named_first(plain: Figures) -> None:
    leaking = run(b=0.005, leak=8)
    assert leaking["memory"]["delta_mb"] == pytest.approx(8 * CHUNKS, rel=0.3)
    assert verdict(leaking)[0].startswith("memory may leak: it still grew by ")
    told = diff_sentences(("before", plain), ("after", leaking))
    assert any(line.startswith("memory grew by: ") for line in told)


def test_nothing_is_said_of_runs_that_are_alike(plain: Figures) -> None:
    jittered = deepcopy(plain)
    for stage in jittered["stages"].values():
        stage["feed"]["total_s"] *= 1.05
    told = diff_sentences(("a", plain), ("b", jittered))
    assert told[1:] == ["nothing else changed by more than 10%"]
    assert told[0].startswith("the bottleneck is still ")


def test_new_stages_and_lag_and_first_results_are_compared(plain: Figures) -> None:
    before, after = deepcopy(plain), deepcopy(plain)
    after["stages"]["third"] = after["stages"].pop("second")
    for figures, ms, first in ((before, 100.0, 1.0), (after, 900.0, 3.0)):
        lag = {"count": 3, "total_s": 1.0, "p50_ms": ms / 2, "p95_ms": ms, "p99_ms": ms, "max_ms": ms}
        figures |= {"paced": True, "lag": {"final segment": lag}, "word_latency": {"queueing": lag}}
        figures["first_s"] = {"final segment": first}
    told = diff_sentences(("a", before), ("b", after))
    assert any(line.startswith("new: third") for line in told)
    assert any(line.startswith("gone: second") for line in told)
    assert "lag of final segments: p50 0.05 → 0.45 s, p95 0.10 → 0.90 s" in told
    assert "of a word's latency, queueing: p95 0.10 → 0.90 s" in told
    assert "first final segment: 1.00 → 3.00 s after the first audio" in told


def test_the_same_cost_of_a_longer_recording_is_no_change(plain: Figures) -> None:
    longer = deepcopy(plain)
    longer["audio_duration"] *= 10
    for stage in longer["stages"].values():
        stage["feed"]["total_s"] *= 10
    assert changes(plain, longer) == []


def test_each_file_is_told_what_is_peculiar_to_it(plain: Figures) -> None:
    runs = [(f"call {number}", deepcopy(plain)) for number in range(5)]
    odd = runs[2][1]
    odd["stages"]["second"]["feed"]["total_s"] *= 20
    odd["stages"]["second"]["items"] *= 20
    odd["bottleneck"] = "second"
    for number, (_, figures) in enumerate(runs):
        figures["bottleneck"] = figures["bottleneck"] if number == 2 else "first"
        memory = {"start_mb": 100.0 + 30 * number, "peak_mb": 300.0 + 30 * number}
        figures["memory"] = {**figures["memory"], **memory}
    told = peculiar(runs)
    assert told[0].startswith("call 2: the bottleneck is second (")
    assert told[1].startswith("call 2: second costs 20.0 × the median: ")
    assert "items a second against" in told[1]
    assert told[2:] == ["memory grows from file to file: 300 → 420 MB"]
    assert peculiar([("a", plain), ("b", plain), ("c", plain)])[0].startswith("the files are alike")


def test_runs_of_processes_of_their_own_are_not_said_to_leak(plain: Figures) -> None:
    runs = [(f"call {number}", deepcopy(plain)) for number in range(3)]
    for (_, figures), peak in zip(runs, (300.0, 400.0, 520.0), strict=True):
        figures["memory"] = {**figures["memory"], "start_mb": 100.0, "peak_mb": peak}
    assert not any("memory grows" in line for line in peculiar(runs))


def test_of_two_files_it_is_told_what_is_different(plain: Figures) -> None:
    runs = [("one", plain), ("two", run(b=0.01))]
    assert peculiar(runs) == ["one → two:", *diff_sentences(*runs)]
    assert any(line.startswith("second costs ") for line in peculiar(runs))


def test_of_a_paced_run_and_one_that_is_not_only_costs_are_compared(plain: Figures) -> None:
    paced = deepcopy(plain) | {"paced": True, "audio_seconds_per_second": 1.0, "first_s": {"turn": 9.0}}
    unpaced = deepcopy(plain) | {"paced": False, "first_s": {"turn": 1.0}}
    paced["stages"]["second"]["feed"]["total_s"] *= 20
    for runs in ((("live", paced), ("file", unpaced)), (("file", unpaced), ("live", paced))):
        first, *others = diff_sentences(*runs)
        assert first.startswith("live was fed at the speed of life, the other one was not: only costs")
        assert any(line.startswith("second costs ") for line in others)
        said = "\n".join(others)
        for word in (" ms", "the run is", "first turn", "items a second"):
            assert word not in said
        assert "p50" not in printed(diff_table(*runs))
    assert "p50" in printed(diff_table(("a", paced), ("b", paced)))


LONG = "2026-11-20 a meeting of the whole department with a long name"
WIDE_STAGES = (
    "Preprocessing/validation, down-mix, resampling",
    "voice activity",
    "recognition",
    "diarization",
)


def printed(*views: Any) -> str:
    """As it comes out where there is no terminal."""
    with pytest.MonkeyPatch.context() as patch, io.StringIO() as file:
        patch.delenv("COLUMNS", raising=False)
        patch.setattr("sys.stdout", file)
        console = wide_console()
        for view in views:
            console.print(view)
        return file.getvalue()


def test_what_was_answered_from_an_earlier_result_is_not_said_to_be_fast(plain: Figures) -> None:
    replayed: Figures = deepcopy(plain) | {"known": True}
    for stage in replayed["stages"].values():
        stage["feed"]["total_s"] /= 1000
    told = diff_sentences(("first", plain), ("again", replayed))
    answered = (
        "again was answered from an earlier result, and computed next to nothing: --fresh does it again"
    )
    assert told == [answered]
    assert peculiar([("first", plain), ("again", replayed)]) == ["first → again:", answered]
    assert list(performance.told(replayed)) == performance.sentences(replayed) == [performance.ANSWERED]
    assert verdict(replayed) == []
    assert printed(diff_table(("first", plain), ("first again", plain))).count(" 1.00 ") == 3
    assert " 0.00 " not in printed(diff_table(("first", plain), ("again", replayed)))
    results = [
        Result(folder=Path(name), exit_code=0, outputs={}, notes=(), performance_metrics=figures)
        for name, figures in (("a", plain), ("b", deepcopy(plain)), ("again", replayed))
    ]
    results[1].performance_metrics["stages"]["second"]["feed"]["total_s"] *= 20
    assert batch_sentences([results[0], results[2]]) == ()
    assert any(line.startswith("b: slowest in second ") for line in batch_sentences(results[:2]))
    assert "others 0.00" not in " ".join(batch_sentences(results))
    row = printed(batch_table(results)).splitlines()[-1]
    speed = f"{replayed['audio_seconds_per_second']:.1f}"
    assert row.startswith("again")
    assert row.endswith("answered from an earlier result")
    assert speed not in row.split()


def test_what_was_answered_from_an_earlier_result_counts_in_no_median_and_for_no_bottleneck(
    plain: Figures,
) -> None:
    slow = deepcopy(plain)
    slow["stages"]["first"]["feed"]["total_s"] *= 20
    replayed: Figures = deepcopy(plain) | {"known": True, "bottleneck": "console"}
    for stage in replayed["stages"].values():
        stage["feed"]["total_s"] /= 1000
    heard: list[Named] = [("a", plain), ("b", deepcopy(plain)), ("c", slow)]
    again: list[Named] = [(f"again {number}", deepcopy(replayed)) for number in range(4)]
    assert any(line.startswith("c: first costs ") for line in peculiar(heard))
    assert peculiar([*heard, *again]) == peculiar(heard)
    assert impact([*heard, *again]) == impact(heard)
    assert "of 3;" in " ".join(impact([*heard, *again]))
    table = printed(trends_table([*heard, *again]))
    assert "console" not in table
    assert table.count("answered") == 4


def test_a_resumed_run_is_told_and_compared_by_the_audio_that_it_heard(plain: Figures) -> None:
    resumed = deepcopy(plain) | {"audio_duration": plain["audio_duration"] + 6.0, "resumed_at_s": 6.0}
    whole = f"{plain['audio_duration']:.1f} of {resumed['audio_duration']:.1f} s of audio in "
    told = performance.sentences(resumed)[0]
    assert told.startswith(whole)
    assert "; resumed at 6.0 s, all figures are of this run, the first results of the first; " in told
    assert cost(resumed, "second") == pytest.approx(cost(plain, "second"))
    assert changes(plain, resumed) == []
    part = {"count": 2, "total_s": 1.0, "p50_ms": 1.0, "p95_ms": 1.0, "p99_ms": 1.0}
    words = word_table(resumed | {"word_latency": {"total": part}})
    assert words is not None
    assert "Latency of 2 words, in this run only, " in str(words.title)


def test_in_a_file_no_table_loses_a_name_or_a_figure(plain: Figures) -> None:
    before, after = deepcopy(plain), deepcopy(plain)
    for figures, times in ((before, 1), (after, 3)):
        template = figures["stages"].pop("second")
        for number, name in enumerate(WIDE_STAGES, start=1):
            feed = {"p50_ms": 1234.5 * number * times, "p95_ms": 12345.6 * number * times}
            feed["total_s"] = 3.0 * number * times
            figures["stages"][name] = {**template, "feed": template["feed"] | feed}
        figures["bottleneck"] = "diarization"
    shown = printed(diff_table(("one", before), ("two", after)))
    assert "…" not in shown
    for _, stage in (("", "diarization"), ("", "voice activity")):
        for figures in (before, after):
            feed = figures["stages"][stage]["feed"]
            row = next(line for line in shown.splitlines() if line.startswith(stage))
            for figure in (f"{feed['p50_ms']:.2f}", f"{feed['p95_ms']:.2f}", f"{cost(figures, stage):.4f}"):
                assert f" {figure} " in f"{row} "
    runs = [(f"{LONG} {number} [b]", before) for number in range(3)]
    shown = printed(trends_table(runs))
    assert "…" not in shown
    letters = "".join(line[:12].strip() for line in shown.splitlines())
    assert "2026-11-20" in letters
    assert "[b]" in shown
    for heading in ("audio", "× live", "lag p95", "memory", "diarization", "resampling"):
        assert heading in shown
    assert max(map(len, shown.splitlines())) <= WIDTH


def test_the_table_of_many_files_names_the_costliest_stage_in_full(plain: Figures, tmp_path: Path) -> None:
    plain = deepcopy(plain) | {
        "load_s": 1.5,
        "first_s": {"final segment": 2.5},
        "bottleneck": "word speakers",
    }
    result = Result(folder=tmp_path / LONG, exit_code=0, outputs={}, notes=(), performance_metrics=plain)
    shown = printed(batch_table([result, result]))
    assert shown.count("word speakers") == 2
    assert "…" not in shown


def test_tables_name_stages_and_files(plain: Figures, tmp_path: Path) -> None:
    with (tmp_path / "shown").open("w") as file:
        console = Console(file=file, width=160)
        console.print(diff_table(("one", plain), ("two", run(b=0.01))))
        console.print(trends_table([("one", plain), ("two", plain), ("three", plain)]))
    shown = (tmp_path / "shown").read_text()
    for name in ("one → two", "first", "second", "three", "bottleneck"):
        assert name in shown


def test_files_of_sessions_and_loggers_are_read_under_names_that_tell_them_apart(
    plain: Figures, tmp_path: Path
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "performance.json").write_text(json.dumps(plain))
    runs = read_runs([tmp_path / "a", tmp_path / "b" / "performance.json"])
    assert [name for name, _ in runs] == ["a", "b"]
    assert [name for name, _ in read_runs([tmp_path / "a"] * 2)] == [str(tmp_path / "a")] * 2
    comparable(runs)
    other = PerformanceLogger("L", tmp_path, enable_gpu_monitoring=False, verbose=False)
    with other, other.stage("ASR"):
        pass
    mixed = read_runs([tmp_path / "a", tmp_path / f"performance_{other.session_id}.json"])
    with pytest.raises(InputError, match="have no stage in common"):
        comparable(mixed)
    for text in ("", "[]", "{}"):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError, match=r"bad\.json"):
            read_runs([tmp_path / "bad.json"])
    with pytest.raises(InputError, match="name the folder of a finished session"):
        read_runs([tmp_path / "nowhere"])


def test_what_a_logger_measured_is_shown_at_every_depth_and_in_no_stage(tmp_path: Path) -> None:
    machine = Machine()
    logger, _ = machine.logger(tmp_path)
    with logger:
        with logger.stage("Outer"):
            machine.spend(1.0)
            with logger.stage("Inner"), logger.subprocess("deep"):
                machine.spend(2.0)
                with logger.subprocess("deeper"):
                    machine.spend(4.0)
        with logger.subprocess("upload"):
            machine.spend(8.0)
    ((_, figures),) = read_runs([tmp_path / f"performance_{logger.session_id}.json"])
    spent = {name: stage["feed"]["total_s"] for name, stage in figures["stages"].items()}
    assert spent == {"upload": 8.0, "Outer": 1.0, "Outer/Inner/deep": 2.0, "Outer/Inner/deep/deeper": 4.0}
    assert figures["bottleneck"] == "upload"
    assert figures["stages"]["upload"]["feed"]["p50_ms"] == 8000.0


def test_every_report_of_a_logger_can_be_shown(plain: Figures, tmp_path: Path) -> None:
    driven = PerformanceLogger("L", tmp_path, enable_gpu_monitoring=False, verbose=False)
    with driven, driven.stage("ASR"):
        pass
    empty = PerformanceLogger("L", tmp_path, enable_gpu_monitoring=False, verbose=False)
    with empty:
        pass
    session = PerformanceLogger.from_metrics(plain, output_dir=tmp_path)
    session.generate_reports()
    for logger, names in ((driven, "ASR"), (empty, "no stage"), (session, "Analysis/second")):
        path = tmp_path / f"performance_{logger.session_id}.json"
        done = engine("trace", "show", path)
        assert (done.returncode, done.stderr) == (0, "")
        assert names in done.stdout
    second = plain["stages"]["second"]["feed"]
    ((_, figures),) = read_runs([tmp_path / f"performance_{session.session_id}.json"])
    assert figures["stages"]["Analysis/second"]["feed"]["p95_ms"] == second["p95_ms"]


def test_two_runs_of_a_logger_are_compared_like_sessions(tmp_path: Path) -> None:
    paths: list[Path] = []
    for slow in (0.01, 0.1):
        logger = PerformanceLogger("L", tmp_path, enable_gpu_monitoring=False, verbose=False)
        with logger, logger.stage("ASR"):
            for _ in range(3):
                with logger.subprocess("call"):
                    time.sleep(slow)
            time.sleep(0.01)
        paths.append(tmp_path / f"performance_{logger.session_id}.json")
    before, after = read_runs(paths)
    assert before[0] != after[0]
    told = diff_sentences(before, after)
    assert told[0].startswith("the bottleneck is still ASR/call")
    assert any(line.startswith("ASR/call costs ") for line in told)
    assert verdict(after[1])[0].startswith("ASR/call is the bottleneck: at work ")
