"""Tensor steps: throughput of each, and a 23 min session before and after, on the CPU and on CUDA if there.

`steps`: 60 s of audio in chunks of 1 s, each step by itself: times real time.
With CUDA also the whole minute as one chunk, and the share of the memory bandwidth (each sample read and
written once, over the time; `bandwidth_gb_s` is that of a copy on the device, measured here).
Filters and loudness stand beside scipy.signal.sosfilt on the CPU, which carries its state through the same
chunks, and for loudness only filters.
`session`: 23 min of 44.1 kHz stereo (noise in syllables), decoded already, and 2 557 words and 236 turns of a
real meeting. `before` is the way of scripts: numpy's mean, scipy's resample_poly, pydub's detect_silence (the
root mean square of 0.5 s at each 10 ms, in a loop), one factor by the maximum, faster-whisper's numpy
log-mel, nested loops over words and turns. `after` are our operators, the session in chunks of 60 s on a CPU
and in one on CUDA, where the upload is a row of its own.

Bar: resample + silence + normalise + log-mel of the session < 50 ms on an H200.

    python -m benches.tensor_steps
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.alignment import nested_loops
from operators.audio.filters import Filter, Sections, high_pass, k_weighting
from operators.audio.intake import Intake
from operators.audio.log_mel import LogMel
from operators.audio.loudness import Loudness
from operators.audio.normalise import Normalise
from operators.audio.silence import SilenceDetector
from operators.audio.tensor_chunks import TensorChunk, Transfers
from operators.audio.tensor_intake import TensorIntake
from operators.timeline.alignment import align
from stream_engine.clock import RATE
from stream_engine.events import SourceChunk
from stream_engine.testing import run

SOURCE_RATE = 44_100
MINUTES = 23
ROUNDS = 5
Samples = NDArray[np.float32]


def stereo(seconds: int) -> Samples:
    """[frames, 2]: noise in syllables with pauses."""
    random = np.random.default_rng(0)
    second = random.standard_normal((SOURCE_RATE, 2)).astype(np.float32)
    level = np.repeat(random.choice([0.0, 0.001, 0.05, 0.1, 0.2], seconds * 10), SOURCE_RATE // 10)
    return np.tile(second, (seconds, 1)) * level.astype(np.float32)[:, None]


def delivered(samples: Samples, seconds: int) -> list[SourceChunk]:
    size = seconds * SOURCE_RATE
    return [
        SourceChunk(start=at, rate=SOURCE_RATE, samples=samples[at : at + size])
        for at in range(0, len(samples), size)
    ]


def timed(work: Callable[[], Any], device: str, rounds: int = ROUNDS) -> float:
    import torch

    taken: list[float] = []
    for _ in range(rounds + (device == "cuda")):
        began = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - began)
    return median(taken[-rounds:])


def steps(device: str, chunk_s: int, bandwidth: float | None) -> list[dict[str, Any]]:
    audio = delivered(stereo(60), chunk_s)
    tensors: list[TensorChunk] = list(run(TensorIntake(device=device), audio))
    ways: dict[str, tuple[Callable[[], Any], list[Any], int]] = {
        "Intake (to the store)": (Intake, audio, 4 * (2 * SOURCE_RATE + RATE)),
        "TensorIntake": (lambda: TensorIntake(device=device), audio, 4 * (2 * SOURCE_RATE + RATE)),
        "SilenceDetector": (SilenceDetector, tensors, 4 * RATE),
        "Normalise": (Normalise, tensors, 2 * 4 * RATE),
        "LogMel": (LogMel, tensors, 4 * (RATE + 100 * 80)),
        "Filter (80 Hz)": (lambda: Filter(sections=high_pass(80)), tensors, 2 * 4 * RATE),
        "Filter (K)": (lambda: Filter(sections=k_weighting()), tensors, 2 * 4 * RATE),
        "Loudness": (Loudness, tensors, 4 * RATE),
    }
    cascades = {"Filter (80 Hz)": high_pass(80), "Filter (K)": k_weighting(), "Loudness": k_weighting()}
    arrays = [tensor.samples.cpu().numpy() for tensor in tensors]
    rows: list[dict[str, Any]] = []
    for name, (make, items, bytes_a_second) in ways.items():
        seconds = timed(lambda make=make, items=items: run(make(), items), device)
        row: dict[str, Any] = {"step": name, "device": device, "chunk_s": chunk_s}
        row["times_real_time"] = round(60 / seconds)
        if bandwidth:
            row["share_of_bandwidth"] = 60 * bytes_a_second / seconds / bandwidth
        if name in cascades:
            scipys = timed(lambda name=name: recursive(cascades[name], arrays), "cpu")
            row |= {"scipy.signal.sosfilt": round(60 / scipys), "gain": scipys / seconds}
        rows.append(row)
    return rows


def recursive(sections: Sections, arrays: list[Samples]) -> None:
    from scipy.signal import sosfilt

    state = np.zeros((len(sections), 2))
    for samples in arrays:
        _, state = sosfilt(sections, samples, zi=state)


def before(samples: Samples) -> dict[str, float]:
    """Seconds of each stage as scripts do it."""
    from faster_whisper.feature_extractor import FeatureExtractor
    from scipy.signal import resample_poly

    taken: dict[str, float] = {}
    began = time.perf_counter()
    mono = resample_poly(samples.mean(axis=1), 160, 441).astype(np.float32)
    taken["down-mix, resample"] = time.perf_counter() - began
    began = time.perf_counter()
    window, step = RATE // 2, RATE // 100
    silent = [
        at
        for at in range(0, len(mono) - window, step)
        if 20 * np.log10(np.sqrt(np.mean(mono[at : at + window] ** 2)) + 1e-10) < -40
    ]
    taken["silence"] = time.perf_counter() - began
    began = time.perf_counter()
    level = mono * (0.9 / np.abs(mono).max())
    taken["normalise"] = time.perf_counter() - began
    began = time.perf_counter()
    FeatureExtractor()(level)
    taken["log-mel"] = time.perf_counter() - began
    assert silent
    return taken


def after(samples: Samples, device: str) -> tuple[dict[str, float], Transfers]:
    """Seconds of each stage by our operators, medians; and what was moved in one pass."""
    import torch

    moved = Transfers()
    audio = delivered(samples, MINUTES * 60 if device == "cuda" else 60)
    tensors: list[TensorChunk] = list(run(TensorIntake(device=device, transfers=moved), audio))
    level: list[TensorChunk] = list(run(Normalise(), tensors))
    rounds = ROUNDS if device == "cuda" else 1
    taken = {
        "down-mix, resample": timed(lambda: run(TensorIntake(device=device), audio), device, rounds),
        "silence": timed(lambda: run(SilenceDetector(transfers=moved), tensors), device, rounds),
        "normalise": timed(lambda: run(Normalise(), tensors), device, rounds),
        "log-mel": timed(lambda: run(LogMel(), level), device, rounds),
    }
    if device == "cuda":
        whole = audio[0].samples
        taken["upload"] = timed(lambda: torch.tensor(whole, device=device), device)
        taken["down-mix, resample"] -= taken["upload"]
    return taken, moved


def words_and_turns() -> tuple[NDArray[np.int64], ...]:
    """Of a real meeting, in milliseconds: starts and ends of words, starts and ends of turns."""
    from benches.attribution import true_turns, true_words

    words, turns = true_words()["ES2002a"], true_turns("ES2002a")
    return tuple(
        np.array([round(1000 * time) for time in times], np.int64)
        for rows in (words, turns)
        for times in ([start for start, _, _ in rows], [end for _, end, _ in rows])
    )


def session(device: str) -> dict[str, Any]:
    samples = stereo(MINUTES * 60)
    old = before(samples)
    new, moved = after(samples, device)
    start, end, turn_start, turn_end = words_and_turns()
    old["alignment"] = timed(lambda: nested_loops(start, end, turn_start, turn_end), "cpu", 1)
    new["alignment"] = timed(lambda: align(start, end, turn_start, turn_end), "cpu")
    stages = [
        {
            "stage": name,
            "before_s": old.get(name),
            "after_s": seconds,
            "gain": old[name] / seconds if name in old else None,
        }
        for name, seconds in new.items()
    ]
    total = {"before_s": sum(old.values()), "after_s": sum(new.values())}
    stages.append({"stage": "all of these", **total, "gain": total["before_s"] / total["after_s"]})
    return {
        "device": device,
        "stages": stages,
        "moves": {"to_device": moved.to_device, "to_host": moved.to_host},
    }


def bandwidth() -> float:
    """Bytes a second that a copy on the GPU reads and writes."""
    import torch

    source = torch.empty(1 << 30, dtype=torch.uint8, device="cuda")
    target = torch.empty_like(source)
    return 2 * (1 << 30) / timed(lambda: target.copy_(source), "cuda", 20)


def measure() -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    rows, sessions = steps("cpu", 1, None), [session("cpu")]
    result: dict[str, Any] = {"threads": 1}
    if torch.cuda.is_available():
        speed = bandwidth()
        result |= {"gpu": torch.cuda.get_device_name(), "bandwidth_gb_s": speed / 1e9}
        rows += steps("cuda", 1, speed) + steps("cuda", 60, speed)
        sessions.append(session("cuda"))
    return result | {"steps": rows} | {f"session on {found['device']}": found for found in sessions}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
