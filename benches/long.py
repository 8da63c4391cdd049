"""Long and overloaded sessions, with the embedded models: what fades, what grows, what is lost, what a
checkpoint costs.

Bars: in a 60 min recording of 6 voices, DER and speaker count of the last 10 min are within 2 points of
the first 10; fed at 3 x what the machine can do for 10 min, the final text equals the unpaced run's and
memory stays flat; checkpoints take at most 2 % of a run.

    python -m benches.long
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benches.session import DATA, Watched, joined
from sinks.labelled import LabelledLog
from stream_engine.barrier import Barrier
from stream_engine.checkpoint import Checkpoint
from stream_engine.clock import RATE
from stream_engine.events import Event, Segment, SessionEnd, Turn

HOUR_S = 3600
PART_S = 600
OVERLOAD_S = 600
VOICES = ("sim/sim_4spk_150s.flac", "diar/ami_ES2003a_0-30s.wav")  # 4 + 2


def meeting(folder: Path) -> tuple[Path, list[tuple[float, float, str]]]:
    """An hour of the six voices in turn, and who speaks when."""
    pieces: list[Path] = []
    rows: list[tuple[float, float, str]] = []
    for number, name in enumerate(VOICES):
        piece = folder / f"voice{number}.wav"
        command = ["ffmpeg", "-v", "error", "-y", "-i", DATA / name, "-ar", "16000", "-ac", "1", piece]
        subprocess.run(command, check=True)
        pieces.append(piece)
    lengths = [(piece.stat().st_size - 78) / 2 / RATE for piece in pieces]
    names = folder / "voices.txt"
    at, listed = 0.0, []
    while at < HOUR_S:
        for number, piece in enumerate(pieces):
            listed.append(f"file '{piece.name}'\n")
            for line in (DATA / VOICES[number]).with_suffix(".rttm").read_text().splitlines():
                field = line.split()
                start = at + float(field[3])
                rows.append((start, start + float(field[4]), f"{number} {field[7]}"))
            at += lengths[number]
    names.write_text("".join(listed))
    out = folder / "meeting.wav"
    join = ["ffmpeg", "-v", "error", "-f", "concat", "-i", names, "-t", str(HOUR_S), "-c", "copy", out]
    subprocess.run(join, check=True)
    return out, rows


def scored(log: Path, rows: list[tuple[float, float, str]], start: float, end: float) -> dict[str, float]:
    """DER (collar 0, overlap counted) and the number of speakers with 5 s of speech in a part."""
    from pyannote.core import Annotation, Timeline
    from pyannote.core import Segment as Span
    from pyannote.metrics.diarization import DiarizationErrorRate

    truth, ours = Annotation(), Annotation()
    for number, (begin, stop, who) in enumerate(rows):
        truth[Span(begin, stop), number] = who
    for turn in LabelledLog(log).turns():
        ours[Span(turn.start / RATE, turn.end / RATE), turn.id] = turn.speaker
    part = Timeline([Span(start, end)])
    heard = ours.crop(part)
    speakers = [who for who, duration in heard.chart() if duration >= 5]
    metric = DiarizationErrorRate()
    metric(truth, ours, uem=part)
    return {
        "der": round(abs(metric), 4),
        "speakers": len(speakers),
        "true_speakers": len(truth.crop(part).labels()),
    }


def finals(events: list[Event]) -> list[Any]:
    """Final turns and texts, without the time at which they came."""
    kept = [event for event in events if isinstance(event, Turn | Segment) and event.final]
    return sorted(
        (type(event).__name__, event.id, event.start, event.end, getattr(event, "text", "")) for event in kept
    )


def overload(folder: Path) -> dict[str, Any]:
    """10 minutes of speech, unpaced and at three times the speed that the machine can do."""
    audio = joined(folder, OVERLOAD_S)
    free = Watched(audio, folder / "free", "--no-cache")
    pace = 3 * free.performance["audio_seconds_per_second"]
    loaded = Watched(audio, folder / "loaded", "--no-cache", "--pace", f"{pace:.1f}")
    end = loaded.events[-1]
    return {
        "pace": round(pace, 1),
        "nothing_lost": finals(free.events) == finals(loaded.events) and isinstance(end, SessionEnd),
        "memory_over_unpaced_mb": round(loaded.peak_anon_mb - free.peak_anon_mb, 1),
    }


def checkpoint_cost(folder: Path) -> dict[str, float]:
    """Seconds inside commits, and bytes of a checkpoint, over a run of 10 minutes."""
    import stream_engine

    spent: list[float] = []
    commit = Checkpoint.commit

    def timed(self: Checkpoint, barrier: Barrier, states: dict[str, Any]) -> None:
        began = time.perf_counter()
        commit(self, barrier, states)
        spent.append(time.perf_counter() - began)

    audio = joined(folder, OVERLOAD_S)
    with patch.object(Checkpoint, "commit", timed):
        result = stream_engine.transcribe(audio, out=folder / "cost", no_cache=True)
    return {
        "checkpoints": len(spent),
        "median_ms": round(sorted(spent)[len(spent) // 2] * 1000, 2),
        "share_of_run": round(sum(spent) / result.performance_metrics["total_duration"], 5),
    }


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        results: dict[str, Any] = {"overload": overload(folder), "checkpoint": checkpoint_cost(folder)}
        if DATA.is_dir():
            audio, rows = meeting(folder)
            run = Watched(audio, folder / "hour", "--no-cache", "--asr", "none")
            log = run.folder / "events.jsonl"
            results["hour_of_six_voices"] = {
                "first_10_min": scored(log, rows, 0, PART_S),
                "last_10_min": scored(log, rows, HOUR_S - PART_S, HOUR_S),
                "speakers_in_all": len({turn.speaker for turn in LabelledLog(log).turns()}),
                "times_real_time": run.performance["audio_seconds_per_second"],
                "memory_last_third_minus_first_mb": round(run.steady_anon_mb - run.early_anon_mb, 1),
            }
        return results


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
