"""Ingest of a 3 h MP3 into the PCM store, against `ffmpeg ... | cat > file` doing the same decode.

Both decode to 16 kHz mono float32 on the same disk, by turns; medians of the rounds. Ours also measures
health, takes the digest of the input, and publishes the store. `ratio` is of the time of the work; the
`ratio_with_startup` includes starting Python. Memory is the highest RssAnon of the whole process.
The times of processor, ffmpeg's included, are what to compare on a busy machine.

`first_audio_s` is from looking for the store of the 3 h to its first second of audio, checked against its
digest; then all of it is read, and `hit_rss_anon_..._mb` is the memory that this took.

Bars: ratio >= 0.95; RssAnon for 3 h within 20 MB of that for 3 min; a hit decodes nothing, and its first
audio is at hand in under 0.2 s.

    python -m benches.ingest
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benches.recordings import long_mp3
from stream_engine.ffmpeg_command import binary

ROUNDS = 3
HOURS_S = 3 * 3600
MINUTES_S = 3 * 60


def measure() -> dict[str, object]:
    """Ratios of speed, and memory, as the module says."""
    long, short = long_mp3(HOURS_S), long_mp3(MINUTES_S)
    ours: list[dict[str, float]] = []
    theirs: list[float] = []
    their_cpu: list[float] = []
    started: list[float] = []
    with tempfile.TemporaryDirectory(dir=long.parent) as folder:
        scratch = Path(folder)
        for _ in range(ROUNDS):
            before = os.times()
            theirs.append(_cat(long, scratch / "out.f32"))
            their_cpu.append(_cpu_s(before))
            began = time.perf_counter()
            ours.append(_child(long, scratch / "cache"))
            started.append(time.perf_counter() - began)
            shutil.rmtree(scratch / "cache")
        kept = _child(long, scratch / "cache")
        hit = _child(long, scratch / "cache")
        small = _child(short, scratch / "cache")
        first = [_child(long, scratch / "cache", "--hit") for _ in range(ROUNDS)]
        small_hit = _child(short, scratch / "cache", "--hit")
    cat_s = statistics.median(theirs)
    our_s = statistics.median(run["wall_s"] for run in ours)
    return {
        "ffmpeg_cat_s": round(cat_s, 2),
        "ingest_s": round(our_s, 2),
        "ratio": round(cat_s / our_s, 3),
        "ratio_with_startup": round(cat_s / statistics.median(started), 3),
        "ffmpeg_cat_cpu_s": round(statistics.median(their_cpu), 2),
        "ingest_cpu_s": round(statistics.median(run["cpu_s"] for run in ours), 2),
        "times_real_time": round(HOURS_S / our_s),
        "rss_anon_3h_mb": round(max(kept["rss_anon_mb"], *(run["rss_anon_mb"] for run in ours)), 1),
        "rss_anon_3min_mb": round(small["rss_anon_mb"], 1),
        "hit_s": round(hit["wall_s"], 4),
        "hit": bool(hit["hit"]),
        "first_audio_s": round(statistics.median(run["first_s"] for run in first), 4),
        "hit_rss_anon_3h_mb": round(max(run["rss_anon_mb"] for run in first), 1),
        "hit_rss_anon_3min_mb": round(small_hit["rss_anon_mb"], 1),
        "rounds_s": {"ffmpeg_cat": theirs, "ingest": [run["wall_s"] for run in ours]},
    }


def _cat(recording: Path, out: Path) -> float:
    began = time.perf_counter()
    decode = ["-v", "error", "-nostdin", "-i", str(recording), "-ac", "1", "-ar", "16000", "-f", "f32le", "-"]
    with subprocess.Popen([binary(), *decode], stdout=subprocess.PIPE) as ffmpeg, out.open("wb") as file:
        subprocess.run(["cat"], stdin=ffmpeg.stdout, stdout=file, check=True)
    taken = time.perf_counter() - began
    out.unlink()
    return taken


def _child(recording: Path, cache: Path, what: str = "--child") -> dict[str, float]:
    arguments = [sys.executable, "-m", "benches.ingest", what, str(recording), str(cache)]
    return json.loads(subprocess.run(arguments, check=True, capture_output=True).stdout)


def _ingest(recording: str, cache: str) -> dict[str, float]:
    import anyio

    from operators.audio.intake import Intake
    from stream_engine.ingest import ingest
    from stream_engine.inputs import Input
    from stream_engine.pcm_cache import PcmCache

    highest = [_rss_anon()]
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            highest[0] = max(highest[0], _rss_anon())

    watcher = threading.Thread(target=watch)
    watcher.start()
    before = os.times()
    done = anyio.run(ingest, Input.parse(recording), PcmCache(Path(cache)), Intake)
    cpu_s = _cpu_s(before)
    over.set()
    watcher.join()
    return {"wall_s": done.wall_s, "cpu_s": cpu_s, "rss_anon_mb": highest[0], "hit": done.hit}


def _read_hit(recording: str, cache: str) -> dict[str, float]:
    from stream_engine.inputs import Input
    from stream_engine.pcm_cache import PcmCache

    began = time.perf_counter()
    store = PcmCache(Path(cache)).find(Input.parse(recording), resample="ffmpeg")
    assert store is not None
    with store:
        float(store.view(0, 16_000).sum())
        first_s = time.perf_counter() - began
        highest = 0.0
        for start in range(0, store.frames - 160_000, 160_000):
            float(store.view(start, start + 160_000).sum())
            highest = max(highest, _rss_anon())
    return {"first_s": first_s, "rss_anon_mb": highest}


def _cpu_s(before: os.times_result) -> float:
    """Of this process and the children that have ended since, user and system."""
    return sum(os.times()[:4]) - sum(before[:4])


def _rss_anon() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def main() -> None:
    ways = {"--child": _ingest, "--hit": _read_hit}
    figures = ways[sys.argv[1]](*sys.argv[2:4]) if sys.argv[1:] else measure()
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
