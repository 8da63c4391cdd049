"""Who talked how much and how, as the table that ends a run."""

from __future__ import annotations

from rich.table import Table

from sinks.inert_text import plain
from stream_engine.events import Statistics


def talk_table(statistics: Statistics) -> Table:
    """A row a speaker, who talked most first."""
    view = Table(title="Who talked", title_justify="left", box=None, pad_edge=False)
    view.add_column("speaker", no_wrap=True)
    for name in ("share", "speech", "turns", "words", "wpm", "F0 Hz", "interrupts", "is interrupted"):
        view.add_column(name, justify="right", no_wrap=True)
    for one in sorted(statistics.speakers, key=lambda speaker: -speaker.speech_s):
        view.add_row(
            plain(one.speaker),
            "" if one.share is None else f"{one.share:.0%}",
            f"{one.speech_s:.1f} s",
            str(one.turns),
            "" if one.words is None else str(one.words),
            "" if one.wpm is None else f"{one.wpm:.0f}",
            "" if one.f0_median_hz is None else f"{one.f0_median_hz:.0f}",
            str(one.interruptions_made),
            str(one.interruptions_received),
        )
    return view


def talk_sentence(statistics: Statistics) -> str:
    """What the rows do not say: silence, response, balance."""
    talk = statistics.conversation
    parts: list[str] = []
    if talk.silence_ratio is not None:
        parts.append(f"{talk.silence_ratio:.0%} silence")
    if talk.overlap_ratio is not None:
        parts.append(f"{talk.overlap_ratio:.0%} of the speech overlapped")
    if talk.response_latency_median_s is not None:
        answers = f"answers after {talk.response_latency_median_s:.1f} s"
        parts.append(f"{answers} (median of {talk.response_latencies})")
    if talk.turns_per_min is not None:
        parts.append(f"{talk.turns_per_min:.1f} turns a minute")
    if talk.balance is not None:
        parts.append(f"balance {talk.balance:.2f} (1: all alike)")
    return "; ".join(parts)
