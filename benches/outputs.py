"""All outputs of a ten-hour session: how long each takes, how large it is, and the memory of the process.

The log is synthetic (50 000 segments with six words each, prosody, affect, sound events, overlaps, relabels).
A fresh process reads it and writes every output, one by one; `peak_mb` is what the kernel says it held at
most (`before_mb`: before), `cpu_s` what it computed, which neighbours disturb less than the time `s`.
`pandas` does the same rows the usual way in another process: json.loads of each line, a DataFrame, and its
to_parquet, to_csv and to_json of the segments, without labels, words or joins. `live` is the table that a
running session keeps: all parts at once, and one more segment at the end.

Bar: all outputs < 20 s and < 300 MB.

    python -m benches.outputs
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

from benches.long_log import events, write_log

SEGMENTS = 50_000
EXTRA = {  # outputs on request, and those that are not in the table of formats
    "segments.csv": "sinks.segment_table:write_segments_csv",
    "segments.jsonl": "sinks.segment_table:write_segments_jsonl",
    "segments.parquet": "sinks.segment_table:write_segments_parquet",
    "turns.parquet": "sinks.flat_tables:write_turns_parquet",
    "words.parquet": "sinks.flat_tables:write_words_parquet",
    "events.parquet": "sinks.flat_tables:write_events_parquet",
    "speakers.csv": "sinks.statistics_tables:write_speakers",
    "conversation.csv": "sinks.statistics_tables:write_conversation",
    "interruptions.csv": "sinks.statistics_tables:write_interruptions",
    "windows.csv": "sinks.statistics_tables:write_windows",
    "diarized_transcript_with_emotion.csv": "sinks.legacy_csv:write_legacy_csv",
}


def memory_mb(what: str) -> int:
    """`VmHWM` (the most so far) or `VmRSS` of this process."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{what}:")[1].split()[0]) // 1024


def clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> dict[str, float]:
    now = clocks()
    return {"s": now[0] - began[0], "cpu_s": now[1] - began[1]}


def outputs(folder: Path) -> dict[str, Any]:
    """Every output out of the log, in this process."""
    from sinks.formats import FORMATS
    from sinks.labelled import LabelledLog
    from sinks.uncollected import uncollected

    writers = EXTRA | {format.file: format.renderer for format in FORMATS if format.renderer}
    before = memory_mb("VmRSS")
    began = clocks()
    log = LabelledLog(folder / "events.jsonl", keep_in=folder)
    rows: list[dict[str, Any]] = [{"output": "(index)"} | since(began)]
    for file, renderer in writers.items():
        module, _, function = renderer.partition(":")
        start = clocks()
        with uncollected():
            getattr(import_module(module), function)(log, folder / file)
        size = {"mb": (folder / file).stat().st_size / 1e6, "peak_mb": memory_mb("VmHWM")}
        rows.append({"output": file} | since(start) | size)
    whole = since(began) | {"before_mb": before, "peak_mb": memory_mb("VmHWM")}
    return {"all": whole, "each": rows}


def pandas(folder: Path) -> dict[str, Any]:
    """The segments as DataFrames are used: all in memory."""
    import pandas

    before, began = memory_mb("VmRSS"), clocks()
    kinds: dict[str, list[dict[str, Any]]] = {"segment": [], "prosody": [], "affect": []}
    with (folder / "events.jsonl").open() as log:
        for line in log:
            record = json.loads(line)
            if record["type"] in kinds:
                kinds[record["type"]].append(record)
    table = pandas.DataFrame(kinds["segment"]).set_index("id")
    for kind in ("prosody", "affect"):
        beside = pandas.DataFrame(kinds[kind]).set_index("segment")
        table = table.join(beside.drop(columns=table.columns.intersection(beside.columns)))
    table.to_parquet(folder / "pandas.parquet", compression="zstd")
    table.drop(columns="words").to_csv(folder / "pandas.csv")
    table.to_json(folder / "pandas.jsonl", orient="records", lines=True)
    return since(began) | {"before_mb": before, "peak_mb": memory_mb("VmHWM")}


def live(folder: Path) -> dict[str, Any]:
    """The parts of a session as long as this one."""
    from sinks.event_log import EventLog
    from sinks.live_table import LiveTable

    table = LiveTable(log=folder / "events.jsonl", parts=folder / "parts", every_s=0)
    more = next(event for event in events(SEGMENTS + 1) if type(event).__name__ == "Segment")
    taken: list[dict[str, float]] = []
    for _ in range(2):
        start = clocks()
        table.write(more)
        taken.append(since(start))
        log = EventLog(path=folder / "events.jsonl")
        log.write(more)
        log.commit()
    assert table.failure is None
    return {"all_parts": taken[0], "one_more": taken[1], "peak_mb": memory_mb("VmHWM")}


WAYS = {"outputs": outputs, "pandas": pandas, "live": live}


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "long")
        folder.mkdir()
        write_log(folder / "events.jsonl", SEGMENTS)
        result: dict[str, Any] = {
            "segments": SEGMENTS,
            "log_mb": (folder / "events.jsonl").stat().st_size / 1e6,
        }
        for way in WAYS:
            command = [sys.executable, "-m", "benches.outputs", way, str(folder)]
            result[way] = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
        tables = ("(index)", "segments.parquet", "segments.csv", "segments.jsonl")
        ours = sum(row["cpu_s"] for row in result["outputs"]["each"] if row["output"] in tables)
        return result | {"segments_cpu_s": ours, "pandas_to_ours": result["pandas"]["cpu_s"] / ours}


def main() -> None:
    if sys.argv[1:2] and sys.argv[1] in WAYS:
        print(json.dumps(WAYS[sys.argv[1]](Path(sys.argv[2]))))
    else:
        print(json.dumps(measure(), indent=1))


if __name__ == "__main__":
    main()
