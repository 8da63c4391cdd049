"""Tables for spreadsheets: RFC 4180, and no cell that a spreadsheet takes for a formula.

Excel, LibreOffice and Google Sheets run a cell that begins with `=`, `+`, `-` or `@` (OWASP, "CSV
Injection"); such text gets an apostrophe before it. Numbers are no text: -23.5 stays. Lists and maps are
JSON; null is an empty cell.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from sinks.inert_text import plain
from sinks.table_schemas import NESTED, Column
from sinks.whole_file import replacing

_FORMULA = tuple("=+-@＝＋－＠")
_encode = msgspec.json.Encoder().encode


def inert(text: str) -> str:
    """`text` on one line without control characters, and never a formula."""
    said = plain(text)
    return f"'{said}" if said.startswith(_FORMULA) else said


def _cell_of(column: Column) -> Callable[[Any], str | None] | None:
    if column.kind == "text":
        return lambda value: None if value is None else inert(value)
    if column.kind == "bool":
        return lambda value: None if value is None else ("true" if value else "false")
    if column.kind in NESTED:
        return lambda value: None if value is None else plain(value)
    return None


@contextmanager
def csv_table(out: Path, columns: Sequence[Column]) -> Generator[Callable[[Sequence[Iterable[Any]]], None]]:
    """A CSV file that appears when the block ends well; gives what adds rows, column by column.

    Nested cells are given as JSON.
    """
    cells = [_cell_of(column) for column in columns]

    def add(values: Sequence[Iterable[Any]]) -> None:
        shown = (
            column if cell is None else map(cell, column) for column, cell in zip(values, cells, strict=True)
        )
        writer.writerows(zip(*shown, strict=True))

    with replacing(out) as file:
        writer = csv.writer(file, lineterminator="\r\n")
        writer.writerow(column.name for column in columns)
        yield add


def write_csv(out: Path, columns: Sequence[Column], rows: Iterable[Sequence[Any]]) -> None:
    """A small table at once, nested cells as they are."""
    nested = {place for place, column in enumerate(columns) if column.kind in NESTED}
    with csv_table(out, columns) as add:
        for row in rows:
            add(
                [
                    [_encode(cell).decode() if place in nested and cell is not None else cell]
                    for place, cell in enumerate(row)
                ]
            )
