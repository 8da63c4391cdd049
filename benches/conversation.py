"""A million turns through overlap, the merge in order of time, conversation and roll-ups of speakers.

    python -m benches.conversation

Bars: time per turn stays flat (within 1.5 ×) from 10k to 1M turns, and memory does not grow (RssAnon from
100k to 1M turns by less than 8 MiB). One run, items made as they are taken: turns of four speakers with short
words in between, each with a segment and its prosody; statistics every 5 min of the session, which cost the
same whenever they come (`live`).

Against what a user would take instead: pandas, for the roll-up of all segments so far (sums and medians by
speaker), which live statistics ask for again and again; and the loops of the batch pipeline before this one
(`legacy_conversation`, `legacy_overlaps`). Each does less than the operators here: no relabels, no talk time
by union, no matrix of interruptions, nothing before the end. CPU seconds of one thread, medians.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from operators.timeline.conversation import Conversation
from operators.timeline.in_order import InOrder
from operators.timeline.legacy_conversation import LegacySegment, legacy_conversation
from operators.timeline.legacy_overlap import legacy_overlaps
from operators.timeline.overlap import OverlapSweep
from stream_engine.clock import RATE, seconds
from stream_engine.events import Prosody, Segment, Turn, Watermark

MARKS = (10_000, 100_000, 300_000, 1_000_000)
LIVE = (1_000, 10_000, 100_000)
BATCH = (1_000, 4_000, 16_000)
WORDS = "so the garden needs water and somebody should look after seeds tools rain paths trees".split()


def talk() -> Iterator[tuple[Turn, Segment, Prosody]]:
    """Turns of four speakers of about 2 s, a fifth begun before the last ended, and short words."""
    chance, at, id = random.Random(1), 0, 0
    while True:
        short = id % 7 == 6
        length = chance.randint(300, 900) if short else chance.randint(500, 3500)
        start = max(0, at - 1200 if short else at)
        about = {"start": start * 16, "end": (start + length) * 16, "speaker": f"SPEAKER_{id % 4:02d}"}
        text = " ".join(chance.choices(WORDS, k=1 + length // 300))
        yield (
            Turn(id=id, revision=0, final=True, **about),
            Segment(id=id, revision=0, final=True, text=text, words=None, turns=(id,), **about),
            Prosody(
                segment=id,
                words=text.count(" ") + 1,
                wpm=round(chance.gauss(150, 30), 1),
                f0_median_hz=round(chance.gauss(150, 20), 2),
                loudness_dbfs=round(chance.gauss(-25, 4), 2),
                pauses=1,
                pause_s=0.2,
                **about,
            ),
        )
        id += 1
        at = max(at, start + length) + chance.randint(-300, 1200) * (not short)


class Analytics:
    """The three operators as a session has them: a watermark of each source behind each turn."""

    def __init__(self, every_s: float) -> None:
        self.overlap, self.order = OverlapSweep(), InOrder()
        self.conversation = Conversation(every_s=every_s)

    def feed(self, turn: Turn, segment: Segment, prosody: Prosody) -> int:
        """Gives how many statistics came of it."""
        passed = [Watermark(source=source, at=turn.start) for source in ("diarizer", "text")]
        items: list[Any] = [turn, *self.overlap.feed(turn), segment, prosody, *passed]
        items += self.overlap.feed(passed[0])
        return sum(1 for item in items for out in self.order.feed(item) for _ in self.conversation.feed(out))


def scaling() -> list[dict[str, float]]:
    """One run to a million turns, looked at on the way."""
    analytics, rows = Analytics(every_s=300.0), list[dict[str, float]]()
    statistics = count = 0
    began = spent = 0.0
    for said in islice(talk(), MARKS[-1]):
        began = time.process_time()
        statistics += analytics.feed(*said)
        spent += time.process_time() - began
        count += 1
        if count in MARKS:
            rows.append(
                {
                    "turns": count,
                    "hours_of_talk": seconds(said[0].end) / 3600,
                    "statistics": statistics,
                    "cpu_s": spent,
                    "us_per_turn": spent / count * 1e6,
                    "times_real_time": seconds(said[0].end) / spent,
                    "rss_anon_mib": rss_anon(),
                    "state_bytes": len(msgspec.msgpack.encode(analytics.conversation.state)),
                }
            )
    return rows


def rss_anon() -> float:
    """MiB of memory that no file backs."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def live() -> list[dict[str, float]]:
    """One more statistics after so many turns, against grouping all segments so far anew."""
    import pandas as pd

    rows: list[dict[str, float]] = []
    for size in LIVE:
        said = list(islice(talk(), size))
        analytics = Analytics(every_s=60.0)
        for each in said:
            analytics.feed(*each)
        state = analytics.conversation.state
        frame = pd.DataFrame(
            {
                "speaker": [turn.speaker for turn, _, _ in said],
                "length_s": [(turn.end - turn.start) / RATE for turn, _, _ in said],
                "words": [prosody.words for _, _, prosody in said],
                "pause_s": [prosody.pause_s for _, _, prosody in said],
                "wpm": [prosody.wpm for _, _, prosody in said],
                "f0_hz": [prosody.f0_median_hz for _, _, prosody in said],
                "loudness": [prosody.loudness_dbfs for _, _, prosody in said],
            }
        )
        sums = dict.fromkeys(("length_s", "words", "pause_s"), "sum")
        medians = dict.fromkeys(("wpm", "f0_hz", "loudness"), "median")
        last = said[-1][0].end
        once = []
        for _ in range(15):
            operator = Conversation(every_s=1.0, state=state)
            operator._state.ticks = last // RATE + 1
            at = (last // RATE + 2) * RATE
            once.append(
                cpu(lambda operator=operator, at=at: operator.feed(Watermark(source="in order", at=at)))
            )
        ours = median(once)
        pandas_s = timed(lambda frame=frame, how={**sums, **medians}: frame.groupby("speaker").agg(how), 15)
        rows.append(
            {
                "turns": size,
                "statistics_ms": ours * 1e3,
                "pandas_groupby_ms": pandas_s * 1e3,
                "pandas_over_statistics": pandas_s / ours,
            }
        )
    return rows


def batch() -> list[dict[str, float]]:
    """A finished session at once: the operators with one statistics, against the loops before them."""
    rows: list[dict[str, float]] = []
    for size in BATCH:
        said = list(islice(talk(), size))
        turns = [turn for turn, _, _ in said]
        segments = [
            LegacySegment(seconds(s.start), seconds(s.end), s.speaker or "", s.text) for _, s, _ in said
        ]

        def operators(said: list[tuple[Turn, Segment, Prosody]] = said) -> None:
            analytics = Analytics(every_s=1e6)
            for each in said:
                analytics.feed(*each)

        def loops(turns: list[Turn] = turns, segments: list[LegacySegment] = segments) -> None:
            legacy_overlaps(turns)
            legacy_conversation(segments, segments[-1].end)

        ours, theirs = timed(operators, 3), timed(loops, 3)
        rows.append(
            {"turns": size, "operators_s": ours, "loops_s": theirs, "loops_over_operators": theirs / ours}
        )
    return rows


def cpu(run: Callable[[], Any]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def timed(run: Callable[[], Any], repeats: int) -> float:
    """Median CPU seconds: other work on the machine does not count."""
    return median(cpu(run) for _ in range(repeats))


def measure() -> dict[str, Any]:
    return {"scaling": scaling(), "live": live(), "batch": batch()}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
