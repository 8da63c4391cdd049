"""What work on speed would pay most, over all runs that are shown: stages by their share of all compute."""

from __future__ import annotations

from collections import Counter

from sinks.trace_files import Named, computed

LEAST = 0.02  # of all compute
LOADING = "model loading"


def impact(runs: list[Named]) -> list[str]:
    """A line for each stage worth a look, the dearest first; runs count by what they computed.

    A stage that cost nothing any more would leave the whole 1 / (1 - share) times as fast: what bounds the
    gain of any work on it (Amdahl). Loading models is told as a stage; it is paid once in a process. What was
    answered from an earlier result does not count.
    """
    runs = computed(runs)
    spent: Counter[str] = Counter()
    held_up: Counter[str] = Counter()
    for _, figures in runs:
        for name, stage in figures["stages"].items():
            spent[name] += stage["feed"]["total_s"]
        for seconds in figures.get("models", {}).values():
            spent[LOADING] += sum(seconds.values())
        held_up[figures["bottleneck"]] += 1
    total = sum(spent.values())
    shares = [(name, one / total) for name, one in spent.most_common() if total and one >= LEAST * total]
    lines = [f"{place}. {_line(*one, held_up, len(runs))}" for place, one in enumerate(shares, start=1)]
    rest = 1 - sum(share for _, share in shares)
    return [*lines, f"all others together: {rest:.0%}"] if lines else []


def _line(name: str, share: float, held_up: Counter[str], runs: int) -> str:
    often = f", the bottleneck of {held_up[name]} of {runs}" if runs > 1 and held_up[name] else ""
    gain = f"at most {1 / (1 - share):.2f} × as fast without it" if share < 1 else "there is nothing else"
    return f"{name}: {share:.0%} of all compute{often}; {gain}"
