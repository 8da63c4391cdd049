"""A session prepared as a typical script does it: pydub's segments and effects, scipy where it is usual.

Each function is one stage, in the order in which scripts run them. `compress_dynamic_range` and
`detect_silence` are loops in Python over samples and slices; their time grows with the length, so they may be
run on a shorter stretch and scaled (`benches.signal_chain` checks that).
"""

# pyright: reportMissingImports=false
# (what it compares with comes with the extra `bench`)

from __future__ import annotations

import resource
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def stages(path: Path) -> dict[str, Callable[[Any], Any]]:
    """Each from what the one before gave; the first from nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # audioop
        from pydub import AudioSegment, effects, silence
    from scipy.signal import butter, resample_poly, sosfiltfilt

    def as_array(segment: Any) -> Any:
        return np.array(segment.get_array_of_samples(), np.float32) / 32768

    def as_segment(samples: Any) -> Any:
        whole = (np.clip(samples, -1, 1) * 32767).astype(np.int16)
        return AudioSegment(whole.tobytes(), frame_rate=16_000, sample_width=2, channels=1)

    def resample(segment: Any) -> Any:
        return as_segment(resample_poly(as_array(segment), 160, 441))

    def high_pass(segment: Any) -> Any:
        sections = butter(2, 80, "highpass", fs=16_000, output="sos")
        return as_segment(sosfiltfilt(sections, as_array(segment)))

    def silences(segment: Any) -> Any:
        found = silence.detect_silence(segment, min_silence_len=500, silence_thresh=-40, seek_step=10)
        assert found
        return segment

    return {
        "decode": lambda _: AudioSegment.from_file(path),
        "down-mix": lambda segment: segment.set_channels(1),
        "resample": resample,
        "silence": silences,
        "normalise": effects.normalize,
        "high-pass": high_pass,
        "compression": lambda segment: effects.compress_dynamic_range(segment, threshold=-26.0, ratio=2.0),
        "loudness": lambda segment: segment.apply_gain(-20 - segment.dBFS),
    }


def timed(path: Path) -> dict[str, float]:
    """Seconds of the processor in each stage, children too, for the whole of `path`."""
    found: dict[str, float] = {}
    kept: Any = None
    for name, work in stages(path).items():
        began = processor()
        kept = work(kept)
        found[name] = processor() - began
    return found


def processor() -> float:
    """Seconds that this process and its children that have ended have had of it."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
