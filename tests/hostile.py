"""How broken and odd inputs are made: out of four seconds of noise, by arithmetic on bytes or by ffmpeg.

The same every time. What is promised of each is in `hostile_table`.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from stream_engine.ffmpeg_command import binary

SECONDS = 4.0
RATE = 44_100


def ffmpeg(*arguments: str | Path) -> None:
    subprocess.run([binary(), "-v", "error", "-nostdin", "-y", *map(str, arguments)], check=True)


@cache
def recording(ending: str, *options: str) -> bytes:
    """Four seconds of noise at 44.1 kHz in the format of `ending`, the same bytes on every machine."""
    noise = ("-f", "lavfi", "-i", f"anoisesrc=d={SECONDS}:r={RATE}:a=0.1:seed=7")
    with TemporaryDirectory() as folder:
        path = Path(folder, f"noise.{ending}")
        ffmpeg(*noise, *options, "-flags", "+bitexact", "-fflags", "+bitexact", path)
        return path.read_bytes()


def encoded(ending: str, *options: str) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(recording(ending, *options))


def cut(ending: str, tenths: int, *options: str) -> Callable[[Path], object]:
    def make(path: Path) -> None:
        whole = recording(ending, *options)
        path.write_bytes(whole[: len(whole) * tenths // 10])

    return make


def hurt(ending: str, *options: str) -> Callable[[Path], object]:
    """3 % of the bytes in the middle are noise."""

    def make(path: Path) -> None:
        broken = bytearray(recording(ending, *options))
        middle, size = len(broken) // 2, len(broken) * 3 // 100
        broken[middle : middle + size] = np.random.default_rng(0).bytes(size)
        path.write_bytes(broken)

    return make


def lost(ending: str, *options: str) -> Callable[[Path], object]:
    """10 % of the bytes in the middle are missing."""

    def make(path: Path) -> None:
        whole = recording(ending, *options)
        path.write_bytes(whole[: len(whole) * 45 // 100] + whole[len(whole) * 55 // 100 :])

    return make


def wav(
    samples: np.ndarray, *, rate: int = 16_000, kind: int = 1, claim: int | None = None
) -> Callable[[Path], object]:
    """A WAV of `[frames, channels]`, whose header claims `claim` bytes of audio."""

    def make(path: Path) -> None:
        frame = samples.shape[1] * samples.itemsize
        size = samples.nbytes if claim is None else claim
        layout = (16, kind, samples.shape[1], rate, rate * frame, frame, 8 * samples.itemsize)
        header = b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + b"WAVEfmt "
        path.write_bytes(header + struct.pack("<IHHIIHH", *layout) + b"data" + struct.pack("<I", size))
        with path.open("ab") as file:
            file.write(samples.tobytes())

    return make


def noise(frames: int = 32_000, channels: int = 1, dtype: str = "<i2") -> np.ndarray:
    return np.random.default_rng(0).integers(-3000, 3000, (frames, channels)).astype(dtype)


def floats(change: Callable[[np.ndarray], None]) -> Callable[[Path], object]:
    """Two seconds of quiet noise as 32 bit floats, after `change`."""
    samples = (noise() / 32768).astype("<f4")
    change(samples)
    return wav(samples, kind=3)


def put(value: float, step: int = 7) -> Callable[[np.ndarray], None]:
    def change(samples: np.ndarray) -> None:
        samples[::step] = value

    return change


def text(content: str) -> Callable[[Path], object]:
    return lambda path: path.write_text(content)


def with_picture(path: Path) -> None:
    inputs = ("-f", "lavfi", "-i", f"anoisesrc=d={SECONDS}:r={RATE}:a=0.1:seed=7",
              "-f", "lavfi", "-i", "testsrc=d=0.04:s=64x64")  # fmt: skip
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-c:v", "png", "-disposition:v", "attached_pic", path)


def with_subtitles(path: Path) -> None:
    words = path.with_suffix(".srt")
    words.write_text("1\n00:00:00,000 --> 00:00:09,000\nnot speech\n")
    inputs = ("-i", words, "-f", "lavfi", "-i", f"anoisesrc=d={SECONDS}:r={RATE}:a=0.1:seed=7")
    ffmpeg(*inputs, "-map", "0", "-map", "1", "-c:s", "srt", path)


def two_tracks(path: Path) -> None:
    """The first track is four seconds, the second, marked as default, two."""
    tracks = [("-f", "lavfi", "-i", f"anoisesrc=d={d}:r=16000:a=0.1:seed=7") for d in (SECONDS, 2.0)]
    marks = ("-map", "0", "-map", "1", "-disposition:a:0", "0", "-disposition:a:1", "default")
    ffmpeg(*tracks[0], *tracks[1], *marks, path)


def video_only(path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc=d=1:r=5:s=64x64", "-c:v", "mpeg4", path)


def late_sound(path: Path) -> None:
    """Sound that begins two seconds after the picture."""
    picture = ("-f", "lavfi", "-i", "testsrc=d=6:r=5:s=64x64")
    sound = ("-itsoffset", "2", "-f", "lavfi", "-i", f"anoisesrc=d={SECONDS}:r={RATE}:a=0.1:seed=7")
    ffmpeg(*picture, *sound, "-map", "0", "-map", "1", "-c:v", "mpeg4", "-c:a", "mp2", path)


def chained(path: Path) -> None:
    """Two Ogg recordings, one after the other in one file."""
    path.write_bytes(2 * recording("ogg"))


def bytes_of(data: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(data)


def changed(ending: str, change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(recording(ending)))


def odd(path: Path) -> None:
    """Half of the last sample is missing."""
    wav(noise())(path)
    os.truncate(path, path.stat().st_size - 1)


def forbidden(path: Path) -> None:
    encoded("wav")(path)
    path.chmod(0)
