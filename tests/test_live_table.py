"""The table of a session that still runs can be read, is never stale for long, and doubles nothing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import duckdb
import polars
import pyarrow.parquet as pq
import pytest

import sinks
import stream_engine
from sinks.event_log import EventLog
from sinks.labelled import LabelledLog
from sinks.live_table import PART, LiveTable
from sinks.segment_table import PARTS, write_segments_parquet
from stream_engine.clock import samples
from stream_engine.events import Overlap, Prosody, Relabel, Segment
from tests.golden_tables import segment, session, turn
from tests.speech import CALL

COUNTS = "select count(*), count(distinct segment) from '{}'"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Running:
    """A session's log and its live table, fed as the graph feeds them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.clock = folder, Clock()
        self.parts = f"{folder}/{PARTS}/*.parquet"
        self.log = EventLog(path=folder / "events.jsonl")
        self.table = LiveTable(
            log=folder / "events.jsonl", parts=folder / PARTS, every_s=5.0, clock=self.clock
        )

    def says(self, *events, passing_s: float = 0.0) -> None:
        for event in events:
            self.log.write(event)
            self.table.write(event)
        if passing_s:
            self.clock.now += passing_s
            self.table.write(events[-1])

    def commit(self) -> None:
        self.log.commit()
        self.table.catch_up()
        assert self.table.failure is None

    def rows(self, columns: str = "text, speaker"):
        return duckdb.sql(f"select {columns} from '{self.parts}' order by start_s").fetchall()


def final_rows(folder: Path) -> list[dict]:
    write_segments_parquet(LabelledLog(folder / "events.jsonl"), folder / "segments.parquet")
    return pq.read_table(folder / "segments.parquet").to_pylist()


def part_rows(folder: Path) -> list[dict]:
    parts = sorted((folder / PARTS).glob("*.parquet"))
    rows = [row for part in parts for row in pq.read_table(part).to_pylist()]
    return sorted(rows, key=lambda row: (row["start_s"], row["segment"]))


def test_a_running_session_can_be_read_by_duckdb_and_polars(tmp_path):
    running = Running(tmp_path / "s")
    running.says(turn(1, 0, 1, "A"), segment(1, 0, 1, "A", "one", 1))
    assert not (running.folder / PARTS).exists()  # it may be five seconds behind
    running.says(segment(2, 2, 3, "A", "two"), passing_s=5)
    assert running.rows() == [("one", "A"), ("two", "A")]
    assert polars.scan_parquet(running.folder / PARTS / "*.parquet").select("text").collect().height == 2
    running.says(segment(3, 4, 5, "B", "three"), passing_s=5)
    assert running.rows()[-1] == ("three", "B")
    assert os.listdir(running.folder / PARTS) == ["part-00001.parquet"]


def test_what_comes_later_reaches_rows_that_were_written_before(tmp_path):
    running = Running(tmp_path / "s")
    running.says(turn(1, 0, 5, "A"), turn(2, 4, 9, "B"), segment(1, 0, 5, "A", "one", 1), passing_s=5)
    assert running.rows("wpm, overlap_s, speaker") == [(None, 0.0, "A")]
    at = {"start": 0, "end": samples(5)}
    running.says(Prosody(segment=1, speaker="A", words=1, wpm=12.0, **at), passing_s=5)
    assert running.rows("wpm, overlap_s, speaker") == [(12.0, 0.0, "A")]
    running.says(Overlap(id=1, start=samples(4), end=samples(5), speakers=("A", "B")), passing_s=5)
    running.says(Relabel(to="C", as_of=0, speaker="A"), passing_s=5)
    assert running.rows("wpm, overlap_s, speaker") == [(12.0, 1.0, "C")]


def test_a_correction_writes_the_parts_that_it_concerns_and_no_others(tmp_path):
    running = Running(tmp_path / "s")
    for id in range(3 * PART):
        running.says(turn(id, id, id + 1, "A"), segment(id, id, id + 1, "A", f"{id}", id))
    running.says(Relabel(to="A", as_of=0, turns=(0,)), passing_s=5)
    parts = sorted((running.folder / PARTS).iterdir())
    assert [pq.read_metadata(part).num_rows for part in parts] == [PART] * 3
    before = [part.stat().st_ino for part in parts]
    running.says(Relabel(to="B", as_of=0, turns=(PART + 7,)), passing_s=5)
    after = [part.stat().st_ino for part in parts]
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert running.rows("segment, speaker")[PART + 7] == (PART + 7, "B")
    assert sum(speaker == "B" for _, speaker in running.rows("segment, speaker")) == 1


def test_the_parts_hold_in_the_end_what_the_finished_table_holds(tmp_path, monkeypatch):
    """Two thousand events in any order of kinds, with relabels, taken in at random moments."""
    monkeypatch.setattr("sinks.live_table.PART", 64)
    chance, running = random.Random(5), Running(tmp_path / "s")
    people = ["A", "B", "C"]
    for id in range(500):
        who, start = chance.choice(people), id * 0.5
        events = [
            turn(id, start, start + 0.9, who),
            segment(id, start, start + 0.9, who, f"{id}", id, max(0, id - 1)),
            Prosody(
                segment=id, speaker=who, words=1, wpm=1.0, start=samples(start), end=samples(start + 0.9)
            ),
            Overlap(id=id, start=samples(start), end=samples(start + 0.4), speakers=("A", "B")),
        ]
        chance.shuffle(events)
        if id % 50 == 0:
            events.append(Relabel(to=chance.choice(people), as_of=0, turns=(chance.randint(0, id),)))
        if id % 200 == 0:
            events.append(Relabel(to=chance.choice(people), as_of=0, speaker=chance.choice(people)))
        running.says(*events, passing_s=chance.choice([0, 0, 0, 3]))
    running.commit()
    assert len(os.listdir(running.folder / PARTS)) == 8
    assert part_rows(running.folder) == final_rows(running.folder)
    assert not (running.folder / PARTS).exists()


def test_everything_a_log_can_tell_is_in_the_parts(tmp_path):
    running = Running(tmp_path / "s")
    for event in session():
        running.says(event, passing_s=5)
    running.commit()
    assert part_rows(running.folder) == final_rows(running.folder)


def test_a_line_that_is_not_whole_yet_waits(tmp_path):
    running = Running(tmp_path / "s")
    running.says(segment(1, 0, 1, "A", "one"))
    with (running.folder / "events.jsonl").open("ab") as log:
        log.write(b'{"type":"segment","id":2,"rev')
        log.flush()
        running.clock.now = 5
        running.table.write(segment(1, 0, 1, "A", "one"))
        assert running.rows("segment") == [(1,)]
        log.write(b'ision":0,"final":true,"start":1.0,"end":2.0,"speaker":"A","text":"two","words":null}\n')
    running.commit()
    assert running.rows("segment") == [(1,), (2,)]


def test_a_killed_session_that_goes_on_from_its_checkpoint_doubles_no_row(tmp_path):
    code = """
import os, signal, sys
from pathlib import Path
from tests.test_live_table import Running
from tests.golden_tables import segment
running = Running(Path(sys.argv[1]))
for id in range(700):
    running.says(segment(id, id, id + 1, "A", str(id)), passing_s=0.2)
    if id == 600:
        print(running.log.checkpoint(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    folder = tmp_path / "s"
    root = Path(sinks.__file__).parents[1]
    ran = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, cwd=root)
    assert (ran.returncode, ran.stderr) == (-9, "")
    ((rows, different),) = duckdb.sql(COUNTS.format(f"{folder}/{PARTS}/*.parquet")).fetchall()
    assert rows == different > 600
    os.truncate(folder / "events.jsonl", int(ran.stdout))  # as a resumed session does
    running = Running(folder)
    for id in range(601, 650):
        running.says(segment(id, id, id + 1, "A", f"again {id}"))
    running.commit()
    assert running.rows("segment") == [(id,) for id in range(650)]
    assert running.rows()[-1] == ("again 649", "A")


def test_a_reader_never_meets_half_a_part(tmp_path):
    """Parts are written again while another process reads them, as fast as both can."""
    running = Running(tmp_path / "s")
    running.says(segment(0, 0, 1, "A", "0"), passing_s=5)
    code = """
import sys, duckdb, time
ends = time.monotonic() + 3
seen = 0
while time.monotonic() < ends:
    ((count, different),) = duckdb.sql(sys.argv[1]).fetchall()
    assert count == different >= seen, (count, different, seen)
    seen = count
print(seen)
"""
    command = [sys.executable, "-c", code, COUNTS.format(running.parts)]
    reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    id = 0
    while reader.poll() is None:
        id += 1
        running.says(segment(id, id, id + 1, "A", "x" * 500), passing_s=5)
    seen = reader.communicate()[0]
    assert reader.returncode == 0
    assert int(seen) > 5


def test_a_view_that_cannot_be_written_does_not_end_the_session(tmp_path):
    running = Running(tmp_path / "s")
    (running.folder / PARTS).write_text("in the way")
    running.says(segment(1, 0, 1, "A", "one"), passing_s=5)
    assert running.table.failure is not None
    assert running.table.failure.startswith(f"{PARTS}: FileExistsError")
    running.says(segment(2, 1, 2, "A", "two"), passing_s=5)
    running.log.commit()
    running.table.catch_up()
    assert len(final_rows(running.folder)) == 2


@pytest.mark.parametrize("end", ["commit", "discard"])
def test_parts_are_private_and_stay_when_the_session_ends(tmp_path, end):
    running = Running(tmp_path / "s")
    running.says(segment(1, 0, 1, "A", "one"), passing_s=5)
    getattr(running.table, end)()
    (part,) = (running.folder / PARTS).iterdir()
    assert (part.stat().st_mode & 0o777, part.parent.stat().st_mode & 0o777) == (0o600, 0o700)


async def test_a_real_session_can_be_read_while_it_runs(tmp_path):
    folder = tmp_path / "sample"
    async with stream_engine.open_session(CALL, out=tmp_path, asr="moonshine", offline=True) as running:
        parts = folder / PARTS
        table = LiveTable(log=folder / "events.jsonl", parts=parts, every_s=0.1)
        running.sink("live table", table)
        said = (event async for event in running.events() if isinstance(event, Segment))
        seen = [len(part_rows(folder)) async for _ in said if parts.exists()]
    assert table.failure is None
    assert seen == sorted(seen)
    assert pq.read_metadata(folder / "segments.parquet").num_rows >= seen[-1] > seen[0]
    assert not parts.exists()
