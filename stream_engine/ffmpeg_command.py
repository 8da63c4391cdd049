"""Which ffmpeg, and with what arguments: an argument vector made by ffmpeg-python, never a shell."""

from __future__ import annotations

import functools
import importlib
import shutil
from typing import Any, cast

from stream_engine.clock import RATE
from stream_engine.errors import BackendError
from stream_engine.inputs import Input

# A live input is not looked through for its duration, first time stamp, or DTS disguised as PCM before the
# first sample leaves: raw PCM then runs 20 ms behind its writer (p95). Not `fflags nobuffer`: it drops what
# was looked through, half a second. A WAV on stdin starts 64 KiB late all the same (ffmpeg looks for
# S/PDIF), then catches up; `--pcm` does not.
AT_ONCE = {"analyzeduration": 500_000, "max_ts_probe": 0, "max_probe_packets": 16}


@functools.cache
def binary() -> str:
    """The ffmpeg in PATH, else the one that imageio-ffmpeg brings.

    Raises:
        BackendError: there is neither.
    """
    found = shutil.which("ffmpeg")
    if found:
        return found
    try:
        return cast("str", importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise BackendError("ffmpeg is missing: apt install ffmpeg, or pip install imageio-ffmpeg") from None


def command(source: Input, *, resample: bool, mix: bool = True) -> list[str]:
    """ffmpeg from `source` to a WAV stream of float32 on its stdout.

    WAV, because its header says rate and channels before the first sample. With `resample` ffmpeg makes
    it 16 kHz and, with `mix`, mono; otherwise the samples come at their own rate and channels.
    """
    ffmpeg: Any = importlib.import_module("ffmpeg")
    given: dict[str, str | int] = {}
    if source.protocols:
        given["protocol_whitelist"] = source.protocols
    if source.format:
        given["format"] = source.format
    if source.pcm:
        given |= {"ar": source.pcm.rate, "ac": source.pcm.channels}
    if source.live:
        given |= AT_ONCE
    wanted: dict[str, str | int] = {"map": "0:a:0", "c:a": "pcm_f32le", "format": "wav"}
    if resample:
        wanted["ar"] = RATE
        if mix:  # without the limit ffmpeg adds two channels at 0.7 each: 3 dB louder than their mean
            wanted |= {"ac": 1, "rematrix_maxval": 1}
    if source.live:
        wanted["flush_packets"] = 1
    stream = ffmpeg.input("", **given).output("pipe:1", **wanted)
    quiet = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")
    arguments = cast("list[str]", stream.global_args(*quiet).compile(cmd=binary()))
    arguments[arguments.index("-i") + 1] = source.location  # ffmpeg-python takes no name that is not UTF-8
    return arguments
