"""The order of work that the traces of several sessions suggest."""

from __future__ import annotations

from typing import Any

from sinks.trace_impact import impact
from tests.test_trace_compare import run


def figures(bottleneck: str, models: dict[str, float], **spent: float) -> dict[str, Any]:
    stages = {name: {"feed": {"total_s": seconds}} for name, seconds in spent.items()}
    return {"stages": stages, "bottleneck": bottleneck, "models": {"load_s": models, "warm_s": {}}}


def test_stages_come_by_their_share_over_all_sessions_with_what_their_absence_would_gain() -> None:
    long = figures("speakers", {"a": 2.0}, speakers=60.0, words=20.0, rest=0.5)
    short = figures("words", {}, words=8.0, speakers=5.0, rest=0.5, text=4.0)
    assert impact([("long", long), ("short", short)]) == [
        "1. speakers: 65% of all compute, the bottleneck of 1 of 2; at most 2.86 × as fast without it",
        "2. words: 28% of all compute, the bottleneck of 1 of 2; at most 1.39 × as fast without it",
        "3. text: 4% of all compute; at most 1.04 × as fast without it",
        "4. model loading: 2% of all compute; at most 1.02 × as fast without it",
        "all others together: 1%",
    ]


def test_what_was_made_slow_in_real_pipelines_comes_first() -> None:
    runs = [("one", run(b=0.02)), ("two", run(b=0.01))]
    assert impact(runs)[0].startswith("1. second: ")
    assert ", the bottleneck of 2 of 2; " in impact(runs)[0]


def test_where_nothing_was_computed_nothing_is_suggested() -> None:
    assert impact([("idle", figures("speakers", {}, speakers=0.0))]) == []
    alone = impact([("one", figures("words", {}, words=1.0))])
    assert alone[0] == "1. words: 100% of all compute; there is nothing else"
