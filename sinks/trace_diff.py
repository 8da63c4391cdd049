"""What changed between two runs, in words: that which costs most first.

Stages are compared by what they cost, compute for a second of audio, so that runs over other recordings can
be compared, too. A percentile is known to 4 %, and no machine runs twice alike: what differs by less than a
tenth, or by next to nothing, is no change. Where only one was fed at the speed of life, its speed and the
milliseconds of an item tell of the feed: then costs, shares and memory are compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sinks.trace_files import Figures, Named, heard_s

LEAST = 0.1  # of the larger one
LEAST_COST = 0.002  # s of compute for a second of audio; of the total, where the audio's length is not known
LEAST_MS = 0.2
LEAST_LAG_S, LEAST_MB, LEAST_S = 0.05, 16.0, 0.1
MOVED = 5.0  # points of a share


class Change(NamedTuple):
    """A figure in both runs. `weight`: by how much the whole changes for it, to sort by."""

    stage: str
    before: float
    after: float
    weight: float


def cost(figures: Figures, stage: str) -> float:
    """Seconds of compute of a stage for a second of audio, or of the run where there is no audio."""
    found, whole = figures["stages"].get(stage), heard_s(figures)
    return found["feed"]["total_s"] / whole if found and whole else 0.0


def shares(figures: Figures) -> dict[str, float]:
    """Percent of the compute of all stages, by stage."""
    spent = {name: stage["feed"]["total_s"] for name, stage in figures["stages"].items()}
    total = sum(spent.values())
    return {name: 100 * each / total if total else 0.0 for name, each in spent.items()}


def changes(before: Figures, after: Figures) -> list[Change]:
    """Stages of both runs whose cost has changed; the largest change of the whole first."""
    found = [
        Change(name, old, new, abs(new - old))
        for name in after["stages"]
        if name in before["stages"]
        and differs(old := cost(before, name), new := cost(after, name), LEAST_COST)
    ]
    return sorted(found, key=lambda change: -change.weight)


def differs(before: float, after: float, least: float) -> bool:
    """Whether two figures differ by more than a tenth, and by more than `least`."""
    return abs(after - before) > max(least, LEAST * max(before, after))


def fed_alike(before: Figures, after: Figures) -> bool:
    """Whether both were fed at the speed of life, or neither."""
    return bool(before.get("paced")) == bool(after.get("paced"))


def milliseconds(figures: Figures, stage: str, key: str) -> float:
    """A percentile of a stage; 0 where it did not run."""
    found: Any = figures["stages"].get(stage)
    return found["feed"][key] if found else 0.0


def diff_sentences(first: Named, second: Named) -> list[str]:
    """The bottleneck, what became slower or faster, what is new, and lag and memory.

    Nothing is compared with a run that was answered from an earlier result.
    """
    before, after = first[1], second[1]
    if answered := [name for name, figures in (first, second) if figures.get("known")]:
        return [
            f"{name} was answered from an earlier result, and computed next to nothing: --fresh does it again"
            for name in answered
        ]
    unlike = list(_unlike(first, second))
    told = [
        *unlike,
        _bottleneck(before, after),
        *_whole(before, after),
        *(_slower(before, after, change) for change in changes(before, after)),
        *_stages(before, after),
        *_lags(before, after),
        *_memory(before, after),
    ]
    return told if len(told) > 1 + len(unlike) else [*told, f"nothing else changed by more than {LEAST:.0%}"]


def _unlike(*runs: Named) -> Iterator[str]:
    """Why not everything can be compared."""
    paced = [name for name, figures in runs if figures.get("paced")]
    if len(paced) == 1:
        yield f"{paced[0]} was fed at the speed of life, the other one was not: only costs and memory compare"


def _bottleneck(before: Figures, after: Figures) -> str:
    old, new = before["bottleneck"], after["bottleneck"]
    share, was = shares(after).get(new, 0.0), shares(before)
    if old == new:
        kept = f"the bottleneck is still {new}: {share:.0f} % of all compute"
        return f"{kept}, before {was[old]:.0f} %" if abs(share - was.get(old, 0.0)) > MOVED else kept
    return (
        f"the bottleneck is now {new} ({share:.0f} % of all compute, before {was.get(new, 0.0):.0f} %);"
        f" it was {old} ({was.get(old, 0.0):.0f} %)"
    )


def _whole(before: Figures, after: Figures) -> Iterator[str]:
    if not fed_alike(before, after):
        return
    old, new = before["audio_seconds_per_second"], after["audio_seconds_per_second"]
    if old and new:
        if differs(old, new, 0):
            how = _against(old, new, twice="as fast", more="faster", less="slower")
            yield f"the run is {how}: {old:.1f} → {new:.1f} × real time"
    elif differs(before["total_duration"], after["total_duration"], LEAST_S):
        pair = before["total_duration"], after["total_duration"]
        how = _against(*pair, twice="as long", more="longer", less="less")
        yield f"the run takes {how}: {pair[0]:.2f} → {pair[1]:.2f} s"
    for name, at in after["first_s"].items():
        if name in before["first_s"] and differs(before["first_s"][name], at, LEAST_S):
            yield f"first {name}: {before['first_s'][name]:.2f} → {at:.2f} s after the first audio"


def _slower(before: Figures, after: Figures, change: Change) -> str:
    name = change.stage
    how = _against(change.before, change.after, twice="as much", more="more", less="less")
    told = f"{name} costs {how}: {change.before:.4f} → {change.after:.4f}"
    if not fed_alike(before, after):
        return told
    percentiles = ", ".join(
        f"{key[:3]} {milliseconds(before, name, key):.1f} → {milliseconds(after, name, key):.1f} ms"
        for key in ("p50_ms", "p95_ms")
    )
    old, new = (runs["stages"][name]["items"] / (heard_s(runs) or 1.0) for runs in (before, after))
    often = f"; {old:.2f} → {new:.2f} items a second" if differs(old, new, 0.01) else ""
    return f"{told}, {percentiles}{often}"


def _stages(before: Figures, after: Figures) -> Iterator[str]:
    for told, these, those in (("new", after, before), ("gone", before, after)):
        names = [name for name in these["stages"] if name not in those["stages"]]
        if names:
            spent = sum(cost(these, name) for name in names)
            yield f"{told}: {', '.join(names)} (cost {spent:.4f})"


def _lags(before: Figures, after: Figures) -> Iterator[str]:
    paced = before.get("paced") and after.get("paced")
    for what, old in before["lag"].items() if paced else ():
        new = after["lag"].get(what)
        if new and differs(old["p95_ms"] / 1000, new["p95_ms"] / 1000, LEAST_LAG_S):
            pair = f"p50 {old['p50_ms'] / 1000:.2f} → {new['p50_ms'] / 1000:.2f} s"
            yield f"lag of {what}s: {pair}, p95 {old['p95_ms'] / 1000:.2f} → {new['p95_ms'] / 1000:.2f} s"
    for part, old in before.get("word_latency", {}).items():
        new = after.get("word_latency", {}).get(part)
        if paced and new and part != "total" and differs(old["p95_ms"], new["p95_ms"], 1000 * LEAST_LAG_S):
            pair = f"p95 {old['p95_ms'] / 1000:.2f} → {new['p95_ms'] / 1000:.2f} s"
            yield f"of a word's latency, {part}: {pair}"


def _memory(before: Figures, after: Figures) -> Iterator[str]:
    old, new = before.get("memory", {}), after.get("memory", {})
    for key, told in (("peak_mb", "memory at its peak"), ("delta_mb", "memory grew by")):
        if key in old and key in new and differs(old[key], new[key], LEAST_MB):
            yield f"{told}: {old[key]:.0f} → {new[key]:.0f} MB"


def _against(before: float, after: float, *, twice: str, more: str, less: str) -> str:
    if before and after >= 2 * before:
        return f"{after / before:.1f} × {twice}"
    return f"{abs(after - before) / before:.0%} {more if after > before else less}" if before else more
