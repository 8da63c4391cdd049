"""A tiny data set out of the speech that comes inside packages, and outcomes made by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream_engine.harness.columns import COLUMNS
from stream_engine.harness.definitions import DEFINITIONS
from stream_engine.harness.measured import Absent, Measured, Ratio, Samples
from stream_engine.harness.results import SCHEMA, Outcome, Results, tabled
from tests.speech import CALL, READING

FROM_S, TO_S = 6.0, 18.0  # of the call: eight turns of two speakers


def tiny_data_set(folder: Path) -> Path:
    """12 s of the call with RTTM and STM, 5 s of the reading with its text, and what is no audio at all."""
    folder.mkdir(parents=True, exist_ok=True)
    _cut(CALL, FROM_S, TO_S - FROM_S, folder / "call.wav")
    _cut(READING, 0, 5, folder / "reading.wav")
    rows = [line.split() for line in CALL.with_suffix(".rttm").read_text().splitlines()]
    with (folder / "call.rttm").open("w") as file:
        for row in rows:
            start, end = float(row[3]) - FROM_S, min(float(row[3]) + float(row[4]), TO_S) - FROM_S
            if start < end:
                file.write(f"SPEAKER call 1 {start:.3f} {end - start:.3f} <NA> <NA> {row[7]} <NA> <NA>\n")
    lines = [line.split(None, 5) for line in CALL.with_suffix(".stm").read_text().splitlines()]
    with (folder / "call.stm").open("w") as file:
        for _, channel, who, start, end, text in lines:
            if float(end) <= TO_S:
                times = f"{float(start) - FROM_S:.3f} {float(end) - FROM_S:.3f}"
                file.write(f"call {channel} {who} {times} {text}\n")
    (folder / "reading.txt").write_text("It was the best of times, it was the worst of times,\n")
    (folder / "broken.wav").write_text("this is no audio")
    return folder


def _cut(path: Path, start_s: float, duration_s: float, out: Path) -> None:
    times = ["-ss", str(start_s), "-t", str(duration_s)]
    command = ["ffmpeg", "-v", "error", "-y", *times, "-i", str(path), "-ac", "1", "-ar", "16000", str(out)]
    subprocess.run(command, check=True)


def outcome(name: str, mode: str = "paced", **values: Measured) -> Outcome:
    """With `values`; the rest is absent."""
    told = {column.of: values.get(column.of, Absent("not in this test")) for column in COLUMNS}
    return Outcome(
        recording=name,
        mode=mode,
        audio_s=10,
        failed=None,
        values=told,
        stages={"recognition": 1.0},
        health={"snr_db": 30.0},
        folder=f"sessions/{mode}/x",
    )


def spread(factor: float = 1.0, late_s: float = 0.0) -> list[Outcome]:
    """Eight recordings that differ; word errors times `factor`, texts later by `late_s`."""
    return [
        outcome(
            f"talk {number}",
            wer=Ratio(factor * (5 + number), 100),
            der=Ratio(1.0 + number % 3, 20),
            confirmed=Samples(tuple(1 + 0.1 * number + 0.05 * step + late_s for step in range(10))),
        )
        for number in range(8)
    ]


def results(outcomes: Sequence[Outcome], **more: Any) -> Results:
    """Of these outcomes."""
    given: dict[str, Any] = {
        "schema": SCHEMA,
        "data_set": "made by hand",
        "at": "2026-11-20T12:00:00+00:00",
        "pace": 1.0,
        "options": {"asr": "moonshine"},
        "versions": {"recogniser": "moonshine", "diarizer": "community-1", "device": "cpu"},
        "machine": {"cores": 2},
        "definitions": DEFINITIONS,
        "load_s": 1.0,
        "outcomes": tuple(outcomes),
        "table": more["table"] if "table" in more else tabled(outcomes),
        "load": (),
    }
    return Results(**{**given, **more})
