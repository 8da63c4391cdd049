"""A table that waits on disk to be exported: memory holds one batch of it."""

from __future__ import annotations

import mmap
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sinks.arrow import Batch, Row, batch_of, by_column, pa, schema
from sinks.table_schemas import NESTED, Column

_JSON = ".json"  # ends the name of a column that holds the cells of another as text
_encode = msgspec.json.Encoder().encode_lines


class Spill:
    """An Arrow stream in a file without a name, which goes with the process.

    Nested cells are in it twice, as Arrow has them and as JSON, so that each is encoded once for all the
    formats that are text.
    """

    def __init__(self, folder: Path, columns: Sequence[Column], rows: Iterable[Row]) -> None:
        self._names = [column.name for column in columns]
        self._nested = {column.name for column in columns if column.kind in NESTED}
        twice = [place for place, column in enumerate(columns) if column.kind in NESTED]
        texts = [Column(columns[place].name + _JSON, "text", "") for place in twice]
        both = (*columns, *texts)
        table, options = schema(both), pa.ipc.IpcWriteOptions(compression="lz4")
        with tempfile.TemporaryFile(dir=folder) as file:
            with pa.ipc.new_stream(file, table, options=options) as stream:
                for cells in by_column(rows):
                    encoded = [_texts(cells[place]) for place in twice]
                    stream.write_batch(batch_of(both, [*cells, *encoded], table))
            file.flush()
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def batches(self) -> Iterator[Batch]:
        """As Arrow has them."""
        for batch in self._read():
            yield batch.select(self._names)

    def cells(self, names: Sequence[str]) -> Iterator[list[list[Any]]]:
        """Of each batch the columns `names` as lists of plain values, nested ones as JSON text."""
        stored = [name + _JSON if name in self._nested else name for name in names]
        for batch in self._read():
            yield [batch.column(name).to_pylist() for name in stored]

    def _read(self) -> Iterator[Batch]:
        with pa.ipc.open_stream(pa.py_buffer(self._map)) as stream:
            for batch in stream:
                yield batch
                self._map.madvise(mmap.MADV_DONTNEED)  # else the file counts as memory


def _texts(cells: Sequence[object]) -> list[str | None]:
    texts = _encode(cells).decode().split("\n")
    return [None if cell is None else text for cell, text in zip(cells, texts, strict=False)]
