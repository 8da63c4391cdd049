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
from stream_engine.harness.columns import COLUMNS, NIST_COLLAR_S, TCP_COLLAR_S
from stream_engine.harness.load import LoadRow
from stream_engine.harness.measured import CONFIDENCE, RESAMPLES, Absent, Measured, interval, pooled
from stream_engine.harness.one_run import Mode

SCHEMA = 1
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

    def cell(self, mode: Mode, figure: str) -> Cell:
        return next(one for one in self.table if (one.mode, one.figure) == (mode, figure))


DEFINITIONS = {
    "text": "lower case, without punctuation, brackets, broken words and fillers",
    "WER": "all errors over all words of the reference, in order of time, speakers ignored (meeteval)",
    "cpWER, tcpWER": "meeteval; tcpWER with a collar of "
    f"{TCP_COLLAR_S:.0f} s, times of words spread over a line by their letters",
    "DER, JER": "pyannote.metrics; overlap counted; inside the UEM, or over the whole recording; "
    f"with a collar, {NIST_COLLAR_S} s on either side of each boundary of the reference are left out",
    "interim, confirmed": "of each message: audio fed less the end of its last word (true times of words "
    "where there are some); confirmed: of final text only; oldest: less where the message before ended",
    "word shown, committed": "from the true end of a recognised word until it is shown, and there for good",
    "first turn": "from the first voice of the reference",
    "first text": "from the first audio fed",
    "correct speaker": "from the start of a turn of the reference until its right label is shown to stay",
    "partial churn": "words that were shown and taken back, over final words (UPWR)",
    "label flicker": "times that a shown label changes, a minute of speech",
    "RTF, processor": "time, and processor time of this process and its children, over audio",
    "other programs": "processor time that others took meanwhile, in cores: it makes ours wait",
    "memory": "of the whole process, with all that it did before",
    "interval": f"{CONFIDENCE} %, by the bootstrap over recordings ({RESAMPLES} resamples)",
}


def tabled(outcomes: Sequence[Outcome]) -> tuple[Cell, ...]:
    """Every figure of every mode, pooled over recordings."""
    cells: list[Cell] = []
    for mode in dict.fromkeys(outcome.mode for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.mode == mode]
        for column in COLUMNS:
            found = [outcome.values[column.of] for outcome in mine]
            value = pooled(found, column.statistic)
            known = sum(not isinstance(one, Absent) for one in found)
            if value is None:
                reasons = dict.fromkeys(one.reason for one in found if isinstance(one, Absent))
                why = "; ".join(reasons) or "there is nothing to take it from"
                cells.append(Cell(mode=mode, figure=column.name, value=None, reason=why))
                continue
            low, high = interval(found, column.statistic) or (None, None)
            rounded = {"value": value, "low": low, "high": high}
            cells.append(
                Cell(
                    mode=mode,
                    figure=column.name,
                    recordings=known,
                    reason=None if low is not None else "one recording: no interval",
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
