"""What the tests of ffmpeg share: decoding a file to the end, making one, and waiting for workers."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import anyio
import numpy as np

from stream_engine.ffmpeg import Decoder, DecodeReport
from stream_engine.ffmpeg_command import binary
from stream_engine.inputs import Input

BACKENDS = ("asyncio", "trio")
FORMATS = {  # file: seconds, rate, channels
    "jfk_44k_stereo.flac": (11.0, 44_100, 2),
    "jfk_44k.m4a": (11.005, 44_100, 1),
    "jfk_16k.mp3": (11.0, 16_000, 1),
    "digits_8k.wav": (8.308, 8_000, 1),
    "onetwothree_audio-mono-8-bit-44100Hz.wav": (2.745, 44_100, 1),
    "onetwothree_audio-mono-24-bit-44100Hz.wav": (2.745, 44_100, 1),
    "onetwothree_audio-stereo-16-bit-44100Hz.flac": (2.745, 44_100, 2),
    "sonnet1_9s.ogg": (8.995, 44_100, 2),
    "sonnet1_9s.mp3": (9.013, 44_100, 2),
    "sonnet1_9s.flac": (8.986, 44_100, 2),
}


async def decode(source: Input, **options: object) -> tuple[np.ndarray, DecodeReport]:
    async with Decoder(source, **options) as decoder:  # type: ignore[arg-type]
        samples = [chunk.samples async for chunk in decoder]
    assert decoder.report is not None
    return np.concatenate(samples), decoder.report


def read(path: Path, **options: object) -> tuple[np.ndarray, DecodeReport]:
    return anyio.run(functools.partial(decode, Input.parse(str(path)), **options))


def sine(
    path: Path, *, seconds: float = 2.0, rate: int = 16_000, channels: int = 1, codec: str = "pcm_s16le"
) -> Path:
    """A file with a tone of its own in each channel, made by ffmpeg."""
    expression = "|".join(f"0.1*sin(2*PI*{200 * (channel + 1)}*t)" for channel in range(channels))
    source = f"aevalsrc={expression}:s={rate}:d={seconds}"
    subprocess.run(
        [binary(), "-v", "error", "-y", "-f", "lavfi", "-i", source, "-c:a", codec, f"file:{path}"],
        check=True,
    )
    return path
