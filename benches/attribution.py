"""Who said each word: true words of four AMI meetings against turns that are worn as our diarizer's are.

Turns (../shared/data/rttm/ami) are jittered at both ends and dropped, the short ones more often, by what
`benches.worn_turns` found of our diarizer on the AMI clips. Words (../shared/data/words) come mixed, in
segments between pauses, as from a recogniser that knows no speakers; the operator is fed turns, watermarks
and segments. Alternatives:

- `nearest turn`: the turn nearest to the word's middle, the first of several; never none.
- `all nearest turns`: all that are as near (those around the word's middle, where there are any).
- `nearest centre`: the turn whose middle is nearest to the word's.

`right`: the true speaker is among those given. `first_right`: is the one named first; `of_named`, of those
words that have a speaker at all. Overlap: words whose first 0.3 s another speaker's true turn covers by half;
precision and recall of giving a word two speakers.

Bars: `right` >= 3 points above the nearest turn's; precision and recall in overlap reported.

    python -m benches.attribution
"""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benches.worn_turns import JITTER, LOST, Spoken, worn
from operators.timeline import covered_words
from operators.timeline.word_speakers import WordSpeakers
from stream_engine.clock import samples
from stream_engine.events import Segment, Turn, Watermark, Word
from stream_engine.testing import run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SEEDS = range(5)
PAUSE = 0.5  # s without a word: a new segment

Speakers = list[tuple[str, ...]]


def true_words() -> dict[str, list[Spoken]]:
    """Per meeting: start, end and speaker of each word, in order of time."""
    with gzip.open(DATA / "words" / "ami_4meetings_words.tsv.gz", "rt") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found: defaultdict[str, list[Spoken]] = defaultdict(list)
    for row in rows:
        if row["kind"] == "word":
            found[row["meeting"]].append((float(row["start"]), float(row["end"]), row["speaker"]))
    return {meeting: sorted(words) for meeting, words in found.items()}


def true_turns(meeting: str) -> list[Spoken]:
    lines = (DATA / "rttm" / "ami" / f"{meeting}.rttm").read_text().splitlines()
    fields = [line.split() for line in lines if line.startswith("SPEAKER")]
    return [(float(f[3]), float(f[3]) + float(f[4]), f[7]) for f in fields]


def ours(words: list[Spoken], turns: list[Spoken]) -> Speakers:
    """Through the operator, as a session feeds it."""
    given = run(WordSpeakers(), fed(words, turns))
    return [word.speakers for one in given if isinstance(one, Segment) for word in one.words or ()]


def fed(words: list[Spoken], turns: list[Spoken]) -> list[Any]:
    """What a session feeds the operator, in order of time."""
    items: list[Any] = []
    for id, (start, end, speaker) in enumerate(turns):
        start, end = samples(start), samples(end)
        items.append(Watermark(source="diarizer", at=start))
        items.append(Turn(id=id, revision=0, final=True, start=start, end=end, speaker=speaker))
    said = [Word(start=samples(s), end=samples(e), text="word") for s, e, _ in words]
    edges = [i for i in range(1, len(words)) if words[i][0] - words[i - 1][1] > PAUSE]
    for id, (first, last) in enumerate(zip([0, *edges], [*edges, len(words)], strict=True)):
        part = tuple(said[first:last])
        start, end = part[0].start, max(word.end for word in part)
        items.append(
            Segment(id=id, revision=0, final=True, start=start, end=end, speaker=None, text="", words=part)
        )
    return sorted(items, key=lambda item: item.at if isinstance(item, Watermark) else item.start)  # stable


def nearest(
    words: list[Spoken], turns: list[Spoken], *, centre: bool = False, every: bool = False
) -> Speakers:
    start, end = (np.array([turn[side] for turn in turns]) for side in (0, 1))
    found: Speakers = []
    for first, last, _ in words:
        middle = (first + last) / 2
        distance = np.maximum(0, np.maximum(start - middle, middle - end))
        if centre:
            distance = np.abs((start + end) / 2 - middle)
        near = np.flatnonzero(distance == distance.min()) if every else [int(distance.argmin())]
        found.append(tuple(dict.fromkeys(turns[turn][2] for turn in near)))
    return found


class Count:
    """Sums over words, for the figures of one way."""

    def __init__(self) -> None:
        self.sums: defaultdict[str, int] = defaultdict(int)

    def add(self, words: list[Spoken], given: Speakers, overlapped: list[bool]) -> None:
        for (_, _, true), names, overlap in zip(words, given, overlapped, strict=True):
            self.sums["words"] += 1
            self.sums["given"] += len(names)
            self.sums["right"] += true in names
            self.sums["first"] += names[:1] == (true,)
            self.sums["none"] += not names
            self.sums["overlapped"] += overlap
            self.sums["both"] += len(names) > 1
            self.sums["both_right"] += overlap and len(names) > 1

    def figures(self) -> dict[str, float]:
        n = self.sums
        figures = {
            "right": n["right"] / n["words"],
            "first_right": n["first"] / n["words"],
            "first_right_of_named": n["first"] / (n["words"] - n["none"]),
            "without_speaker": n["none"] / n["words"],
            "speakers_per_word": n["given"] / n["words"],
        }
        if n["both"]:
            figures["overlap_precision"] = n["both_right"] / n["both"]
            figures["overlap_recall"] = n["both_right"] / n["overlapped"]
        return figures


def overlapped(words: list[Spoken], turns: list[Spoken]) -> list[bool]:
    """Whether another speaker's true turn covers half of the first 0.3 s of each word."""
    found: list[bool] = []
    start, end = (np.array([turn[side] for turn in turns]) for side in (0, 1))
    who = np.array([turn[2] for turn in turns])
    for first, last, speaker in words:
        until = max(min(last, first + 0.3), first + 0.001)
        shared = np.minimum(end, until) - np.maximum(start, first)
        found.append(bool((shared[who != speaker] >= (until - first) / 2).any()))
    return found


Way = Callable[[list[Spoken], list[Spoken]], Speakers]


def compare(ways: dict[str, Way]) -> dict[str, dict[str, float]]:
    counts = {name: Count() for name in ways}
    for meeting, words in true_words().items():
        turns = true_turns(meeting)
        both = overlapped(words, turns)
        for seed in SEEDS:
            found = worn(turns, seed)
            for name, way in ways.items():
                counts[name].add(words, way(words, found), both)
    return {name: count.figures() for name, count in counts.items()}


def sensitivity() -> list[dict[str, Any]]:
    """What another share or another beginning would give."""
    rows: list[dict[str, Any]] = []
    kept = covered_words.SHARE, covered_words.BEGINNING
    for beginning in (0.1, 0.3, 0.5):
        for share in (0.01, 0.25, 0.5, 0.99):
            covered_words.SHARE, covered_words.BEGINNING = share, samples(beginning)
            rows.append({"beginning_s": beginning, "share": share} | compare({"ours": ours})["ours"])
    covered_words.SHARE, covered_words.BEGINNING = kept
    return rows


def measure() -> dict[str, Any]:
    result = compare(
        {
            "ours": ours,
            "nearest turn": nearest,
            "all nearest turns": partial(nearest, every=True),
            "nearest centre": partial(nearest, centre=True),
        }
    )
    ours_, theirs = result["ours"], result["nearest turn"]
    lost = {f"shorter than {length:g} s": share for length, share in LOST[:-1]} | {"longer": LOST[-1][1]}
    return {
        "words": sum(map(len, true_words().values())),
        "runs_with_other_jitter": len(SEEDS),
        "points_above_nearest_turn": {
            key: 100 * (ours_[key] - theirs[key]) for key in ("right", "first_right", "first_right_of_named")
        },
        "ways": [{"way": name} | figures for name, figures in result.items()],
        "worn_as": {"jitter_s": JITTER} | lost,
        "sensitivity": sensitivity(),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
