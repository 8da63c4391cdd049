"""Four times the turns run four times the lines of Python, which no load can change; `benches` have the time.

One turn spans all others, and sounds are as long as they may be: what looked at pairs was quadratic then.
"""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from operators.sounds.event_rules import EventRules
from operators.timeline.alignment import align
from operators.timeline.conversation import Conversation
from operators.timeline.overlap import OverlapSweep
from operators.timeline.overlap_intervals import overlap_intervals
from operators.timeline.sound_join import SoundJoin
from operators.timeline.sound_overlaps import sound_overlaps
from sinks.event_log import EventLog
from stream_engine.clock import RATE
from stream_engine.events import Segment, SoundEvent, Turn, Watermark

Ints = NDArray[np.int64]
FEW, MANY = 400, 1600
LONGEST = int(EventRules().longest)  # s, of a sound event


def turn(id: int, start: int, end: int) -> Turn:
    who = "ABCD"[id % 4]
    return Turn(id=id, revision=0, final=True, start=start * RATE, end=end * RATE, speaker=who)


def segment(id: int, start: int, end: int) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=start * RATE,
        end=end * RATE,
        speaker="ABCD"[id % 4],
        text="over the garden wall",
        words=None,
        turns=(id,),
    )


def turns(count: int) -> Iterator[Any]:
    yield turn(0, 0, 2 * count + 9)
    for id in range(1, count):
        yield turn(id, 2 * id, 2 * id + 3)
        yield Watermark(source="diarizer", at=2 * id * RATE)


def turns_all_held(count: int) -> Iterator[Any]:
    return (item for item in turns(count) if isinstance(item, Turn))


def segments_and_sounds(count: int) -> Iterator[Any]:
    for id in range(count):
        begun = 2 * id // LONGEST * LONGEST
        if begun == 2 * id:  # as long as the detector lets one be, and behind all that come meanwhile
            yield SoundEvent(
                id=2 * id, start=begun * RATE, end=(begun + LONGEST) * RATE, label="Music", score=0.8
            )
        yield SoundEvent(id=2 * id + 1, start=2 * id * RATE, end=(2 * id + 1) * RATE, label="Rain", score=0.7)
        yield segment(id, 2 * id, 2 * id + 2)
        for source in ("sounds", "diarizer", "text"):
            yield Watermark(source=source, at=2 * id * RATE)


def segments_and_sounds_all_held(count: int) -> Iterator[Any]:
    """Texts are far behind: no event may be forgotten."""
    return (item for item in segments_and_sounds(count) if getattr(item, "source", None) != "text")


def turns_and_segments(count: int) -> Iterator[Any]:
    for id in range(count):
        yield turn(id, 2 * id, 2 * id + 3)
        yield segment(id, 2 * id, 2 * id + 3)


def lines_run(work: Callable[[], object]) -> int:
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize(
    ("operator", "items"),
    [
        (OverlapSweep, turns),
        (OverlapSweep, turns_all_held),
        (SoundJoin, segments_and_sounds),
        (SoundJoin, segments_and_sounds_all_held),
        (lambda: Conversation(hold=20), turns_and_segments),
    ],
    ids=[
        "overlap sweep",
        "overlap sweep of turns that are held",
        "join with sounds",
        "join with sounds that are held",
        "figures of the talk",
    ],
)
def test_each_item_costs_as_much_among_many_as_among_few(
    operator: Callable[[], Any], items: Callable[[int], Iterator[Any]]
) -> None:
    def work(count: int) -> None:
        one = operator()
        for item in given[count]:
            list(one.feed(item))
        list(one.flush())

    given = {count: list(items(count)) for count in (FEW, MANY)}
    few, many = (lines_run(lambda count=count: work(count)) for count in (FEW, MANY))
    assert few > 10 * FEW, "hardly anything was counted"
    assert many / MANY < 1.3 * few / FEW


@pytest.mark.parametrize(
    ("operator", "items"),
    [
        (OverlapSweep, turns),
        (SoundJoin, segments_and_sounds),
        (lambda: Conversation(hold=20), turns_and_segments),
    ],
    ids=["overlap sweep", "join with sounds", "figures of the talk"],
)
def test_what_has_passed_is_kept_nowhere_and_not_in_the_state_only(
    operator: Callable[[], Any], items: Callable[[int], Iterator[Any]]
) -> None:
    one, sizes = operator(), list[int]()
    tracemalloc.start()
    for count, item in enumerate(items(2 * MANY)):
        list(one.feed(item))
        if count % MANY == MANY - 1:
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[-1] - sizes[0] < 16 * (len(sizes) - 1) * MANY, "some bytes for each item"


def arrays(count: int) -> tuple[Ints, Ints, Ints]:
    """Starts, ends and numbers of as many intervals; the first spans all."""
    start = 2 * np.arange(count)
    end = start + 3
    end[0] = 2 * count + 9
    return start, end, np.arange(count) % 4


def overlaps_of(count: int) -> object:
    return overlap_intervals(*arrays(count))


def sounds_of(count: int) -> object:
    start, end, label = arrays(count)
    return sound_overlaps(
        start[1:], end[1:], event_start=start, event_end=end, score=np.ones(count), label=label
    )


def turns_of(count: int) -> object:
    start, end, _ = arrays(count)
    return align(start[1:], end[1:], start, end)


@pytest.mark.parametrize("over", [overlaps_of, sounds_of, turns_of])
def test_arrays_are_not_gone_through_one_by_one_and_have_columns_but_no_square(
    over: Callable[[int], object],
) -> None:
    over(FEW)
    few, many = (lines_run(lambda count=count: over(count)) for count in (FEW, 16 * FEW))
    assert many < 2 * few + 100  # a tree has four levels more
    tracemalloc.start()
    over(16 * FEW)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 150 * 8 * 16 * FEW, "more than some columns of pairs that overlap"


def test_a_segment_more_is_a_line_more_in_the_log_and_nothing_is_written_again(tmp_path: Path) -> None:
    log = EventLog(path=tmp_path / "events.jsonl")

    def written() -> int:
        io = Path("/proc/self/io").read_text().splitlines()
        return int(next(line.split()[1] for line in io if line.startswith("wchar")))

    costs: list[int] = []
    for part in range(3):
        before = written()
        for id in range(part * MANY, (part + 1) * MANY):
            log.write(segment(id, 2 * id, 2 * id + 2))
        costs.append(written() - before)
    log.commit()
    assert sum(costs) <= 1.02 * (tmp_path / "events.jsonl").stat().st_size
    assert costs[2] <= 1.1 * costs[0]
