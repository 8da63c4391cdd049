"""Whole sessions with the embedded models, as fast as they go: first text, speed, memory.

Bars: the first final segment of a 30 min recording comes in the first 8 s of the run (weights loaded
inside); RssAnon of 30 min within 40 MB of that of 3 min. Each run is a process of its own; the speech is
that of the packages where ../shared/data is absent.

    python -m benches.session
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

from stream_engine.events import Segment
from stream_engine.log import read

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
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
        self.first_text_s: float | None = None  # from the start of the program, within 0.1 s
        self.folder = out / audio.stem
        began = time.perf_counter()
        process = subprocess.Popen(command)
        sampler = threading.Thread(target=self._sample, args=(process.pid,))
        sampler.start()
        while self.first_text_s is None and process.poll() is None:
            time.sleep(0.1)
            if self._has_text():
                self.first_text_s = round(time.perf_counter() - began, 2)
        process.wait()
        sampler.join()
        if process.returncode:
            raise RuntimeError(f"{command} ended with {process.returncode}")
        self.wall_s = time.perf_counter() - began
        self.events = list(read(self.folder / "events.jsonl"))
        self.performance = msgspec.json.decode((self.folder / "performance.json").read_bytes())

    def _has_text(self) -> bool:
        try:
            return b'"type":"segment"' in (self.folder / "events.jsonl").read_bytes()
        except OSError:
            return False

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


def shares(stages: dict[str, Any]) -> dict[str, float]:
    """What each stage computed, of all that was computed; those of a thousandth and more."""
    spent = {name: stage["feed"]["total_s"] for name, stage in stages.items()}
    total = sum(spent.values())
    return {name: round(one / total, 4) for name, one in spent.items() if one >= total / 1000}


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = ("--cache", str(folder / "cache"))
        short = Watched(joined(folder, SHORT_S), folder / "short", *cache)
        long = Watched(joined(folder, LONG_S), folder / "long", *cache)
        first = next(event for event in long.events if isinstance(event, Segment))
        return {
            "first_final_segment_of_30_min_s": long.first_text_s,
            "first_final_segment_after_session_start_s": first.emitted_at,
            "times_real_time_30_min": long.performance["audio_seconds_per_second"],
            "times_real_time_3_min": short.performance["audio_seconds_per_second"],
            "memory_30_min_minus_3_min_mb": round(long.steady_anon_mb - short.steady_anon_mb, 1),
            "memory_30_min_mb": round(long.steady_anon_mb, 1),
            "share_of_compute_30_min": shares(long.performance["stages"]),
        }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
