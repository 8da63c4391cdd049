"""Prosody of audio: how fast, and how near to Praat, on real speech (packages, and ../shared/data if there).

`frames`: level, colour and fundamental frequency every 10 ms, with the shared transform and without it, in
chunks of 0.1 s; beside Praat's "To Pitch (ac)" and torchaudio's `detect_pitch_frequency` (all 65 to 400 Hz).
`pitch`: for each set, of ours and of torchaudio's against Praat's. `median`, `p95`: of the relative error
where both are voiced; `gross`: share of these off by 20 %; `voicing`: share of frames in which the decision
differs; `voicing_loud`: the same of frames within 20 dB of the loudest, where Praat's rule of silence, which
must know the whole recording, has no say. torchaudio decides no voicing and smooths over 0.3 s; its frames
are shifted to where it does best.
`voice_quality`: segments of 4 s with a third of voice, times real time beside Praat's own four figures (with
its pitch), and the difference of each figure: `bias` (median), `median` and `p90` of its size.
Times are CPU seconds of one thread, medians of three runs after one that warms up.

Bars: frames 100 x, voice quality 120 x real time on one core; pitch within 2 % (median) of Praat.

    python -m benches.prosody
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import Stft
from operators.prosody.frames import FrameFeatures
from operators.prosody.voice_quality import voice_quality
from stream_engine.clock import RATE
from stream_engine.events import Chunk
from stream_engine.testing import chunked, run
from tests import praat
from tests.speech import CALL, READING
from tests.spoken import decoded

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CHUNK = RATE // 10
FIGURES = ("jitter_pct", "shimmer_db", "hnr_db", "cpps_db")
Samples = NDArray[np.float32]
Recordings = dict[str, list[Samples]]


def recordings() -> Recordings:
    """Sets of recordings, cut to whole frames."""
    sets: dict[str, list[Path]] = {"packages": [CALL, READING]}
    for name in ("asr", "diar", "sim"):
        files = [path for path in sorted(DATA.glob(f"{name}/*")) if path.suffix in {".wav", ".flac", ".mp3"}]
        sets |= {name: files} if files else {}
    return {name: [praat.whole_frames(decoded(path)) for path in files] for name, files in sets.items()}


def chunks(samples: Samples) -> list[Chunk]:
    return chunked(samples, [CHUNK] * (len(samples) // CHUNK))


def pitch(samples: Samples) -> NDArray[np.float32]:
    found = run(FrameFeatures(), run(Stft(), chunks(samples)))
    return np.concatenate([item.f0_hz for item in found])


def torchaudio_pitch(samples: Samples) -> NDArray[np.float32]:
    """[frames], never unvoiced."""
    import torch
    from torchaudio.functional import detect_pitch_frequency

    found = detect_pitch_frequency(torch.tensor(samples), RATE, freq_low=65, freq_high=400)
    return found.numpy()


def timed(work: Callable[[], Any], audio_s: float) -> float:
    """Times real time, by CPU time, the median of three."""
    work()
    taken: list[float] = []
    for _ in range(3):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return round(audio_s / median(taken), 1)


def frame_speed(samples: Samples) -> dict[str, float]:
    audio_s = len(samples) / RATE
    given = chunks(samples)
    spectra = run(Stft(), given)
    return {
        "with_transform": timed(lambda: run(FrameFeatures(), run(Stft(), given)), audio_s),
        "without_transform": timed(lambda: run(FrameFeatures(), spectra), audio_s),
        "praat_pitch_ac": timed(lambda: praat.pitch(samples), audio_s),
        "torchaudio_pitch": timed(lambda: torchaudio_pitch(samples), audio_s),
    }


def compared(ours: NDArray[Any], theirs: NDArray[Any], loud: NDArray[np.bool_]) -> dict[str, float]:
    both = (ours > 0) & (theirs > 0)
    errors = np.abs(ours[both] / theirs[both] - 1)
    differs = (ours > 0) != (theirs > 0)
    return {
        "frames_voiced_in_both": int(both.sum()),
        "median": round(float(np.median(errors)), 5),
        "p95": round(float(np.percentile(errors, 95)), 4),
        "gross": round(float(np.mean(errors > 0.2)), 4),
        "voicing": round(float(differs.mean()), 4),
        "voicing_loud": round(float(differs[loud].mean()), 4),
    }


def loud_frames(samples: Samples) -> NDArray[np.bool_]:
    peaks = np.abs(samples).reshape(-1, RATE // 100).max(1)
    return peaks > peaks.max() * 10 ** (-20 / 20)


def pitch_errors(sets: Recordings) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    together = [item for items in sets.values() for item in items]
    for name, items in (*sets.items(), ("all", together)):
        theirs = np.concatenate([praat.pitch(item) for item in items])
        loud = np.concatenate([loud_frames(item) for item in items])
        ours = np.concatenate([pitch(item) for item in items])
        rows.append({"set": name, "way": "ours", **compared(ours, theirs, loud)})
        others = np.concatenate([np.resize(torchaudio_pitch(item), len(item) // 160) for item in items])
        shifts = [compared(np.roll(others, shift), theirs, loud) for shift in range(-30, 31)]
        row = min(shifts, key=lambda row: row["gross"])
        rows.append(
            {"set": name, "way": "torchaudio", **{key: row[key] for key in ("median", "p95", "gross")}}
        )
    return rows


def segments(sets: Recordings) -> Iterator[tuple[Samples, NDArray[np.float32]]]:
    for samples in (item for items in sets.values() for item in items):
        f0 = pitch(samples)
        for first in range(0, len(f0) - 200, 400):
            part = f0[first : first + 400]
            if np.mean(part > 0) > 1 / 3:
                yield samples[first * 160 : (first + 400) * 160], part


def voices(sets: Recordings) -> dict[str, Any]:
    spoken = list(segments(sets))
    audio_s = sum(len(samples) for samples, _ in spoken) / RATE
    ours = [msgspec.structs.asdict(voice_quality(*pair)) for pair in spoken]
    theirs = np.array([praat.voice(samples) for samples, _ in spoken])
    some = spoken[:: max(1, len(spoken) // 12)]
    some_s = sum(len(samples) for samples, _ in some) / RATE
    away = np.array([[row[name] for name in FIGURES] for row in ours], float) - theirs
    reliable = np.array([row["reliable"] for row in ours], bool)
    return {
        "segments": len(spoken),
        "reliable": int(reliable.sum()),
        "times_real_time": timed(lambda: [voice_quality(*pair) for pair in spoken], audio_s),
        "praat": timed(lambda: [praat.voice(samples) for samples, _ in some], some_s),
        "figures": [
            {
                "figure": name,
                "of": kind,
                "praat_median": round(float(np.nanmedian(theirs[rows, i])), 2),
                "bias": round(float(np.nanmedian(away[rows, i])), 3),
                "median": round(float(np.nanmedian(np.abs(away[rows, i]))), 3),
                "p90": round(float(np.nanpercentile(np.abs(away[rows, i]), 90)), 3),
            }
            for i, name in enumerate(FIGURES)
            for kind, rows in (("all", reliable | True), ("reliable", reliable))
        ],
    }


def measure() -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    sets = recordings()
    longest = max((item for items in sets.values() for item in items), key=len)
    return {
        "threads": 1,
        "audio_s": round(sum(len(item) for items in sets.values() for item in items) / RATE, 1),
        "frames": frame_speed(longest[: 60 * RATE]),
        "pitch": pitch_errors(sets),
        "voice_quality": voices(sets),
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
