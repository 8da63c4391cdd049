"""A row for each length of audio, with the same fields whoever the peer is, and what the rows come to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benches.peers.watched import Watched

SIDES = ("ours", "theirs")
FIELDS = ("x_real_time", "cpu_s", "first_s", "anon_mb", "rss_mb")
SUMMARY = (
    "throughput_ours_over_theirs",
    "per_cpu_second_ours_over_theirs",
    "first_result_theirs_over_ours",
    "anon_mb_per_minute",
    "points_worse_than_theirs",
    "by_length",
)

Row = dict[str, Any]
Costs = dict[str, float | None]  # a value for each of FIELDS


def costs(run: Watched, length: float, first_s: float | None) -> Costs:
    """`length` in seconds of audio. None: the process was over before it was looked at."""
    seen = (run.cpu_s or None, first_s, run.anon_mb or None, run.rss_mb or None)
    return dict(zip(FIELDS, (length / run.wall_s, *seen), strict=True))


def row(length: float, ours: Costs, theirs: Costs | None, **more: Any) -> Row:
    """Without `theirs`, its fields are None: the peer was not asked at this length."""
    both = zip(SIDES, (ours, theirs or dict.fromkeys(FIELDS)), strict=True)
    return {"seconds": length, **more} | {
        f"{side}_{name}": one[name] for side, one in both for name in FIELDS
    }


def by_length(
    ours: Callable[[int], Costs],
    theirs: Callable[[int], Costs],
    lengths: Sequence[int],
    alone: Sequence[int] = (),
) -> list[Row]:
    """Both sides by turns at `lengths`, then ours at those that would take the peer too long."""
    rows = [row(length, ours(length), theirs(length)) for length in lengths]
    return rows + [row(length, ours(length), None) for length in alone]


def summary(rows: Sequence[Row], points: dict[str, float]) -> dict[str, Any]:
    """Ratios at the greatest length that both had; memory over the last two that each had.

    `points`: by how many a rate is worse than the peer's, by its name.
    """
    last = [row for row in rows if row["theirs_cpu_s"] is not None][-1]
    return {
        "throughput_ours_over_theirs": last["ours_x_real_time"] / last["theirs_x_real_time"],
        "per_cpu_second_ours_over_theirs": last["theirs_cpu_s"] / last["ours_cpu_s"],
        "first_result_theirs_over_ours": ratio(last["theirs_first_s"], last["ours_first_s"]),
        "anon_mb_per_minute": {side: growth(rows, side) for side in SIDES},
        "points_worse_than_theirs": points,
        "by_length": list(rows),
    }


def growth(rows: Sequence[Row], side: str) -> float:
    """Of a side's peak memory, from its second longest to its longest: MB per minute of audio."""
    known = [(one["seconds"], one[f"{side}_anon_mb"]) for one in rows if one[f"{side}_anon_mb"] is not None]
    if len(known) < 2:
        return 0.0
    (shorter, less), (longer, more) = sorted(known)[-2:]
    return 60 * (more - less) / (longer - shorter)


def ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one is not None and other else None
