"""What the harness makes of what was measured: definitions, intervals, comparison, hostile names."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from stream_engine.errors import InputError
from stream_engine.events import Hypothesis, Relabel, Segment, Turn
from stream_engine.harness.batch import batch_sentences, batch_table
from stream_engine.harness.bench import asked
from stream_engine.harness.comparison import compared
from stream_engine.harness.console_table import tables
from stream_engine.harness.correct_speaker import correct_speaker
from stream_engine.harness.data_set import Recording, read_data_set
from stream_engine.harness.latency import message_latency, messages, text_latency
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import Absent, Largest, Ratio, Samples, interval, pooled
from stream_engine.harness.page import write_page
from stream_engine.harness.peculiar import peculiarities
from stream_engine.harness.references import Spoken, Talk, read_rttm, read_stm
from stream_engine.harness.resources import gpu_values
from stream_engine.harness.speaker_errors import NO_PYANNOTE, der
from stream_engine.harness.stability import churn, label_changes, label_stability
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
    newest, oldest = message_latency(messages(events, 0.0), words, 1.0)
    assert newest == pytest.approx([1.0, 1.1])  # 2.5 - 1.5 and 4.0 - 2.9
    assert oldest == pytest.approx([2.5, 2.5])  # 2.5 - 0 and 4.0 - 1.5
    told = text_latency(messages(events, 0.5), words, 1.0)
    assert told["confirmed"] == Samples((0.6,))
    assert told["word_shown"] == Samples((1.2, 0.5, 0.6))
    assert told["word_committed"] == Samples((2.7, 2.0, 0.6))


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
    changes = label_changes(events, 0.0)
    talk = [Talk(0.0, 4.0, "x"), Talk(5.0, 8.0, "y"), Talk(8.5, 9.5, "x")]
    told = correct_speaker(talk, changes, {"B": "x", "D": "y"}, 1.0)
    assert told["correct_speaker"] == Samples((4.5, 4.0))
    assert told["speaker_never"] == Ratio(1, 3)
    assert label_stability(changes)["relabelled"] == Ratio(3.0, 7.0)
    assert label_stability(changes)["flicker"] == Ratio(2, round(7 / 60, 6))


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 99)), min_size=2, max_size=9))
def test_pooled_is_all_errors_over_all_words_and_lies_in_its_interval(rows: list[tuple[int, int]]) -> None:
    found = [Ratio(part, whole) for part, whole in rows]
    value = pooled(found, "ratio")
    assert value == pytest.approx(sum(part for part, _ in rows) / sum(whole for _, whole in rows))
    bounds = interval(found, "ratio")
    assert bounds is not None
    rates = [part / whole for part, whole in rows]
    assert min(rates) - 1e-9 <= bounds[0] <= bounds[1] <= max(rates) + 1e-9


def test_the_interval_of_many_recordings_is_the_one_of_statistics() -> None:
    chance = np.random.default_rng(3)
    found = [Ratio(float(errors), 100.0) for errors in chance.binomial(100, 0.2, 200)]
    low, high = interval(found, "ratio") or (0.0, 0.0)
    half = 1.96 * np.std([one.part / one.whole for one in found]) / np.sqrt(200)
    assert (high - low) / 2 == pytest.approx(half, rel=0.1)


def test_a_planted_regression_is_named_first_with_its_interval() -> None:
    before = results(spread())
    lines = compared(before, results(spread(late_s=0.7)))
    assert lines[0].startswith("paced: confirmed latency, p50 worse")
    assert "worse" in lines[0]
    assert "+0.70 s" in lines[0]
    assert "95 %" in lines[0]
    assert not any("WER" in line for line in lines)
    assert any("WER" in line and "better" in line for line in compared(before, results(spread(0.5))))
    assert compared(before, before) == ("nothing got worse",)


def test_a_busier_machine_is_said_before_anything_else() -> None:
    before, now = (
        results([outcome(name, others=Ratio(cores * 10, 10)) for name in "ab"]) for cores in (0.1, 1.6)
    )
    assert compared(before, now) == (
        "paced: other programs took 1.6 cores, 0.1 then: times hardly compare",
        "nothing got worse",
    )


def test_more_lag_under_load_is_named() -> None:
    def row(late_s: float) -> LoadRow:
        samples = tuple(Samples((1.0 + late_s + place, 2.0 + late_s)) for place in (0, 0.1))
        return LoadRow(
            mode="paced",
            sessions=4,
            recordings=2,
            audio_s=20.0,
            wall_s=10.0,
            rtfx=2.0,
            lag={"p50": 1.5, "p95": 2.0, "p99": 2.0, "p90": 2.0, "mean": 1.5},
            samples=samples,
        )

    before, now = (results(spread(), load=(row(late_s),)) for late_s in (0.0, 1.0))
    assert "paced, 4 sessions at a time: lag of final text p50 worse" in compared(before, now)[0]
    assert compared(before, before) == ("nothing got worse",)


def test_joules_are_those_of_an_hour_of_audio() -> None:
    told = gpu_values({"device": "nvidia", "max_memory_mb": 1000.0, "energy_j": 50.0}, 1800)
    assert told == {"vram": Largest(1000.0), "joules": Ratio(50.0, 0.5)}
    assert gpu_values({}, 1800)["joules"] == Absent("no GPU on this machine")


def test_a_figure_that_is_gone_and_other_options_are_named() -> None:
    now = [*spread()[:-1], outcome("talk 7", der=Ratio(2, 20))]
    lines = compared(results(spread()), results(now, options={"asr": "none"}))
    assert lines[0] == "other options than then: asr"
    assert any("no figure any more for talk 7" in line for line in lines)
    old = tuple(msgspec.structs.replace(one, values={"wer": one.values["wer"]}) for one in spread())
    older = msgspec.structs.replace(results(spread()), outcomes=old)  # of a version that knew less
    assert compared(older, results(spread())) == ("nothing got worse",)


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
