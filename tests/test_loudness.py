"""Loudness of BS.1770: as the standard, as ffmpeg, as all blocks at once; any chunking, on the CPU and a GPU.

Tolerances: 0.2 LU of ffmpeg's ebur128 on the same 16 kHz PCM (whose high-pass is 0.086 dB too loud at this
rate: it keeps the 48 kHz gain of 1) and 0.03 LU of it at 48 kHz; 0.1 LU of tones as the standard has them;
0.015 LU of all blocks at once; 0.01 LU between chunkings and between devices.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import sosfilt

from operators.audio.filters import k_weighting
from operators.audio.loudness import HOP, Loudness, LoudnessReading
from stream_engine.clock import RATE
from stream_engine.ffmpeg_command import binary
from stream_engine.testing import check_restart, run
from tests.speech import CALL, READING
from tests.test_tensor_steps import Samples, speech_like, tensors

CHUNKING_LU = 0.01  # a bin: a block that lies on an edge may fall on either side
LEVELS = ("momentary", "short_term", "integrated")


def tone(lufs: float, seconds: float, hertz: float = 997) -> Samples:
    """A full-scale sine of 997 Hz has -3.01 LUFS."""
    time = np.arange(int(seconds * RATE)) / RATE
    return np.float32(10 ** ((lufs + 3.01) / 20)) * np.sin(2 * np.pi * hertz * time).astype(np.float32)


def readings(samples: Samples, cut: list[int], device: str = "cpu") -> list[LoudnessReading]:
    return run(Loudness(), tensors(samples, cut, device))


def assert_same(found: list[LoudnessReading], expected: list[LoudnessReading]) -> None:
    assert [(one.start, one.end) for one in found] == [(one.start, one.end) for one in expected]
    for name in LEVELS:
        ours, theirs = ([getattr(one, name) for one in side] for side in (found, expected))
        assert [value is None for value in ours] == [value is None for value in theirs]
        assert [v for v in ours if v is not None] == pytest.approx(
            [v for v in theirs if v is not None], abs=CHUNKING_LU
        )


def pcm(path: Path) -> bytes:
    """16 kHz mono, 16 bits."""
    command = [binary(), "-v", "error", "-i", path, "-ac", "1", "-ar", "16000", "-f", "s16le", "-"]
    return subprocess.run(command, check=True, capture_output=True).stdout


def as_samples(raw: bytes) -> Samples:
    return np.frombuffer(raw, "<i2").astype(np.float32) * np.float32(1 / 32768)


def ebur128(raw: bytes, before: str = "anull") -> dict[str, list[float]]:
    """What ffmpeg says after each 100 ms: M, S and I."""
    command = [binary(), "-v", "error", "-f", "s16le", "-ar", "16000", "-ac", "1", "-i", "-", "-af"]
    command += [f"{before},ebur128=metadata=1,ametadata=print:file=-", "-f", "null", "-"]
    said = subprocess.run(command, input=raw, check=True, capture_output=True).stdout.decode()
    return {key: [float(value) for value in re.findall(rf"r128\.{key}=(\S+)", said)] for key in "MSI"}


def at_once(samples: Samples) -> float:
    """Integrated loudness by the letter of BS.1770: all blocks in memory, gated twice."""
    squares = np.asarray(sosfilt(k_weighting(), samples.astype(np.float64))) ** 2
    starts = range(0, len(squares) - 4 * HOP + 1, HOP)
    powers = np.array([squares[at : at + 4 * HOP].mean() for at in starts])
    levels = -0.691 + 10 * np.log10(np.maximum(powers, 1e-12))
    heard = levels > -70
    gate = -0.691 + 10 * np.log10(powers[heard].mean()) - 10
    return -0.691 + 10 * np.log10(powers[heard & (levels > gate)].mean())


SPEECH = {
    "a call": lambda: pcm(CALL),
    "a reading": lambda: pcm(READING),
    "a sine": lambda: (32767 * tone(-9, 10)).astype("<i2").tobytes(),
}


@pytest.mark.parametrize("what", SPEECH)
def test_loudness_is_that_of_ffmpeg(what: str) -> None:
    raw = SPEECH[what]()
    found, theirs = readings(as_samples(raw), [RATE] * 100), ebur128(raw)
    last = found[-1].integrated
    assert last == pytest.approx(theirs["I"][-1], abs=0.2)
    assert last == pytest.approx(
        ebur128(raw, "aresample=48000")["I"][-1], abs=0.08 if what == "a sine" else 0.03
    )
    for name, key in (("momentary", "M"), ("short_term", "S")):
        pairs = [(getattr(ours, name), value) for ours, value in zip(found, theirs[key], strict=False)]
        heard = [(ours, value) for ours, value in pairs if ours is not None]
        assert len(heard) > 65
        assert max(abs(ours - value) for ours, value in heard) <= 0.2


@pytest.mark.parametrize("what", SPEECH)
def test_the_histogram_costs_no_more_than_its_bins(what: str) -> None:
    samples = as_samples(SPEECH[what]())
    assert readings(samples, [])[-1].integrated == pytest.approx(at_once(samples), abs=0.015)


@pytest.mark.parametrize("lufs", [-3.01, -23, -60])
def test_a_tone_has_the_loudness_of_the_standard(lufs: float) -> None:
    last = readings(tone(lufs, 5), [])[-1]
    assert [last.momentary, last.short_term, last.integrated] == pytest.approx([lufs] * 3, abs=0.1)


def test_what_is_under_either_gate_does_not_count() -> None:
    """Tech 3341, cases 3 and 4, in shorter."""
    quiet, soft, level = tone(-72, 2), tone(-36, 5), tone(-23, 30)
    for parts in ((soft, level, soft), (quiet, soft, level, soft, quiet)):
        assert readings(np.concatenate(parts), [])[-1].integrated == pytest.approx(-23, abs=0.1)


def test_a_reading_comes_each_100_ms_and_says_nothing_of_windows_that_are_not_full() -> None:
    found = readings(tone(-23, 4.05), [])
    assert [(one.start, one.end) for one in found] == [(at * HOP, (at + 1) * HOP) for at in range(40)]
    assert [one.momentary is None for one in found] == [at < 3 for at in range(40)]
    assert [one.integrated is None for one in found] == [at < 3 for at in range(40)]
    assert [one.short_term is None for one in found] == [at < 29 for at in range(40)]


def test_silence_has_no_loudness_and_integrated_stays() -> None:
    assert all(
        (one.momentary, one.short_term, one.integrated) == (None, None, None)
        for one in readings(np.zeros(4 * RATE, np.float32), [])
    )
    found = readings(np.concatenate((tone(-23, 2), np.zeros(4 * RATE, np.float32))), [])
    assert (found[-1].momentary, found[-1].short_term) == (None, None)
    assert found[19].integrated == pytest.approx(-23, abs=0.1)
    assert found[-1].integrated == found[24].integrated is not None


def test_what_is_louder_than_the_histogram_reaches_counts_as_its_top() -> None:
    last = readings(tone(20, 1), [])[-1]
    assert last.momentary == pytest.approx(20, abs=0.1)
    assert last.integrated == pytest.approx(10, abs=0.01)


@settings(max_examples=15, deadline=None)
@given(cut=st.lists(st.integers(1, 9_000), max_size=12), seed=st.integers(0, 9), seconds=st.floats(0, 4))
def test_any_chunking_gives_the_same_readings(cut: list[int], seed: int, seconds: float) -> None:
    samples = speech_like(seconds, seed)
    assert_same(readings(samples, cut), readings(samples, []))


def test_loudness_goes_on_after_a_restart() -> None:
    items = tensors(speech_like(4, 3), [700, 30_000, 1, 5000, 1700])
    check_restart(lambda state: Loudness(state=state), items)


def test_memory_does_not_grow() -> None:
    step, sizes = Loudness(), []
    for item in tensors(speech_like(60, 1), [5 * RATE] * 12):
        assert len(list(step.feed(item))) == 50
        sizes.append(len(msgspec.msgpack.encode(step.state)))
    assert max(sizes) - min(sizes) < 100
    assert max(sizes) < 60_000


@pytest.mark.needs_gpu
def test_a_gpu_hears_what_the_cpu_hears() -> None:
    samples = speech_like(20)
    assert_same(*(readings(samples, [RATE] * 30, device) for device in ("cuda", "cpu")))
