"""Which ffmpeg, and with what arguments: an argument vector made by ffmpeg-python, never a shell."""

from __future__ import annotations

import functools
import importlib
import shutil
from typing import Any, cast

from stream_engine.clock import RATE
from stream_engine.errors import BackendError
from stream_engine.inputs import PROTOCOLS, Input

# A live input is not looked through for its duration, first time stamp, or DTS disguised as PCM before the
# first sample leaves: raw PCM then runs 20 ms behind its writer (p95). Not `fflags nobuffer`: it drops what
# was looked through, half a second. A WAV on stdin starts 64 KiB late all the same (ffmpeg looks for
# S/PDIF), then catches up; `--pcm` does not.
AT_ONCE = {"analyzeduration": 500_000, "max_ts_probe": 0, "max_probe_packets": 16}

RECONNECT = {
    "reconnect": 1,
    "reconnect_streamed": 1,
    "reconnect_on_network_error": 1,
    "reconnect_on_http_error": "5xx",
    "reconnect_delay_max": 8,  # s between two attempts: 1, 3, 7; then it is given up
}

LEAST_GAP_S, LONGEST_GAP_S = 0.1, 3600  # rounding of time stamps and slow drift; a jump that nobody believes

# The clock: audio stays where its time stamps put it, whatever could not be decoded before it. A second frame
# has to confirm a jump, since the frame after damage may carry a wrong time (FLAC: it is that of the next).
# Silence fills what is missing; time stamps that lag behind, and small steps, are overruled: sample counts.
# What is found is printed, two numbers each: 0 and the time of the first sample; or where a gap is, and its
# length, in seconds. Variables: 0 silence so far, 1 offset of this frame, 2 of the last, 3 first time stamp.
_CLOCK = (
    "if(eq(NB_CONSUMED_SAMPLES,0),st(3,PTS)+print(0)+print(PTS/SR));"
    "st(1,PTS-ld(3)-NB_CONSUMED_SAMPLES);"
    f"if(gt(ld(1)-ld(0),{LEAST_GAP_S}*SR)*lt(ld(1)-ld(0),{LONGEST_GAP_S}*SR)*lt(abs(ld(1)-ld(2)),{LEAST_GAP_S}*SR),"
    "print((ld(3)+NB_CONSUMED_SAMPLES+ld(0))/SR)+print((ld(1)-ld(0))/SR)+st(0,ld(1)));"
    "st(2,ld(1));"
    "NB_CONSUMED_SAMPLES+ld(0)"
)
# Without the limit of the matrix ffmpeg adds two channels at 0.7 each: 3 dB louder than their mean.
_FILL = "aresample=async=1:min_comp=0.05:min_hard_comp=0.05:first_pts=0:rematrix_maxval=1"


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


def command(
    source: Input, *, resample: bool, mix: bool = True, reconnect: bool = False, start_s: int = 0
) -> list[str]:
    """ffmpeg from `source` to a WAV stream of float32 on its stdout.

    WAV, because its header says rate and channels before the first sample. With `resample` ffmpeg makes
    it 16 kHz and, with `mix`, mono; otherwise the samples come at their own rate and channels. `reconnect`
    opens a web address again that breaks off; `start_s` is where to begin.
    """
    ffmpeg: Any = importlib.import_module("ffmpeg")
    given: dict[str, str | int] = {}
    if source.protocols:
        given["protocol_whitelist"] = source.protocols
    if source.format:
        given["format"] = source.format
    if start_s:
        given["ss"] = start_s
    if reconnect and source.protocols == PROTOCOLS["https"]:
        given |= RECONNECT
    if source.pcm:
        given |= {"ar": source.pcm.rate, "ac": source.pcm.channels}
    if source.live:
        given |= AT_ONCE
    wanted: dict[str, str | int] = {"map": "0:a:0", "c:a": "pcm_f32le", "format": "wav"}
    if resample:
        wanted["ar"] = RATE
        if mix:
            wanted["ac"] = 1
    wanted["af"] = f"asetpts='{_CLOCK}',{_FILL}"
    if source.live:
        wanted["flush_packets"] = 1
    stream = ffmpeg.input("", **given).output("pipe:1", **wanted)
    quiet = ("-hide_banner", "-nostdin", "-nostats", "-loglevel", "level+info")
    arguments = cast("list[str]", stream.global_args(*quiet).compile(cmd=binary()))
    arguments[arguments.index("-i") + 1] = source.location  # ffmpeg-python takes no name that is not UTF-8
    return arguments
