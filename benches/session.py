"""Whole sessions with the embedded models: first text, speed, memory, and the lag of a live one.

Bars: the first final segment of a 30 min recording comes in the first 8 s of the run (weights loaded
inside); live at pace 1 over 5 min of joined clips, final text comes p95 <= 3.5 s after its end, and
does not fall behind as it goes on; a provisional speaker is shown <= 3 s after a voice starts (p90).
Each run is a process of its own; the speech is that of the packages where ../shared/data is absent.

    python -m benches.session [--json]
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from stream_engine.clock import RATE, seconds
from stream_engine.events import Segment, Turn
from stream_engine.log import read

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LIVE_S = 300
LONG_S = 1800
SHORT_S = 180


def speech() -> list[Path]:
    """Real conversations; those of the packages where the data folder is absent."""
    clips = sorted([*DATA.glob("diar/*.wav"), *DATA.glob("sim/*.flac")])
    if clips:
        return clips
    pyannote = importlib.util.find_spec("pyannote.audio")
    moonshine = importlib.util.find_spec("moonshine_voice")
    assert pyannote is not None
    assert pyannote.submodule_search_locations is not None
    assert moonshine is not None
    assert moonshine.origin is not None
    sample = Path(pyannote.submodule_search_locations[0]) / "sample" / "sample.wav"
    return [sample, Path(moonshine.origin).parent / "assets" / "two_cities.wav"]


def joined(folder: Path, duration_s: int) -> Path:
    """The clips one after the other, again and again, for so long."""
    out = folder / f"joined_{duration_s}.wav"
    names = folder / "clips.txt"
    one = folder / "once.wav"
    if not one.exists():
        for number, clip in enumerate(speech()):
            command = [
                "ffmpeg",
                "-v",
                "error",
                "-y",
                "-i",
                clip,
                "-ar",
                "16000",
                "-ac",
                "1",
                folder / f"{number}.wav",
            ]
            subprocess.run(command, check=True)
        names.write_text("".join(f"file '{number}.wav'\n" for number in range(len(speech()))))
        subprocess.run(["ffmpeg", "-v", "error", "-f", "concat", "-i", names, "-c", "copy", one], check=True)
    loop = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-stream_loop",
        "-1",
        "-i",
        one,
        "-t",
        str(duration_s),
        "-c",
        "copy",
        out,
    ]
    subprocess.run(loop, check=True)
    return out


class Watched:
    """A run of the command line, with its memory sampled."""

    def __init__(self, audio: Path, out: Path, *options: str) -> None:
        command = [
            sys.executable,
            "-m",
            "stream_engine",
            "transcribe",
            str(audio),
            "--out",
            str(out),
            "--quiet",
            *options,
        ]
        self.peak_anon_mb = 0.0
        self.anon_mb: list[float] = []
        began = time.perf_counter()
        process = subprocess.Popen(command)
        sampler = threading.Thread(target=self._sample, args=(process.pid,))
        sampler.start()
        process.wait()
        sampler.join()
        if process.returncode:
            raise RuntimeError(f"{command} ended with {process.returncode}")
        self.wall_s = time.perf_counter() - began
        self.folder = out / audio.stem
        self.events = list(read(self.folder / "events.jsonl"))
        self.performance = msgspec.json.decode((self.folder / "performance.json").read_bytes())

    def _sample(self, pid: int) -> None:
        while True:
            try:
                status = Path(f"/proc/{pid}/status").read_text()
            except OSError:
                return
            anon = next(
                (int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0
            )
            if not anon:
                return
            self.anon_mb.append(anon / 1024)
            self.peak_anon_mb = max(self.peak_anon_mb, anon / 1024)
            time.sleep(0.5)

    @property
    def early_anon_mb(self) -> float:
        """Median of the second sixth of the run, when everything is loaded."""
        return float(np.median(self.anon_mb[len(self.anon_mb) // 6 : len(self.anon_mb) // 3]))

    @property
    def steady_anon_mb(self) -> float:
        """Median of the last third of the run."""
        return float(np.median(self.anon_mb[len(self.anon_mb) * 2 // 3 :]))


def lags(events: list[Any]) -> tuple[list[float], list[float]]:
    """Seconds from the end of what was said to its final text, in order; and from the start of each turn
    to its first provisional or final label."""
    text = [
        event.emitted_at - event.end / RATE for event in events if isinstance(event, Segment) and event.final
    ]
    shown: dict[int, float] = {}
    for event in events:
        if isinstance(event, Turn) and event.speaker and event.id not in shown:
            shown[event.id] = event.emitted_at - event.start / RATE
    return text, list(shown.values())


def relabelled_share(events: list[Any]) -> float:
    """Share of final speech time whose label was corrected afterwards."""
    from sinks.labelled import LabelledLog

    first = {event.id: event for event in events if isinstance(event, Turn) and event.final}
    with tempfile.TemporaryDirectory() as folder:
        from stream_engine.log import encode

        log = Path(folder) / "events.jsonl"
        log.write_bytes(b"".join(map(encode, events)))
        last = {turn.id: turn.speaker for turn in LabelledLog(log).turns()}
    total = sum(turn.end - turn.start for turn in first.values())
    moved = sum(
        turn.end - turn.start for turn in first.values() if last.get(turn.id, turn.speaker) != turn.speaker
    )
    return moved / total if total else 0.0


def percentiles(values: list[float], *wanted: int) -> dict[str, float]:
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in wanted} if values else {}


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = ("--cache", str(folder / "cache"))
        short = Watched(joined(folder, SHORT_S), folder / "short", *cache)
        long = Watched(joined(folder, LONG_S), folder / "long", *cache)
        live = Watched(joined(folder, LIVE_S), folder / "live", "--pace", "1", "--no-cache")
        text, labels = lags(live.events)
        half = len(text) // 2
        first = next(event for event in long.events if isinstance(event, Segment))
        return {
            "first_final_segment_of_30_min_s": round(
                long.wall_s - long.performance["total_duration"] + first.emitted_at, 2
            ),
            "first_final_segment_after_session_start_s": first.emitted_at,
            "times_real_time_30_min": long.performance["audio_seconds_per_second"],
            "times_real_time_3_min": short.performance["audio_seconds_per_second"],
            "memory_30_min_minus_3_min_mb": round(long.steady_anon_mb - short.steady_anon_mb, 1),
            "memory_30_min_mb": round(long.steady_anon_mb, 1),
            "live_final_text_lag_s": percentiles(text, 50, 95, 99),
            "live_final_text_lag_p95_first_half_s": percentiles(text[:half], 95).get("p95"),
            "live_final_text_lag_p95_second_half_s": percentiles(text[half:], 95).get("p95"),
            "live_label_after_voice_start_s": percentiles(labels, 50, 90),
            "live_speech_relabelled_share": round(relabelled_share(live.events), 3),
            "live_memory_growth_mb": round(
                float(np.median(live.anon_mb[-60:]) - np.median(live.anon_mb[60:120])), 1
            ),
            "live_audio_s": seconds(max(event.end for event in live.events if isinstance(event, Turn))),
            "busy_share_live": {
                stage: figures["busy"]
                for stage, figures in live.performance["stages"].items()
                if figures["busy"] >= 0.005
            },
        }


def main() -> None:
    results = measure()
    if "--json" in sys.argv:
        print(json.dumps(results))
    else:
        print(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
