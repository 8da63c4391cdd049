"""Live input through stdin: how far intake runs behind its writer, and whether a sample is lost.

A writer sends 20 ms of audio every 20 ms for 6 s; lag is when a chunk arrives minus when its last sample
was written. A container starts late, since ffmpeg looks at its head first, and then catches up: `first_s`
is when the first chunk comes, the percentiles are of the second half.

Bar: nothing lost; raw samples within 40 ms at the 95th percentile.

    python -m benches.live_intake
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import threading
import time

import anyio

from stream_engine.ffmpeg import Decoder
from stream_engine.inputs import Input, Pcm

SECONDS = 6
STEP_S = 0.02


def wav_head(rate: int) -> bytes:
    """The header of a mono WAV as a pipe's writer makes it."""
    form = struct.pack("<IHHIIHH", 16, 1, 1, rate, 2 * rate, 2, 16)
    return b"RIFF\xff\xff\xff\xffWAVEfmt " + form + b"data\xff\xff\xff\xff"


def _write(descriptor: int, head: bytes, rate: int, began: float) -> None:
    step = os.urandom(int(rate * STEP_S) * 2)
    os.write(descriptor, head)
    for number in range(1, int(SECONDS / STEP_S) + 1):
        time.sleep(max(0.0, began + number * STEP_S - time.monotonic()))
        os.write(descriptor, step)
    os.close(descriptor)


async def _lags(rate: int, *, raw: bool) -> dict[str, float]:
    reader, writer = os.pipe()
    began = time.monotonic()
    head = b"" if raw else wav_head(rate)
    thread = threading.Thread(target=_write, args=(writer, head, rate, began))
    thread.start()
    source = Input.parse("-", Pcm("s16le", rate, 1) if raw else None)
    lags: list[tuple[float, float]] = []
    async with Decoder(source, stdin=reader) as decoder:
        async for chunk in decoder:
            heard = chunk.end / chunk.rate
            lags.append((heard, time.monotonic() - began - heard))
    thread.join()
    os.close(reader)
    settled = sorted(lag for heard, lag in lags if heard > SECONDS / 2)
    return {
        "first_s": round(lags[0][0] + lags[0][1], 3),
        "lag_p50_ms": round(statistics.median(settled) * 1000, 1),
        "lag_p95_ms": round(settled[int(0.95 * (len(settled) - 1))] * 1000, 1),
        "lost_ms": round((SECONDS - lags[-1][0]) * 1000, 1),
    }


def measure() -> dict[str, object]:
    """Per kind of stdin: the first chunk, the lag, and what was lost."""
    kinds = {"raw 16 kHz": (16_000, True), "raw 48 kHz": (48_000, True), "WAV 16 kHz": (16_000, False)}
    result: dict[str, object] = {}
    for name, (rate, raw) in kinds.items():

        async def one(rate: int = rate, raw: bool = raw) -> dict[str, float]:
            return await _lags(rate, raw=raw)

        result[name] = anyio.run(one)
    return result


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
