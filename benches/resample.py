"""The streaming resampler against offline julius, torchaudio and soxr: error beside speed, one thread.

Error is the largest difference to offline julius, away from the ends; the others use other filters, so
theirs says how far apart two good resamplers are. `live` is the cost of 20 ms chunks, one by one.

Bars: error of the stream <= 1e-5; bits do not depend on the chunks.

    python -m benches.resample
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import numpy as np
import soxr
import torch
import torchaudio
from julius.resample import ResampleFrac
from numpy.typing import NDArray

from operators.audio.resample import Resample
from stream_engine.events import SourceChunk
from stream_engine.testing import run

SECONDS = 60
ROUNDS = 5
RATES = (8_000, 44_100, 48_000)
EDGE = 2_000  # output samples left out of the comparison at both ends


def streamed(samples: NDArray[np.float32], rate: int, chunk: int) -> NDArray[np.float32]:
    chunks = [
        SourceChunk(start=start, rate=rate, samples=samples[start : start + chunk, None])
        for start in range(0, len(samples), chunk)
    ]
    return np.concatenate([out.samples for out in run(Resample(), chunks)])


def contenders(rate: int) -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    julius = ResampleFrac(rate, 16_000)
    torch_audio = torchaudio.transforms.Resample(rate, 16_000)
    return {
        "julius, whole": lambda x: julius(torch.from_numpy(x)).numpy(),
        "ours, 4 s chunks": lambda x: streamed(x, rate, 4 * rate),
        "ours, 20 ms chunks": lambda x: streamed(x, rate, rate // 50),
        "torchaudio, whole": lambda x: torch_audio(torch.from_numpy(x)).numpy(),
        "soxr HQ, whole": lambda x: soxr.resample(x, rate, 16_000),
    }


def measure() -> dict[str, object]:
    """Per rate and contender: times real time, against julius, and the error."""
    torch.set_num_threads(1)
    result: dict[str, object] = {}
    for rate in RATES:
        time_s = np.arange(rate * SECONDS) / rate
        # A sweep up to 6 kHz (3 kHz at 8 kHz): well inside the pass band of every filter.
        top_hz = 0.375 * min(rate, 16_000)
        sweep = 0.5 * np.sin(np.pi * top_hz / SECONDS * time_s**2)
        samples = sweep.astype(np.float32)
        ways = contenders(rate)
        taken: dict[str, list[float]] = {name: [] for name in ways}
        outputs: dict[str, NDArray[np.float32]] = {}
        for _ in range(ROUNDS):
            for name, way in ways.items():
                began = time.perf_counter()
                outputs[name] = way(samples)
                taken[name].append(time.perf_counter() - began)
        reference = outputs["julius, whole"]
        base = statistics.median(taken["julius, whole"])
        result[f"{rate} Hz"] = {
            name: {
                "times_real_time": round(SECONDS / statistics.median(taken[name])),
                "speed_over_julius": round(base / statistics.median(taken[name]), 2),
                "max_error": float(np.abs(output[: len(reference)] - reference)[EDGE:-EDGE].max()),
            }
            for name, output in outputs.items()
        }
        four, twenty = outputs["ours, 4 s chunks"], outputs["ours, 20 ms chunks"]
        result[f"{rate} Hz, same bits"] = bool(np.array_equal(four, twenty))
    return result


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
