"""What the harness makes of what was measured: definitions, intervals, comparison, hostile names."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from rich.console import Console

from stream_engine.errors import InputError
from stream_engine.events import Hypothesis, Relabel, Segment, Turn
from stream_engine.harness import measured, one_run
from stream_engine.harness.batch import batch_sentences, batch_table
from stream_engine.harness.bench import asked
from stream_engine.harness.columns import COLUMNS
from stream_engine.harness.comparison import compared
from stream_engine.harness.console_table import reasons, tables
from stream_engine.harness.correct_speaker import correct_speaker
from stream_engine.harness.data_set import Recording, read_data_set
from stream_engine.harness.latency import (
    NO_TURN,
    first_turn,
    message_latency,
    messages,
    text_latency,
)
from stream_engine.harness.load import LoadRow, row_of_runs
from stream_engine.harness.measured import (
    LEAST_RECORDINGS,
    Absent,
    Largest,
    Measured,
    Ratio,
    Samples,
    Statistic,
    interval,
    pooled,
)
from stream_engine.harness.one_run import UNPACED, Run
from stream_engine.harness.page import write_page
from stream_engine.harness.peculiar import peculiarities
from stream_engine.harness.plots import plots
from stream_engine.harness.references import Line, Spoken, Talk, read_rttm, read_stm
from stream_engine.harness.resources import Taken, gpu_values
from stream_engine.harness.results import Results
from stream_engine.harness.scoring import PARTS
from stream_engine.harness.speaker_errors import NO_PYANNOTE, der
from stream_engine.harness.stability import churn, label_changes, label_stability
from stream_engine.harness.word_errors import tcpwer
from stream_engine.options import Options
from stream_engine.performance.instruments import memory_mb
from stream_engine.session_folder import Result
from tests.bench_data import outcome, results, spread

S = 16_000
HOSTILE = "<script>alert(1)</script>\x1b]0;title\x07\x1b[2J\n../../etc/passwd"


def segment(id: int, start: int, end: int, text: str, at: float) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=start * S,
        end=end * S,
        speaker="A",
        text=text,
        words=None,
        turns=(id,),
        emitted_at=at,
    )


def partial(id: int, end: int, text: str, at: float, *, final: bool = False) -> Hypothesis:
    return Hypothesis(
        id=id,
        revision=0,
        start=0,
        end=end * S,
        speaker="A",
        text=text,
        final=final,
        turns=(id,) if final else (),
        emitted_at=at,
    )


def turn(id: int, revision: int, start: int, end: int, who: str, at: float, *, final: bool = True) -> Turn:
    return Turn(
        id=id, revision=revision, final=final, start=start * S, end=end * S, speaker=who, emitted_at=at
    )


def test_latency_is_audio_fed_less_the_end_of_the_last_word() -> None:
    events = [partial(1, 2, "one two", 2.5), segment(1, 0, 3, "one two three", 4.0)]
    words = [Spoken(0.8, "one"), Spoken(1.5, "two"), Spoken(2.9, "three")]
    newest, oldest = message_latency(messages(events), words, 1.0)
    assert newest == pytest.approx([1.0, 1.1])  # 2.5 - 1.5 and 4.0 - 2.9
    assert oldest == pytest.approx([2.5, 2.5])  # 2.5 - 0 and 4.0 - 1.5
    told = text_latency(messages(events), words, 1.0)
    assert told["confirmed"] == Samples((1.1,))
    assert told["word_shown"] == Samples((1.7, 1.0, 1.1))
    assert told["word_committed"] == Samples((3.2, 2.5, 1.1))


def test_churn_counts_words_that_were_shown_and_are_gone() -> None:
    events = [
        partial(1, 1, "i scream", 1.0),
        partial(1, 2, "ice cream is", 2.0),
        partial(1, 3, "", 3.0, final=True),
        segment(1, 0, 3, "ice cream was good", 3.5),
    ]
    assert churn(events) == Ratio(3, 4)  # i, scream; is
    assert isinstance(churn(events[-1:]), Absent)


def test_the_speaker_is_right_when_the_last_label_came_to_stay() -> None:
    events = [
        turn(1, 0, 0, 2, "A", 1.0, final=False),
        turn(1, 1, 0, 4, "B", 4.5),
        turn(2, 0, 5, 8, "C", 8.2),
        Relabel(to="D", as_of=9 * S, turns=(2,), emitted_at=9.0),
    ]
    changes = label_changes(events)
    talk = [Talk(0.0, 4.0, "x"), Talk(5.0, 8.0, "y"), Talk(8.5, 9.5, "x")]
    told = correct_speaker(talk, changes, {"B": "x", "D": "y"}, 1.0)
    assert told["correct_speaker"] == Samples((4.5, 4.0))
    assert told["speaker_never"] == Ratio(1, 3)
    assert label_stability(changes)["relabelled"] == Ratio(3.0, 7.0)
    assert label_stability(changes)["flicker"] == Ratio(2, round(7 / 60, 6))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 99)), min_size=LEAST_RECORDINGS, max_size=9))
def test_pooled_is_all_errors_over_all_words_and_lies_in_its_interval(rows: list[tuple[int, int]]) -> None:
    found = [Ratio(part, whole) for part, whole in rows]
    value = pooled(found, "ratio")
    assert value == pytest.approx(sum(part for part, _ in rows) / sum(whole for _, whole in rows))
    bounds = interval(found, "ratio")
    assert bounds is not None
    rates = [part / whole for part, whole in rows]
    assert min(rates) - 1e-9 <= bounds[0] <= bounds[1] <= max(rates) + 1e-9
    assert interval(found[: LEAST_RECORDINGS - 1], "ratio") is None


def test_the_interval_of_few_recordings_holds_what_it_should_as_often_as_it_says() -> None:
    chance = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        found = [Ratio(float(part), 100.0) for part in chance.normal(20, 5, LEAST_RECORDINGS)]
        low, high = interval(found, "ratio") or (0.0, 0.0)
        held += low <= 0.2 <= high
    assert held >= 0.92 * 400  # percentiles of the plain bootstrap: 0.86


@given(
    st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=5),
    st.sampled_from(["p50", "p90", "p95", "p99"]),
)
def test_percentiles_are_those_of_numpy(rows: list[list[int]], name: Statistic) -> None:
    found = [Samples(tuple(map(float, row))) for row in rows]
    every = [value for row in rows for value in row]
    expected = pytest.approx(np.percentile(every, int(name[1:]))) if every else None
    assert pooled(found, name) == expected


def test_the_interval_of_many_recordings_is_the_one_of_statistics() -> None:
    chance = np.random.default_rng(3)
    found = [Ratio(float(errors), 100.0) for errors in chance.binomial(100, 0.2, 200)]
    low, high = interval(found, "ratio") or (0.0, 0.0)
    half = 1.96 * np.std([one.part / one.whole for one in found]) / np.sqrt(200)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_the_bounds_of_few_recordings_do_not_hang_on_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = np.random.default_rng(0)
    found = [Ratio(float(errors), 100.0) for errors in chance.gamma(2, 10, LEAST_RECORDINGS)]
    bounds: list[tuple[float, float]] = []
    for seed in range(5):
        monkeypatch.setattr(measured, "SEED", seed)
        bounds.append(interval(found, "ratio") or (0.0, 0.0))
    for side in np.transpose(bounds):
        assert np.ptp(side) < 0.02 * side.mean()  # of a tenth of the resamples: 0.027 and 0.029


def test_a_megabyte_is_the_same_in_a_bench_and_in_a_session() -> None:
    with Taken() as taken:
        pass
    assert taken.rss_mb == pytest.approx(memory_mb(), rel=0.01)


FIGURES = 4  # WER, three percentiles of a latency


@pytest.mark.parametrize("count", [2, 3, 5, 6, 12])
def test_where_nothing_changed_hardly_anything_is_called_worse_or_better(count: int) -> None:
    random, benches, called, few = np.random.default_rng(count), 60, 0, 0
    for _ in range(benches):
        kind = random.gamma(2, 0.05, count)  # recordings differ by much, the same one twice by little

        def one(kind: NDArray[np.float64] = kind) -> Results:
            rates = random.binomial(100, np.minimum(kind, 1)), random.gamma(4, kind[:, None], (count, 5))
            return results(
                [
                    outcome(f"talk {place}", wer=Ratio(float(errors), 100.0), confirmed=Samples(tuple(late)))
                    for place, (errors, late) in enumerate(zip(*rates, strict=True))
                ],
                table=(),
            )

        lines = compared(one(), one())
        called += sum("% of cases" in line for line in lines)
        few += "moved (too few recordings to tell):" in lines
    if count < LEAST_RECORDINGS:
        assert called == 0
        assert few == benches
    else:
        assert few == 0
        assert called <= 0.07 * FIGURES * benches  # 5 %, and what 240 draws may stray


def test_the_scorer_says_nothing_of_its_own_on_a_line_of_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    lines = [Line(0.0, 60.0, "A", "one two three")]
    assert tcpwer(lines, lines) == Ratio(0, 3)
    assert not caplog.records


def test_one_session_at_a_time_takes_as_long_as_it_does_with_its_set_up_and_its_documents(
    tmp_path: Path,
) -> None:
    (tmp_path / "log").write_bytes(b"")
    done = Run(made_of="", audio_s=10.0, wall_s=4.0, whole_s=5.0)
    row = row_of_runs(UNPACED, dict.fromkeys("ab", (done, tmp_path / "log")), 1.0)
    assert (row.wall_s, row.rtfx) == (10.0, 2.0)


def test_joules_are_those_of_an_hour_of_audio() -> None:
    told = gpu_values({"device": "nvidia", "max_memory_mb": 1000.0, "energy_j": 50.0}, 1800)
    assert told == {"vram": Largest(1000.0), "joules": Ratio(50.0, 0.5)}
    assert gpu_values({}, 1800)["joules"] == Absent("no GPU on this machine")


def test_another_code_is_measured_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in one_run.PACKAGES:
        (tmp_path / package / "sub").mkdir(parents=True)
    monkeypatch.setattr(one_run, "__file__", str(tmp_path / "stream_engine" / "harness" / "one_run.py"))
    before = one_run.code()
    (tmp_path / "operators" / "sub" / "new.py").write_text("a = 1\n")
    one = one_run.code()
    (tmp_path / "operators" / "sub" / "new.py").write_text("a = 2\n")
    assert len({before, one, one_run.code()}) == 3
    audio = tmp_path / "a.wav"
    audio.write_bytes(b"RIFF")
    made = {
        one_run.made_of([Recording(name="a", audio=audio)], Options(), {"code": digest})
        for digest in (before, one)
    }
    assert len(made) == 2


def test_a_turn_before_anybody_speaks_is_not_the_first_one() -> None:
    false, true = turn(1, 0, 0, 1, "A", 1.2), turn(2, 0, 4, 6, "A", 6.5)
    told = first_turn([false, true], [Talk(5.0, 9.0, "x")], 1.0)
    assert told == Samples((1.5,))
    assert first_turn([false], [Talk(5.0, 9.0, "x")], 1.0) == Absent(NO_TURN)
    assert first_turn([false], [], 1.0) == Samples((1.2,))


def test_a_broken_file_is_no_reason_for_the_figures_of_the_others() -> None:
    why = "ffmpeg cannot read it"
    broken = outcome("broken", **dict.fromkeys(("wer", "der", "word_shown"), Absent(f"failed: {why}")))
    found = results([outcome("a", wer=Ratio(1, 9)), msgspec.structs.replace(broken, failed=why)])
    told = "\n".join(reasons(found))
    assert why not in told
    assert "word_shown" not in told
    assert "word shown; word committed" in told
    assert "2 recordings, 1 failed" in _shown(found, 110)
    assert found.cell("paced", "wer").value == pytest.approx(1 / 9)


def test_without_times_of_words_it_is_the_latency_of_texts() -> None:
    latency: dict[str, Measured] = {f"word_{part}": Ratio(2.0, 4) for part in PARTS}
    words = outcome("a", "paced", **latency)
    for word_times, told, other in (
        (True, "word latency: ", "text latency: "),
        (False, "text", "word latency"),
    ):
        found = results([msgspec.structs.replace(words, word_times=word_times)])
        assert told in _shown(found, 110)
        assert other not in _shown(found, 110)
        titles = [plot.title for plot in plots(found)]
        assert f"Where a {told[:4]}'s latency comes from" in titles


def test_twins_are_one_line_of_the_plot_and_equal_rates_stand_beside_each_other() -> None:
    late, rate = Samples((1.0, 2.0)), Ratio(1, 10)
    one = outcome("a", wer=rate, cpwer=rate, interim=late, confirmed=late, word_shown=Samples((3.0,)))
    rates, latency = (plot.svg for plot in plots(results([one])))
    assert "interim = confirmed" in latency
    dots = re.findall(r'<g clip-path="[^"]*">\s*<use x="([\d.]+)" y="([\d.]+)"', rates)
    (wer_x, wer_y), (cpwer_x, cpwer_y) = dots
    assert wer_x == cpwer_x
    assert abs(float(wer_y) - float(cpwer_y)) >= 2


@pytest.mark.parametrize("width", [80, 110])
def test_tables_lose_nothing_at_80_columns(width: int) -> None:
    name = "a recording of a long name that goes on"
    late = Samples((12.34,))
    full = {one.of: Ratio(1, 10) if one.statistic == "ratio" else late for one in COLUMNS if one.unit in "%s"}
    done = [outcome(name, mode, **full, rtf=Ratio(12, 10)) for mode in ("paced", "unpaced")]
    failed = msgspec.structs.replace(outcome("broken"), failed="no audio")
    row = LoadRow(
        mode="unpaced",
        sessions=16,
        recordings=2,
        audio_s=20.0,
        wall_s=10.0,
        rtfx=12.34,
        lag=dict.fromkeys(("mean", "p50", "p90", "p95", "p99"), 12.34),
        rss_mb=12345.0,
        failed=3,
    )
    text = _shown(results([*done, failed], load=(row,)), width)
    assert "…" not in text
    for wanted in ("speaker", "confirmed latency, p50", "unpaced", "failed", "12,345", "RTFX", "12.34 s"):
        assert wanted in text
    assert all(len(line) <= width for line in text.splitlines())


def _shown(found: Results, width: int) -> str:
    shown = io.StringIO()
    console = Console(file=shown, width=width, color_system=None)
    for part in tables(found):
        console.print(part, markup=False, highlight=False)
    return shown.getvalue()


def test_what_is_peculiar_to_a_recording_is_named() -> None:
    found = [*spread(), outcome("odd one", wer=Ratio(60, 100))]
    lines = peculiarities(found)
    assert any(line.startswith("odd one: worst WER, 60.0 % (others 8.5)") for line in lines)


def test_a_batch_names_the_slowest_and_the_noisiest_file(tmp_path: Path) -> None:
    def file(name: str, recognition_s: float, snr_db: float) -> Result:
        stage = {"items": 1, "feed": {"total_s": recognition_s}}
        told = {
            "audio_duration": 10.0,
            "total_duration": 5.0,
            "audio_seconds_per_second": 2.0,
            "bottleneck": "recognition",
            "stages": {"recognition": stage},
            "health": {"snr_db": snr_db},
        }
        return Result(folder=tmp_path / name, exit_code=0, outputs={}, notes=(), performance_metrics=told)

    files = [file("a", 1.0, 40.0), file("b", 1.1, 8.0), file("c", 4.0, 35.0)]
    assert batch_sentences(files) == (
        "b: noisiest, 8 dB of signal to noise",
        "c: slowest in recognition (0.40 × life, others 0.11)",
    )
    assert batch_table(files).row_count == 3


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    hostile = results([outcome(HOSTILE, wer=Ratio(1, 2)), outcome("b", wer=Ratio(0, 2))], data_set=HOSTILE)
    write_page(hostile, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<script" not in page
    assert "\x1b" not in page
    shown = io.StringIO()
    for part in tables(hostile):
        Console(file=shown, width=200, color_system=None).print(part, markup=False)
    assert "\x1b" not in shown.getvalue()
    key = Recording(name=HOSTILE, audio=tmp_path).key
    assert key.replace("-", "").replace("_", "").isalnum()
    assert key != Recording(name=HOSTILE + " ", audio=tmp_path).key
    (tmp_path / "-\x1b[2J <b>.wav").write_bytes(b"RIFF")
    (tmp_path / "-\x1b[2J <b>.rttm").write_text("")
    (found,) = read_data_set(tmp_path).recordings
    assert found.rttm is not None


def test_references_of_other_recordings_and_damaged_lines_are_refused(tmp_path: Path) -> None:
    both = tmp_path / "both.rttm"
    both.write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> x <NA> <NA>\nSPEAKER b 1 2.0 1.0 <NA> <NA> y <NA> <NA>\n")
    assert read_rttm(both, "b") == [Talk(2.0, 3.0, "y")]
    with pytest.raises(InputError, match="none is 'c'"):
        read_rttm(both, "c")
    damaged = tmp_path / "damaged.stm"
    damaged.write_text(";; a comment\ncall 1 x 0.0 soon hello\n")
    with pytest.raises(InputError, match="line 2"):
        read_stm(damaged)


def test_folders_and_manifests_name_the_same_recordings(tmp_path: Path) -> None:
    for name in ("a.wav", "a.seg.rttm", "a.rttm", "b.flac", "b.words.auto.tsv", "notes.pdf"):
        (tmp_path / name).write_text("x")
    folder = read_data_set(tmp_path)
    assert [one.name for one in folder.recordings] == ["a", "b"]
    assert folder.recordings[0].wide == tmp_path / "a.seg.rttm"
    rows = [
        {"audio": "a.wav", "rttm": "a.rttm", "wide": "a.seg.rttm"},
        {"audio": "b.flac", "words": "b.words.auto.tsv"},
    ]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (tmp_path / "m.csv").write_text(
        "audio,rttm,wide,words\na.wav,a.rttm,a.seg.rttm,\nb.flac,,,b.words.auto.tsv\n"
    )
    assert read_data_set(tmp_path / "m.jsonl").recordings == folder.recordings
    assert read_data_set(tmp_path / "m.csv").recordings == folder.recordings
    assert len(read_data_set(tmp_path, limit=1).recordings) == 1


def test_without_pyannote_metrics_der_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyannote.metrics.diarization", None)
    assert der([Talk(0, 1, "a")], [], [(0.0, 1.0)]) == Absent(NO_PYANNOTE)


@pytest.mark.parametrize(
    "given",
    [{"sessions": "1,zero"}, {"sessions": "0"}, {"limit": 0}, {"formats": "tomes"}, {"pcm": "s16le:8000:1"}],
)
def test_a_wrong_option_is_refused_before_anything_runs(given: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        asked({"dataset": "talks", **given})
    assert asked({"dataset": "talks"}).modes == ("paced", "unpaced")
