"""Rows into Arrow: schemas, record batches, Parquet.

Nested cells are built from flat lists of their leaves: ten times as fast as one by one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from itertools import accumulate, chain, islice
from operator import attrgetter
from threading import Lock
from typing import IO, Any

from sinks.table_schemas import NESTED, Column

os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")  # its own keeps a hundred megabytes for later
pa: Any = import_module("pyarrow")  # it has no types to check against
Batch = Any  # pyarrow.RecordBatch
Row = tuple[Any, ...]
BATCH, GROUP = 1024, 4  # rows of a batch, batches of a row group
_ALONE = Lock()


class _NoPandas:
    """A finder for which pandas is not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


@contextmanager
def _without_pandas() -> Generator[None]:
    """pyarrow's first array imports pandas where it is installed: 50 MB and 0.3 s for nothing in this block.

    It asks once, and is made to ask again afterwards: others may have use for it.
    """
    asked = getattr(pa.lib, "_pandas_api", None)
    with _ALONE:
        if asked is None or "pandas" in sys.modules:
            yield
            return
        sys.meta_path.insert(0, _NoPandas)
        try:
            pa.array([])
        finally:
            sys.meta_path.remove(_NoPandas)
        try:
            yield
        finally:
            asked.__init__()


def _fields(kind: str) -> list[Any]:
    """Of the structs in a list."""
    text, real = pa.string(), pa.float64()
    if kind == "sounds":
        names: dict[str, tuple[Any, bool]] = {"label": (text, False), "seconds": (real, False)}
        names["score"] = (real, False)
    else:
        names = {"start_s": (real, False), "end_s": (real, False), "text": (text, False)}
        names |= {"probability": (real, True), "speakers": (pa.list_(text), False)}
    return [pa.field(name, *typed) for name, typed in names.items()]


def _type(kind: str) -> Any:
    match kind:
        case "texts":
            return pa.list_(pa.string())
        case "scores" | "flags":
            return pa.map_(pa.string(), pa.float64() if kind == "scores" else pa.bool_())
        case "words" | "sounds":
            return pa.list_(pa.struct(_fields(kind)))
        case _:
            flat = {"int": pa.int64, "float": pa.float64, "text": pa.string, "bool": pa.bool_}
            return flat[kind]()


def schema(columns: Sequence[Column]) -> Any:
    """The Arrow schema; unit and meaning of each field are in its metadata."""
    return pa.schema(
        [
            pa.field(
                column.name,
                _type(column.kind),
                column.nullable,
                {"meaning": column.meaning} | ({"unit": column.unit} if column.unit else {}),
            )
            for column in columns
        ]
    )


def _array(kind: str, cells: Sequence[Any]) -> Any:
    if kind not in NESTED:
        return pa.array(cells, _type(kind))
    ends = accumulate((len(cell) if cell else 0 for cell in cells), initial=0)
    offsets, mask = pa.array(ends, pa.int32()), pa.array([cell is None for cell in cells], pa.bool_())
    full = [cell for cell in cells if cell]
    leaves: list[Any] = list(chain.from_iterable(full))
    match kind:
        case "texts":
            return pa.ListArray.from_arrays(offsets, pa.array(leaves, pa.string()), mask=mask)
        case "scores" | "flags":
            values = pa.array(
                list(chain.from_iterable(cell.values() for cell in full)), _type(kind).item_type
            )
            keys = pa.array(leaves, pa.string())
            return pa.MapArray.from_arrays(offsets, keys, values, mask=mask)
        case _:
            fields = _fields(kind)
            arrays = [
                _array("texts", leaf) if pa.types.is_list(field.type) else pa.array(leaf, field.type)
                for field in fields
                for leaf in [list(map(attrgetter(field.name), leaves))]
            ]
            return pa.ListArray.from_arrays(
                offsets, pa.StructArray.from_arrays(arrays, fields=fields), mask=mask
            )


def batch_of(columns: Sequence[Column], cells: Sequence[Sequence[Any]], table: Any) -> Batch:
    """One batch of `cells`, given column by column; maps are dicts, structs have attributes."""
    with _without_pandas():
        arrays = [_array(column.kind, some) for column, some in zip(columns, cells, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=table)


def by_column(rows: Iterable[Row]) -> Iterator[list[tuple[Any, ...]]]:
    """The cells of each so many rows, column by column."""
    coming = iter(rows)
    while some := list(islice(coming, BATCH)):
        yield list(zip(*some, strict=True))


def batches(columns: Sequence[Column], rows: Iterable[Row]) -> Iterator[Batch]:
    table = schema(columns)
    for cells in by_column(rows):
        yield batch_of(columns, cells, table)


def write_parquet(file: IO[bytes], columns: Sequence[Column], found: Iterable[Batch]) -> int:
    """All batches, zstd; gives the number of rows."""
    parquet, table, rows, coming = import_module("pyarrow.parquet"), schema(columns), 0, iter(found)
    with parquet.ParquetWriter(file, table, compression="zstd") as out:
        while group := list(islice(coming, GROUP)):
            out.write_table(pa.Table.from_batches(group, table))
            rows += sum(batch.num_rows for batch in group)
    return rows
