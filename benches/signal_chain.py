"""Preprocessing of a 23 min session, and each signal operator against the library that a user would take.

`session`: an MP3 of 44.1 kHz stereo speech from the file to processed audio: decode, down-mix, resample,
silence, normalise, high-pass, gain, compression, loudness, limiter. `ours`: ffmpeg's pipe in chunks of 10 s
through the operators, one thread of torch beside ffmpeg's process; `ours, ffmpeg resamples` leaves down-mix
and resample to it, as a session on a CPU does. `pydub and scipy` is `benches.pydub_way` on 2 min, each stage
scaled to 23 min (`linear`: the time of 2 min over that of 1 min; 2 is exact). `numpy and scipy, chain` is the
old analyser's way, whole arrays, two transforms (`tests.old_chain`). `bare decode`: `ffmpeg -f null`.
Bars: >= 20 x faster than pydub and scipy; total <= 4 x the bare decode.

`operators`: x real time on 5 min, chunks of 1 s and of 10 s, one thread; links of the chain are fed with
spectra, which they share (row STFT). Libraries get all at once; `ffmpeg` is the filter in a process of its
own, less the process without it. They are the usual choice for the purpose, not the same algorithm.
All in seconds of the processor, children too (this machine is shared); `wall` beside them for the session.

    python -m benches.signal_chain
"""

# pyright: reportMissingImports=false
# (what it compares with comes with the extra `bench`)

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.pydub_way import processor, stages, timed
from benches.recordings import long_mp3
from operators.audio.downmix import DownMix
from operators.audio.filters import high_pass
from operators.audio.loudness import Loudness
from operators.audio.normalise import Normalise
from operators.audio.signal_chain import ALL_LINKS, LINKS, SignalChain
from operators.audio.silence import SilenceDetector
from operators.audio.stft import Stft
from operators.audio.tensor_chunks import TensorChunk
from operators.audio.tensor_intake import TensorIntake
from stream_engine.clock import RATE
from stream_engine.events import Chunk, SourceChunk
from stream_engine.ffmpeg_command import binary
from stream_engine.operator import chain
from stream_engine.testing import chunked, run

SESSION_S, STRETCH_S, ROW_S = 23 * 60, 120, 300
CHUNK_S = 10
SOURCE_RATE = 44_100
ROUNDS = 3
Samples = NDArray[np.float32]


def seconds_of(
    work: Callable[[], Any], rounds: int = ROUNDS, clock: Callable[[], float] = processor
) -> float:
    taken: list[float] = []
    for _ in range(rounds):
        began = clock()
        work()
        taken.append(clock() - began)
    return median(taken)


# --- a session -----------------------------------------------------------------------------------


def delivered(path: Path, rate: int, channels: int) -> Iterator[Samples]:
    """What ffmpeg decodes, [frames, channels], in chunks."""
    command = [binary(), "-v", "error", "-i", str(path), "-ac", str(channels), "-ar", str(rate)]
    size = CHUNK_S * rate * channels * 4
    with subprocess.Popen([*command, "-f", "f32le", "-"], stdout=subprocess.PIPE, bufsize=0) as process:
        assert process.stdout is not None
        while piece := read(process.stdout, size):
            yield np.frombuffer(piece, np.float32).reshape(-1, channels)


def read(pipe: Any, size: int) -> bytearray:
    """All of `size`, or what is left."""
    piece = bytearray(size)
    view, at = memoryview(piece), 0
    while at < size and (count := pipe.readinto(view[at:])):
        at += count
    view.release()
    del piece[at:]
    return piece


def ours(path: Path, *, resample: bool) -> int:
    """The whole session; gives how many samples came out."""
    intake, silence, level = TensorIntake(), SilenceDetector(), Normalise()
    even = chain(Stft(), SignalChain())
    sent = 0

    def process(chunk: TensorChunk) -> int:
        run_of(silence, chunk)
        out = 0
        for item in level.feed(chunk):
            out += sum(len(c.samples) for c in even.feed(Chunk(item.start, item.samples.numpy())))
        return out

    at = 0
    for samples in delivered(path, SOURCE_RATE if resample else RATE, 2 if resample else 1):
        if resample:
            source = SourceChunk(start=at, rate=SOURCE_RATE, samples=samples)
            sent += sum(process(chunk) for chunk in intake.feed(source))
        else:
            sent += process(TensorChunk(at, tensor(samples[:, 0])))
        at += len(samples)
    sent += sum(process(chunk) for chunk in intake.flush())
    for item in level.flush():
        sent += sum(len(c.samples) for c in even.feed(Chunk(item.start, item.samples.numpy())))
    return sent + sum(len(c.samples) for c in even.flush())


def run_of(operator: Any, item: Any) -> None:
    for _ in operator.feed(item):
        pass


def tensor(samples: Samples) -> Any:
    import torch

    return torch.from_numpy(samples)


def session() -> dict[str, Any]:
    from tests import old_chain

    path = long_mp3(SESSION_S)
    bare_command = [binary(), "-v", "error", "-i", str(path), "-f", "null", "-"]
    assert abs(ours(path, resample=True) - SESSION_S * RATE) < RATE  # and warm
    figures: dict[str, float] = {"bare decode": seconds_of(lambda: subprocess.run(bare_command, check=True))}
    figures["ours"] = seconds_of(lambda: ours(path, resample=True))
    wall = {
        "bare decode": seconds_of(lambda: subprocess.run(bare_command, check=True), clock=time.perf_counter),
        "ours": seconds_of(lambda: ours(path, resample=True), clock=time.perf_counter),
    }
    figures["ours, ffmpeg resamples"] = seconds_of(lambda: ours(path, resample=False))
    (mono,) = (np.concatenate(list(delivered(path, RATE, 1)))[:, 0].astype(np.float64),)
    figures["numpy and scipy, chain"] = seconds_of(
        lambda: [
            old_chain.chain(mono[at : at + 60 * RATE], old_chain.Transform())
            for at in range(0, len(mono), 60 * RATE)
        ],
        1,
    )
    short, shorter = timed(long_mp3(STRETCH_S)), timed(long_mp3(STRETCH_S // 2))
    scaled = {name: value * SESSION_S / STRETCH_S for name, value in short.items()}
    figures["pydub and scipy"] = sum(scaled.values())
    figures["pydub and scipy, without compression"] = sum(scaled.values()) - scaled["compression"]
    return {
        "seconds": {name: round(value, 2) for name, value in figures.items()},
        "wall, s": {name: round(value, 2) for name, value in wall.items()},
        "pydub and scipy, s": {name: round(value, 2) for name, value in scaled.items()},
        "linear": round(sum(short.values()) / sum(shorter.values()), 2),
        "times_faster_than_pydub_and_scipy": round(figures["pydub and scipy"] / figures["ours"], 1),
        "times_faster_without_its_compression": round(
            figures["pydub and scipy, without compression"] / figures["ours"], 1
        ),
        "total_over_bare_decode": round(figures["ours"] / figures["bare decode"], 2),
        "total_over_bare_decode, ffmpeg resamples": round(
            figures["ours, ffmpeg resamples"] / figures["bare decode"], 2
        ),
    }


# --- operators -----------------------------------------------------------------------------------


def libraries(stereo: Samples, mono: Samples) -> dict[str, dict[str, Callable[[], Any]]]:
    """What a user would take instead, by the operator's name."""
    import noisereduce
    import pyloudnorm
    import soxr
    from pedalboard import Compressor, HighpassFilter, Limiter, Pedalboard  # type: ignore[attr-defined]
    from scipy import signal

    way = stages(Path())
    segment = segment_of(mono)
    sections = high_pass(80)
    meter = pyloudnorm.Meter(RATE)
    board = Pedalboard([HighpassFilter(80), Compressor(-26, 2), Limiter(-0.5)])
    return {
        "DownMix": {"numpy mean": lambda: stereo.mean(1)},
        "TensorIntake": {
            "scipy resample_poly": lambda: signal.resample_poly(stereo.mean(1), 160, 441),
            "soxr": lambda: soxr.resample(stereo.mean(1), SOURCE_RATE, RATE),
        },
        "SilenceDetector": {"pydub detect_silence": lambda: way["silence"](segment)},
        "Normalise": {"pydub normalize": lambda: way["normalise"](segment)},
        "STFT": {
            "scipy stft": lambda: signal.stft(mono, RATE, "hann", 512, 352, padded=False),
        },
        "high-pass": {
            "scipy sosfilt": lambda: signal.sosfilt(sections, mono),
            "pedalboard": lambda: HighpassFilter(80)(mono, RATE),
        },
        "denoise": {"noisereduce": lambda: noisereduce.reduce_noise(mono, RATE, stationary=True)},
        "gain": {},
        "compression": {"pedalboard": lambda: Compressor(-26, 2)(mono, RATE)},
        "loudness": {
            "pyloudnorm": lambda: pyloudnorm.normalize.loudness(mono, meter.integrated_loudness(mono), -20.0)
        },
        "Loudness": {"pyloudnorm": lambda: meter.integrated_loudness(mono)},
        "limiter": {"pedalboard": lambda: Limiter(-0.5)(mono, RATE)},
        "the chain": {"pedalboard": lambda: board(mono, RATE)},
    }


FFMPEG = {
    "TensorIntake": "aresample=16000,pan=mono|c0=c0",
    "SilenceDetector": "silencedetect=n=-40dB:d=0.5",
    "high-pass": "highpass=f=80",
    "denoise": "afftdn",
    "gain": "speechnorm",
    "compression": "acompressor=threshold=-26dB:ratio=2",
    "loudness": "loudnorm=I=-20",
    "Loudness": "ebur128",
    "limiter": "alimiter=limit=0.95",
    "the chain": "highpass=f=80,speechnorm,acompressor=threshold=-26dB:ratio=2,"
    "loudnorm=I=-20,alimiter=limit=0.95",
}


def segment_of(mono: Samples) -> Any:
    from pydub import AudioSegment

    whole = (np.clip(mono, -1, 1) * 32767).astype(np.int16)
    return AudioSegment(whole.tobytes(), frame_rate=RATE, sample_width=2, channels=1)


def ffmpeg_s(path: Path, how: str) -> float:
    command = [binary(), "-v", "quiet", "-i", str(path), "-af", how, "-f", "null", "-"]
    return seconds_of(lambda: subprocess.run(command, check=True))


def operators() -> list[dict[str, Any]]:
    stereo = np.concatenate(list(delivered(long_mp3(ROW_S), SOURCE_RATE, 2)))[: ROW_S * SOURCE_RATE]
    mono = np.concatenate(list(delivered(long_mp3(ROW_S), RATE, 1)))[: ROW_S * RATE, 0]
    others = libraries(stereo, mono)
    rows: dict[str, dict[str, Any]] = {name: {"operator": name} for name in others}
    for chunk_s in (1, CHUNK_S):
        for name, (make, items) in ways(stereo, mono, chunk_s).items():
            taken = seconds_of(lambda make=make, items=items: run(make(), items))
            rows[name][f"chunks of {chunk_s} s"] = round(ROW_S / taken)
    with tempfile.TemporaryDirectory() as folder:
        files = {"mono": Path(folder) / "mono.wav", "stereo": Path(folder) / "stereo.wav"}
        written(mono[:, None], RATE, files["mono"])
        written(stereo, SOURCE_RATE, files["stereo"])
        empty = {name: ffmpeg_s(path, "anull") for name, path in files.items()}
        for name, row in rows.items():
            best = row[f"chunks of {CHUNK_S} s"]
            for library, work in others[name].items():
                row[library] = round(ROW_S / seconds_of(work))
            if name in FFMPEG:
                which = "stereo" if name == "TensorIntake" else "mono"
                taken = ffmpeg_s(files[which], FFMPEG[name]) - empty[which]
                row["ffmpeg"] = round(ROW_S / max(taken, 1e-3))
            speeds = [value for key, value in row.items() if key != "operator" and "chunks" not in key]
            row["over the fastest"] = round(best / max(speeds), 2)
    return list(rows.values())


def ways(stereo: Samples, mono: Samples, chunk_s: int) -> dict[str, tuple[Callable[[], Any], list[Any]]]:
    size = chunk_s * SOURCE_RATE
    source = [
        SourceChunk(start=at, rate=SOURCE_RATE, samples=stereo[at : at + size])
        for at in range(0, len(stereo), size)
    ]
    chunks = chunked(mono, [chunk_s * RATE] * 10_000)
    tensors = [TensorChunk(chunk.start, tensor(chunk.samples)) for chunk in chunks]
    spectra = run(Stft(), chunks)
    links = {link: (lambda link=link: SignalChain(links=(link,)), spectra) for link in ALL_LINKS}
    return {
        "DownMix": (DownMix, source),
        "TensorIntake": (TensorIntake, source),
        "SilenceDetector": (SilenceDetector, tensors),
        "Normalise": (Normalise, tensors),
        "STFT": (Stft, chunks),
        "Loudness": (Loudness, tensors),
        **links,
        "the chain": (lambda: chain(Stft(), SignalChain(links=LINKS)), chunks),
    }


def written(samples: Samples, rate: int, path: Path) -> None:
    command = [binary(), "-v", "error", "-f", "f32le", "-ar", str(rate), "-ac", str(samples.shape[1])]
    subprocess.run([*command, "-i", "-", "-y", str(path)], input=samples.tobytes(), check=True)


def measure() -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    return {"threads": 1, "session": session(), "operators": operators()}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
