"""Frames of prosody: level, colour and fundamental frequency, against Praat and against what was made."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.audio.stft import HOP, Spectra, Stft
from operators.prosody.frames import FrameFeatures, FrameState, ProsodyFrames
from stream_engine.clock import RATE
from stream_engine.testing import chunked, run
from tests.speech import CALL, READING
from tests.spoken import decoded

torch = pytest.importorskip("torch")

CHUNKING_TOLERANCE = {"rms_db": 1e-3, "f0_hz": 0, "voicing": 0, "centroid_hz": 0.1, "flatness": 1e-4}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Blocks are small: a second thread spins more than it computes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def spectra(samples: np.ndarray, sizes: Sequence[int] = (), device: str = "cpu") -> list[Spectra]:
    return run(Stft(device=device), chunked(samples.astype(np.float32), [*sizes, len(samples)]))


def whole(items: list[ProsodyFrames]) -> ProsodyFrames:
    assert [item.start for item in items[1:]] == [item.end for item in items[:-1]]
    return ProsodyFrames(
        items[0].start, *(np.concatenate(column) for column in list(zip(*items, strict=True))[1:])
    )


def frames(samples: np.ndarray) -> ProsodyFrames:
    return whole(run(FrameFeatures(), spectra(samples)))


def assert_same(one: ProsodyFrames, other: ProsodyFrames) -> None:
    assert one.start == other.start
    for name, tolerance in CHUNKING_TOLERANCE.items():
        np.testing.assert_allclose(
            getattr(one, name), getattr(other, name), rtol=0, atol=tolerance, err_msg=name
        )


def voice(f0_hz: float, seconds: float = 1.0, level: float = 0.2) -> np.ndarray:
    """A buzz with ten harmonics."""
    time = np.arange(round(seconds * RATE)) / RATE
    return level * sum(np.sin(2 * np.pi * f0_hz * k * time + k * k) / k for k in range(1, 11))


def agreement(path: Path) -> tuple[np.ndarray, np.ndarray, int]:
    """Relative errors where both are voiced, voicing that differs, and frames: ours against Praat's."""
    praat = pytest.importorskip("tests.praat")
    samples = praat.whole_frames(decoded(path))
    ours, theirs = frames(samples).f0_hz, praat.pitch(samples)
    both = (ours > 0) & (theirs > 0)
    return np.abs(ours[both] / theirs[both] - 1), (ours > 0) != (theirs > 0), len(ours)


@pytest.mark.parametrize("path", [CALL, READING], ids=["call", "reading"])
def test_f0_is_that_of_praat(path: Path) -> None:
    errors, differs, _ = agreement(path)
    assert np.median(errors) < 0.001  # the bar is 0.02
    assert np.mean(errors > 0.2) < 0.01
    assert np.mean(differs) < 0.03


def test_f0_is_that_of_praat_on_the_data(data: Path) -> None:
    found = [
        agreement(path) for path in sorted((data / "diar").glob("*.wav"))
    ]  # all of it: benches/prosody.py
    errors = np.concatenate([row[0] for row in found])
    assert len(errors) > 5_000
    assert np.median(errors) < 0.001
    assert np.mean(errors > 0.2) < 0.01
    assert np.mean(np.concatenate([row[1] for row in found])) < 0.06  # Praat knows the loudest that will come


@pytest.mark.parametrize("f0_hz", [66.0, 71.3, 99.9, 150.0, 222.2, 333.0, 395.0])
def test_a_buzz_has_the_frequency_that_it_was_made_with(f0_hz: float) -> None:
    found = frames(voice(f0_hz)).f0_hz[5:-5]
    np.testing.assert_allclose(found, f0_hz, rtol=2e-3)


def test_neither_silence_nor_noise_is_voiced() -> None:
    assert not frames(np.zeros(RATE)).f0_hz.any()
    noise = np.random.default_rng(0).standard_normal(10 * RATE) * 0.1
    assert np.mean(frames(noise).f0_hz > 0) < 0.01


def test_a_soft_voice_after_a_loud_one_is_heard_again() -> None:
    soft = frames(np.concatenate((voice(120, 1, 0.3), voice(180, 30, 0.006)))).f0_hz
    assert not soft[150:250].any()  # 34 dB below what was just heard
    np.testing.assert_allclose(soft[-300:-10], 180, rtol=2e-3)


def test_levels_and_colours_are_those_of_the_signal() -> None:
    tone = frames(np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE))
    np.testing.assert_allclose(tone.rms_db[5:-5], -3.01, atol=0.01)
    np.testing.assert_allclose(tone.centroid_hz[5:-5], 1000, atol=10)
    assert tone.flatness[5:-5].max() < 0.001
    noise = frames(np.random.default_rng(0).standard_normal(RATE) * 0.1)
    assert np.median(noise.rms_db) == pytest.approx(-20, abs=0.3)
    assert np.median(noise.centroid_hz) == pytest.approx(4000, abs=100)
    assert 0.5 < np.median(noise.flatness) < 0.65
    silence = frames(np.zeros(RATE))
    assert (silence.rms_db == -120).all()
    assert not silence.centroid_hz.any()
    assert not silence.flatness.any()
    assert not silence.voicing.any()


@settings(max_examples=12)
@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_any_chunking_gives_the_same_frames(sizes: list[int]) -> None:
    samples = decoded(CALL)[7 * RATE : 10 * RATE + 77]
    assert_same(whole(run(FrameFeatures(), spectra(samples, sizes))), frames(samples))


@pytest.mark.parametrize("length", [1, 159, 160, 161, 738, 7999, 8000, 8001, 16_000 + 465])
def test_every_sample_has_a_frame(length: int) -> None:
    found = frames(voice(120)[:length] if length <= RATE else voice(120, 2)[:length])
    assert (found.start, found.frames) == (0, -(-length // HOP))
    assert all(np.isfinite(column).all() for column in found[1:])


def test_no_audio_has_no_frames() -> None:
    assert run(FrameFeatures(), []) == []


def test_state_survives_a_restart_at_any_item() -> None:
    items = spectra(decoded(CALL)[7 * RATE : 10 * RATE], [700, 30, 4000, 8000, 8000, 16_000, 160])
    expected = whole(run(FrameFeatures(), items))
    operator, out = FrameFeatures(), []

    def again(before: FrameFeatures) -> FrameFeatures:
        return FrameFeatures(
            state=msgspec.msgpack.decode(msgspec.msgpack.encode(before.state), type=FrameState)
        )

    for item in items:
        operator = again(operator)
        out += operator.feed(item)
    assert_same(whole([*out, *again(operator).flush()]), expected)


def test_state_does_not_grow() -> None:
    operator, sizes = FrameFeatures(), set[int]()
    for item in spectra(np.tile(voice(120), 40), [RATE // 4] * 160):
        for _ in operator.feed(item):
            sizes.add(len(msgspec.msgpack.encode(operator.state)))
    assert max(sizes) < 60_000


@pytest.mark.needs_gpu
def test_the_device_makes_no_difference() -> None:
    samples = decoded(CALL)
    on_gpu = whole(run(FrameFeatures(), spectra(samples, [RATE] * 30, "cuda")))
    on_cpu = frames(samples)
    same = np.isclose(on_gpu.f0_hz, on_cpu.f0_hz, rtol=1e-3)
    assert np.mean(same) > 0.999  # a tie between two paths may fall the other way
    np.testing.assert_allclose(on_gpu.rms_db, on_cpu.rms_db, atol=1e-2)
    np.testing.assert_allclose(on_gpu.centroid_hz, on_cpu.centroid_hz, atol=1)
    np.testing.assert_allclose(on_gpu.flatness, on_cpu.flatness, atol=1e-3)
