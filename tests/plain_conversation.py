"""The figures of a conversation from scratch: every definition tried on all pairs, with all values kept."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import median
from typing import NamedTuple

import numpy as np

from stream_engine.clock import RATE, samples

PAUSE, WAIT, WINDOW = samples(1), samples(5), samples(30)


class Row(NamedTuple):
    """A turn under its last label."""

    start: int
    end: int
    id: int
    speaker: str


class Said(NamedTuple):
    """A segment under its last label."""

    start: int
    end: int
    speaker: str | None
    text: str
    f0: float | None
    arousal: float | None


def sets(turns: list[Row], until: float) -> list[tuple[int, frozenset[str]]]:
    """Lengths and sets of who speaks, between all boundaries."""
    cuts = sorted({int(min(time, until)) for t in turns for time in (t.start, t.end)})
    return [
        (end - start, frozenset(t.speaker for t in turns if t.start <= start and end <= t.end))
        for start, end in pairwise(cuts)
    ]


def stretches(turns: list[Row]) -> list[tuple[int, int, str]]:
    """Turns of one speaker with short pauses between them, joined pair by pair until nothing changes."""
    found = [(t.start, t.end, t.speaker) for t in turns]
    while True:
        for a, b in ((a, b) for a in found for b in found if a is not b):
            if a[2] == b[2] and a[0] <= b[1] + PAUSE and b[0] <= a[1] + PAUSE:
                found = [x for x in found if x is not a and x is not b]
                found.append((min(a[0], b[0]), max(a[1], b[1]), a[2]))
                break
        else:
            return found


def latencies(turns: list[Row]) -> list[tuple[str, float]]:
    """Of each stretch that begins in silence after another's."""
    waits: list[tuple[str, float]] = []
    ordered = sorted(turns, key=lambda t: (t.start, t.id))
    for number, turn in enumerate(ordered):
        before = ordered[:number]
        own = [t.end for t in before if t.speaker == turn.speaker]
        last = max((t.end for t in before), default=None)
        if last is None or last > turn.start or turn.start - last > WAIT:
            continue
        if own and (max(own) >= turn.start - PAUSE or max(own) == last):
            continue
        waits.append((turn.speaker, (turn.start - last) / RATE))
    return waits


def coherence(texts: list[str]) -> float | None:
    scores = []
    for one, other in pairwise(texts):
        a, b = ({w.strip(".,!?").lower() for w in text.split()} for text in (one, other))
        a, b = ({w for w in words if len(w) > 3} for words in (a, b))
        if a and b:
            scores.append(len(a & b) / len(a | b))
    return sum(scores) / len(scores) if scores else None


def conversation(turns: list[Row], segments: list[Said], at: int) -> dict[str, float | None]:
    pieces = sets(turns, at)
    speech = sum(length for length, who in pieces if who)
    overlap = sum(length for length, who in pieces if len(who) > 1)
    own = [
        sum(length for length, who in pieces if name in who) for name in sorted({t.speaker for t in turns})
    ]
    own = [time for time in own if time]
    joined = stretches(turns)
    waits = [wait for _, wait in latencies(turns)]
    shares = [time / sum(own) for time in own]
    entropy = -sum(p * math.log2(p) for p in shares)
    return {
        "speech_s": speech / RATE,
        "overlap_s": overlap / RATE,
        "silence_ratio": 1 - speech / at if at else None,
        "overlap_ratio": overlap / speech if speech else None,
        "balance": (entropy / math.log2(len(own)) if len(own) > 1 else 0.0) if own else None,
        "turns": len(joined),
        "turns_per_min": len(joined) / (at / RATE / 60) if own else None,
        "turn_mean_s": sum(e - s for s, e, _ in joined) / len(joined) / RATE if joined else None,
        "response_latencies": len(waits),
        "response_latency_mean_s": sum(waits) / len(waits) if waits else None,
        "response_latency_median_s": median(waits) if waits else None,
        "response_latency_p90_s": float(np.quantile(waits, 0.9)) if waits else None,
        "topic_coherence": coherence([said.text for said in segments]),
    }


def speaker(name: str, turns: list[Row], segments: list[Said], at: int) -> dict[str, float | None]:
    pieces = sets(turns, at)
    speech = sum(length for length, who in pieces if name in who)
    overlap = sum(length for length, who in pieces if name in who and len(who) > 1)
    everybody = sum(length * len(who) for length, who in pieces)
    joined = [end - start for start, end, who in stretches(turns) if who == name]
    waits = [wait for who, wait in latencies(turns) if who == name]
    said = [s for s in segments if s.speaker == name]
    words = sum(len(s.text.split()) for s in said)
    f0 = [s.f0 for s in said if s.f0 is not None]
    arousal = [s.arousal for s in said if s.arousal is not None]
    return {
        "speech_s": speech / RATE,
        "share": speech / everybody if everybody else None,
        "turns": len(joined),
        "turn_mean_s": sum(joined) / len(joined) / RATE if joined else None,
        "overlap_s": overlap / RATE,
        "overlap_ratio": overlap / speech if speech else None,
        "response_latency_median_s": median(waits) if waits else None,
        "segments": len(said),
        "words": words if said else None,
        "wpm": words / (sum(s.end - s.start for s in said) / RATE / 60) if said else None,
        "f0_median_hz": median(f0) if f0 else None,
        "arousal": sum(arousal) / len(arousal) if arousal else None,
    }


def longest(name: str, turns: list[Row]) -> float:
    return max(end - start for start, end, who in stretches(turns) if who == name) / RATE


def windows(turns: list[Row], segments: list[Said], end: int) -> list[dict[str, float | None]]:
    """Every window looks at everything."""
    found: list[dict[str, float | None]] = []
    for start in range(0, end, WINDOW):
        stop = min(start + WINDOW, end)
        clipped = [Row(max(t.start, start), min(t.end, stop), t.id, "x") for t in turns]
        spoken = sum(length for length, who in sets([t for t in clipped if t.end > t.start], stop) if who)
        shared = [(min(s.end, stop) - max(s.start, start), s.arousal) for s in segments]
        known = [(weight, value) for weight, value in shared if weight > 0 and value is not None]
        arousal = sum(w * v for w, v in known) / sum(w for w, _ in known) if known else None
        starts = [
            s.start + (s.end - s.start) * k // len(s.text.split())
            for s in segments
            for k in range(len(s.text.split()))
        ]
        found.append(
            {
                "start_s": start / RATE,
                "end_s": stop / RATE,
                "speech_density": spoken / (stop - start),
                "words": sum(start <= at < stop or (at >= stop == end) for at in starts),
                "arousal": arousal,
                "energy": None if arousal is None else arousal * spoken / (stop - start),
            }
        )
    return found
