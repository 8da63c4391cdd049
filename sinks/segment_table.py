"""The table of segments: made once for a log, on disk; segments.parquet is it, and other formats read it."""

from __future__ import annotations

import shutil
from pathlib import Path
from weakref import WeakKeyDictionary

import msgspec

from sinks.arrow import write_parquet
from sinks.csv_cells import csv_table
from sinks.labelled import LabelledLog
from sinks.segment_rows import segment_rows
from sinks.spill import Spill
from sinks.table_schemas import NESTED, SEGMENTS
from sinks.whole_file import replacing_bytes

_NESTED = [column.kind in NESTED for column in SEGMENTS]
PARTS = "segments.parts"  # of a session that still runs
_made: WeakKeyDictionary[LabelledLog, Spill] = WeakKeyDictionary()


def segment_table(log: LabelledLog) -> Spill:
    """The table of all segments; the log is gone over at the first call only."""
    if log not in _made:
        _made[log] = Spill(log.path.parent, SEGMENTS, segment_rows(log))
    return _made[log]


def write_segments_parquet(log: LabelledLog, out: Path) -> None:
    """segments.parquet, which takes the place of the parts that a running session shows."""
    with replacing_bytes(out) as file:
        write_parquet(file, SEGMENTS, segment_table(log).batches())
    shutil.rmtree(out.parent / PARTS, ignore_errors=True)


def write_segments_csv(log: LabelledLog, out: Path) -> None:
    """segments.csv: all columns but the single words, which are in words.parquet."""
    columns = [column for column in SEGMENTS if column.name != "words"]
    with csv_table(out, columns) as add:
        for cells in segment_table(log).cells([column.name for column in columns]):
            add(cells)


def write_segments_jsonl(log: LabelledLog, out: Path) -> None:
    """segments.jsonl: an object a line, with the columns of the table as its fields."""
    encode = msgspec.json.Encoder().encode
    names = [column.name for column in SEGMENTS]
    with replacing_bytes(out) as file:
        for cells in segment_table(log).cells(names):
            shown = [
                [None if cell is None else msgspec.Raw(cell) for cell in column] if nested else column
                for column, nested in zip(cells, _NESTED, strict=True)
            ]
            for row in zip(*shown, strict=True):
                file.write(encode(dict(zip(names, row, strict=True))) + b"\n")
