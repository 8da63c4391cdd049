"""What holds a run up, in words, the gravest first: a leak, the bottleneck, or the source."""

from __future__ import annotations

from collections.abc import Iterator

from sinks.trace_diff import shares
from sinks.trace_files import Figures

LEAK_MB, LEAK_SHARE = 64.0, 0.3  # growth in the second half of a run, and of all its growth
HELD, WAITED = 0.2, 0.5  # shares of the run's time
SOURCES = (
    "decode",
    "audio",
    "Audio Loading/decoding",
    "Audio Loading/reading",
)  # of a session, of its logger


def verdict(figures: Figures) -> list[str]:
    """One line each; none of a run that was answered from an earlier result."""
    if figures.get("known"):
        return []
    return [*_leak(figures), *_bottleneck(figures)]


def _leak(figures: Figures) -> Iterator[str]:
    memory = figures.get("memory", {})
    late, grown = memory.get("second_half_mb", 0.0), memory.get("delta_mb", 0.0)
    if late > LEAK_MB and late > LEAK_SHARE * grown:
        whole = f"{memory['start_mb']:.0f} → {memory['end_mb']:.0f} MB"
        yield f"memory may leak: it still grew by {late:.0f} MB in the second half of the run ({whole})"


def _bottleneck(figures: Figures) -> Iterator[str]:
    stages, name = figures["stages"], figures["bottleneck"]
    if name is None:
        return
    busy = stages[name]["busy"]
    slow = max(SOURCES, key=lambda source: stages.get(source, {}).get("starved", 0.0))
    waited = stages.get(slow, {}).get("starved", 0.0)
    if busy < waited and waited > WAITED:
        paced = ", which came at its own pace" if figures.get("paced") else ""
        yield f"the source is the bottleneck: {slow} waited for it {waited:.0%} of the time{paced}"
        yield f"of all compute, {name} is {shares(figures)[name]:.0f} %: at work {busy:.0%} of the time"
        return
    share = shares(figures)[name]
    yield f"{name} is the bottleneck: at work {busy:.0%} of the time, {share:.0f} % of all compute"
    held = sorted((-stage["held"], other) for other, stage in stages.items() if stage["held"] >= HELD)
    if held:
        yield "held by what follows: " + ", ".join(f"{other} {-share:.0%}" for share, other in held)
