"""results.json: all that a bench found, and enough to compare a later one with it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from sinks.whole_file import replacing_bytes
from stream_engine.errors import InputError
from stream_engine.harness.columns import COLUMNS, Column, bare_errors
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import (
    LEAST_RECORDINGS,
    Absent,
    Measured,
    interval,
    pooled,
)
from stream_engine.harness.one_run import Mode

SCHEMA = 1
NOTHING_DONE = "no recording could be done"
FEW = f"fewer than {LEAST_RECORDINGS} recordings: no interval"
PACKAGES = ("stream-engine", "meeteval", "pyannote.metrics", "faster-whisper", "moonshine-voice", "torch")


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One recording in one mode."""

    recording: str
    mode: Mode
    audio_s: float
    failed: str | None
    values: dict[str, Measured]
    stages: dict[str, float]  # seconds of compute
    health: dict[str, float | int | None]
    folder: str  # of its session, inside the bench's
    word_times: bool = True  # whether its recogniser tells times of words
    unsent: str | None = None  # why its trace did not reach the collector
    digests: dict[str, str] = {}  # of its audio, and of what each of its references says


class Cell(msgspec.Struct, frozen=True, kw_only=True):
    """A figure of the table over all recordings; None with the reason."""

    mode: Mode
    figure: str
    value: float | None
    low: float | None = None
    high: float | None = None
    recordings: int = 0
    reason: str | None = None


class Results(msgspec.Struct, frozen=True, kw_only=True):
    schema: int
    data_set: str
    at: str
    pace: float
    options: dict[str, Any]
    versions: dict[str, str]
    machine: dict[str, Any]
    definitions: dict[str, str]
    load_s: float  # of the models, before the first session
    outcomes: tuple[Outcome, ...]
    table: tuple[Cell, ...]
    load: tuple[LoadRow, ...]
    peculiar: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()

    @property
    def modes(self) -> list[Mode]:
        return list(dict.fromkeys(outcome.mode for outcome in self.outcomes))

    def done(self, mode: Mode) -> int:
        """Recordings that did not fail."""
        return sum(one.mode == mode and not one.failed for one in self.outcomes)

    @property
    def word_times(self) -> bool:
        """False where no session was told times of words."""
        done = [one for one in self.outcomes if not one.failed]
        return not done or any(one.word_times for one in done)

    def title(self, column: Column) -> str:
        """What the figure is called where the recogniser may tell no times of words."""
        return column.title if self.word_times else column.title.replace("word latency", "text latency")

    def cell(self, mode: Mode, figure: str) -> Cell:
        return next(one for one in self.table if (one.mode, one.figure) == (mode, figure))


def tabled(outcomes: Sequence[Outcome]) -> tuple[Cell, ...]:
    """Every figure of every mode, pooled over recordings."""
    cells: list[Cell] = []
    for mode in dict.fromkeys(outcome.mode for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.mode == mode and not outcome.failed]
        for column in COLUMNS:
            found = [outcome.values[column.of] for outcome in mine]
            value = pooled(found, column.statistic)
            known = sum(not isinstance(one, Absent) for one in found)
            if value is None:
                reasons = dict.fromkeys(one.reason for one in found if isinstance(one, Absent))
                if bare := bare_errors(found, column):
                    reasons[f"over an empty reference: {bare} wrong"] = None
                why = "; ".join(reasons) or NOTHING_DONE
                cells.append(Cell(mode=mode, figure=column.name, value=None, reason=why))
                continue
            low, high = interval(found, column.statistic) or (None, None)
            rounded = {"value": value, "low": low, "high": high}
            cells.append(
                Cell(
                    mode=mode,
                    figure=column.name,
                    recordings=known,
                    reason=FEW if known < LEAST_RECORDINGS and column.statistic != "largest" else None,
                    **{name: None if x is None else round(x, 6) for name, x in rounded.items()},
                )
            )
    return tuple(cells)


def machine() -> dict[str, Any]:
    found: dict[str, Any] = {
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
    }
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def write_results(results: Results, path: Path) -> None:
    with replacing_bytes(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def read_results(path: Path) -> Results:
    """Raises InputError where it is no such file."""
    file = path / "results.json" if path.is_dir() else path
    try:
        found = msgspec.json.decode(file.read_bytes(), type=Results)
    except (OSError, msgspec.DecodeError) as error:
        raise InputError(f"{file}: {error}; name the results.json of an earlier bench") from None
    if found.schema != SCHEMA:
        raise InputError(f"{file}: of another version of this program (schema {found.schema})")
    return found
