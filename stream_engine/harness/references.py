"""What is known of a recording: RTTM, STM, CTM, UEM, plain text, words with times. All times in seconds.

A file may tell of several recordings: the rows of this one are taken, by one of its names or by being the
only one.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from stream_engine.errors import InputError

T = TypeVar("T")


class Talk(NamedTuple):
    """Somebody speaks."""

    start: float
    end: float
    speaker: str


class Line(NamedTuple):
    """Somebody says something."""

    start: float
    end: float
    speaker: str
    text: str


class Spoken(NamedTuple):
    """A word; it ends at `end`."""

    end: float
    word: str


def read_rttm(path: Path, *names: str) -> list[Talk]:
    """By start; an empty file says that nobody speaks.

    Raises:
        InputError: the file cannot be read, is no RTTM, a line is wrong, or tells of others than `names`.
    """

    def talk(fields: list[str]) -> Talk:
        return Talk(*_span(fields[3], add=fields[4]), fields[7])

    rows = list(_rows(path))
    told = [(number, fields[1:2], fields) for number, fields in rows if fields[0] == "SPEAKER"]
    if rows and not told:
        raise InputError(f"{path}: no line begins with SPEAKER: want an RTTM")
    return sorted(_of_one(path, names, told, talk))


def read_stm(path: Path, *names: str) -> list[Line]:
    """By start. Raises InputError, as `read_rttm` does."""

    def line(fields: list[str]) -> Line:
        words = fields[5:]
        if words and words[0].startswith("<") and words[0].endswith(">"):
            words = words[1:]  # the optional label, such as <o,f0,female>
        start, end = _number(fields[3]), _number(fields[4])
        return Line(start, end, fields[2], " ".join(words))

    found = _of_one(path, names, [(number, fields[:1], fields) for number, fields in _rows(path)], line)
    return sorted(one for one in found if one.text != "IGNORE_TIME_SEGMENT_IN_SCORING")


def read_ctm(path: Path, *names: str) -> list[Spoken]:
    """By end. Raises InputError, as `read_rttm` does."""

    def word(fields: list[str]) -> Spoken:
        return Spoken(_number(fields[2]) + _number(fields[3]), fields[4])

    return sorted(_of_one(path, names, [(number, row[:1], row) for number, row in _rows(path)], word))


def read_uem(path: Path, *names: str) -> list[tuple[float, float]]:
    """The parts to be scored. Raises InputError, as `read_rttm` does."""

    def part(fields: list[str]) -> tuple[float, float]:
        return _span(fields[2], end=fields[3])

    return sorted(_of_one(path, names, [(number, row[:1], row) for number, row in _rows(path)], part))


def read_words(path: Path) -> list[Spoken]:
    """By end. Raises InputError: no columns `end` and `word`, or an end that is no number."""
    reader = csv.DictReader(_text(path).splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    found: list[Spoken] = []
    for row in reader:
        try:
            found.append(Spoken(_number(row["end"]), row["word"]))
        except (KeyError, TypeError, ValueError):
            raise InputError(
                f"{path}, line {reader.line_num}: want columns end and word, parted by tabs"
            ) from None
    return sorted(found)


def read_text(path: Path) -> str:
    """Raises InputError where it is no text."""
    return _text(path)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(_text(path).splitlines(), start=1):
        if line.strip() and not line.startswith(";;"):
            yield number, line.split()


def _of_one(
    path: Path,
    names: tuple[str, ...],
    rows: list[tuple[int, list[str], list[str]]],
    read: Callable[[list[str]], T],
) -> list[T]:
    """The rows of the first of `names` that is there; all where the file tells of one recording only."""
    told = {file for _, files, _ in rows for file in files}
    if len(told) > 1 and names:
        name = next((one for one in names if one in told), None)
        if name is None:
            wanted = " or ".join(map(repr, dict.fromkeys(names)))
            raise InputError(f"{path}: tells of {len(told)} recordings, and none is {wanted}")
        rows = [row for row in rows if row[1] == [name]]
    found: list[T] = []
    for number, _, fields in rows:
        try:
            found.append(read(fields))
        except (IndexError, ValueError):
            shown = " ".join(fields)[:60]
            raise InputError(f"{path}, line {number}: cannot be read: {shown!r}") from None
    return found


def _number(text: str) -> float:
    """Raises ValueError where it is none, or not finite."""
    if not math.isfinite(value := float(text)):
        raise ValueError(text)
    return value


def _span(start: str, *, end: str | None = None, add: str = "0") -> tuple[float, float]:
    """From `start` to `end`, or for `add` seconds. Raises ValueError where it is no time at all."""
    began = _number(start)
    ended = began + _number(add) if end is None else _number(end)
    if ended <= began:
        raise ValueError(f"{start} to {ended}")
    return began, ended
