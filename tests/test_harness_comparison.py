"""What a bench is told against an earlier one: what is judged, and what is not."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from stream_engine.harness.comparison import compared
from stream_engine.harness.latency import NO_TEXT
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import Absent, Largest, Ratio, Samples
from stream_engine.harness.results import Outcome, Results
from stream_engine.harness.scoring import NO_REFERENCE
from tests.bench_data import outcome, results, spread

NAMES = tuple(f"talk {number}" for number in range(8))
LOAD = "paced, 4 sessions at a time: lag of final text p50 worse"


def lags(names: Iterable[str], late_s: float = 0.0) -> LoadRow:
    """Four sessions at a time; the higher its number, the later a recording is."""
    names = tuple(names)
    return LoadRow(
        mode="paced",
        sessions=4,
        recordings=8,
        audio_s=20.0,
        wall_s=10.0,
        rtfx=2.0,
        lag={"p50": 1.5, "p95": 2.0, "p99": 2.0, "p90": 2.0, "mean": 1.5},
        names=names,
        samples=tuple(Samples((late_s + int(name.split()[1]), late_s + 9.0)) for name in names),
    )


def known(outcomes: Iterable[Outcome], **digests: str) -> Results:
    return results([msgspec.structs.replace(one, digests=digests) for one in outcomes])


def test_a_planted_regression_is_named_first_with_how_probable_it_is_by_chance() -> None:
    before = results(spread())
    lines = compared(before, results(spread(late_s=0.7)))
    assert lines[0].startswith("paced: confirmed latency, p50 worse")
    assert "worse" in lines[0]
    assert "+0.70 s" in lines[0]
    assert "by chance in 0.8 % of cases, over 8 recordings" in lines[0]
    assert "5 figures were compared" in lines[-1]
    assert not any("WER" in line for line in lines)
    assert any("WER" in line and "better" in line for line in compared(before, results(spread(0.5))))


def test_a_bench_that_is_compared_with_itself_is_told_so() -> None:
    assert compared(results(spread()), results(spread())) == (
        "this is the earlier bench itself: nothing was run again",
    )
    lines = compared(results(spread()), results([*spread()[:-1], outcome("talk 7", wer=Ratio(1, 9))]))
    assert lines[0] == "7 of 8 sessions are those of the earlier bench itself: nothing moved there"
    assert not any("% of cases" in line for line in lines)


def test_a_larger_memory_of_the_process_has_no_verdict() -> None:
    before, now = (
        results([outcome(f"{n}", rss=Largest(rss + n)) for n in range(8)]) for rss in (900.0, 1300.0)
    )
    lines = compared(before, now)
    assert lines[0] == "moved (it depends on all that ran before):"
    assert lines[1] == "– paced: largest memory: 907 MB to 1,307 MB"


def test_a_busier_machine_is_said_before_anything_else() -> None:
    before, now = (
        results([outcome(name, others=Ratio(cores * 10, 10)) for name in "ab"]) for cores in (0.1, 1.6)
    )
    told = "paced: other programs took 1.6 cores, 0.1 then: times hardly compare"
    assert compared(before, now)[0] == told


def test_a_figure_that_is_gone_and_other_options_are_named() -> None:
    late = msgspec.structs.replace(spread()[-1], values={**spread()[-1].values, "confirmed": Absent(NO_TEXT)})
    lines = compared(results(spread()), results([*spread()[:-1], late], options={"asr": "none"}))
    assert "other options than then: asr" in lines[:2]
    assert "paced: confirmed latency, p50: no figure any more for talk 7" in lines[2:]
    old = tuple(msgspec.structs.replace(one, values={"wer": one.values["wer"]}) for one in spread())
    older = msgspec.structs.replace(results(spread()), outcomes=old)  # of a version that knew less
    assert "nothing got worse" in compared(older, results(spread()))


def test_a_missing_reference_is_no_regression() -> None:
    bare = {"wer": Absent(NO_REFERENCE), "der": Absent(NO_REFERENCE)}
    now = [msgspec.structs.replace(one, values={**one.values, **bare}) for one in spread(late_s=0.1)[:2]]
    lines = compared(results(spread()[:2]), results(now))
    told = (
        "paced, talk 0, talk 1: no reference of that kind, so no more WER, speakers ignored; DER, no collar"
    )
    assert lines[0] == told
    assert not any("no figure any more" in line for line in lines)


def test_a_recording_that_fails_now_comes_first() -> None:
    now = [*spread(late_s=0.7)[:-1], msgspec.structs.replace(spread()[-1], failed="no audio")]
    assert compared(results(spread()), results(now))[0] == "paced: talk 7 fails, and did not then"


def test_more_lag_under_load_is_named() -> None:
    before = results(spread(), load=(lags(NAMES),))
    now = results(spread(), load=(lags(reversed(NAMES), late_s=1.0),))
    assert any(line.startswith(LOAD) for line in compared(before, now))
    assert "nothing got worse" in compared(now, before)


def test_lags_of_other_recordings_are_not_judged() -> None:
    before = results(spread(), load=(lags(NAMES),))
    others = tuple(f"talk {number}" for number in range(10, 18))
    for names in (others, (*NAMES[:5], *others)):
        now = results(spread(), load=(lags(names, late_s=1.0),))
        assert not any(LOAD in line for line in compared(before, now))
    same = results(spread(), load=(lags(reversed(NAMES)),))
    assert not any("lag" in line for line in compared(before, same))


def test_changed_references_or_other_audio_are_said_and_not_judged() -> None:
    before, worse = (known(spread(factor), audio="a", rttm="r") for factor in (1.0, 3.0))
    assert any("WER" in line and "worse" in line for line in compared(before, worse))
    for what, digests in (
        ("references", {"audio": "a", "rttm": "other"}),
        ("references", {"audio": "a"}),
        ("audio", {"audio": "b", "rttm": "r"}),
    ):
        now = known(spread(3.0), **digests)
        now = msgspec.structs.replace(now, load=(lags(NAMES, late_s=1.0),))
        lines = compared(msgspec.structs.replace(before, load=(lags(NAMES),)), now)
        assert lines[0] == f"other {what} for talk 0, talk 1, talk 2, talk 3, talk 4 …: not compared"
        assert not any("worse:" in line or "better:" in line for line in lines)
        failed = results([msgspec.structs.replace(one, failed="no audio") for one in now.outcomes])
        assert not any("fails" in line for line in compared(before, failed))


def test_a_bench_of_an_older_version_that_kept_no_digests_is_judged() -> None:
    lines = compared(results(spread()), known(spread(3.0), audio="a"))
    assert any("WER" in line and "worse" in line for line in lines)
