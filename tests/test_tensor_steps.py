"""Silence, level and spectrogram on tensors: as offline, the same for any chunking, on the CPU and a GPU.

Tolerances: log-mel 1e-4 of Whisper's own and 1e-5 between chunkings; on a GPU silences the same, samples
within 1e-6, log-mel within 1e-3 (of numbers from -10 to 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.audio.intake import Intake
from operators.audio.log_mel import BINS, LogMel, whisper_scale
from operators.audio.normalise import BLOCK, Normalise, normalised
from operators.audio.silence import FRAME, Silence, SilenceDetector, levels_db, trimmed
from operators.audio.tensor_chunks import Download, TensorChunk, Transfers, Upload
from operators.audio.tensor_intake import TensorIntake
from stream_engine.clock import RATE
from stream_engine.events import SourceChunk
from stream_engine.operator import Operator, chain
from stream_engine.testing import check_restart, chunked, run

Samples = NDArray[np.float32]
sizes = st.lists(st.integers(1, 9_000), max_size=12)


def speech_like(seconds: float = 2.0, seed: int = 0) -> Samples:
    """Noise in syllables, some of them loud, with pauses."""
    random = np.random.default_rng(seed)
    count = int(seconds * RATE)
    level = np.repeat(random.choice([0, 0.003, 0.05, 0.4, 0.9], count // 2000 + 1), 2000)[:count]
    return (random.uniform(-1, 1, count) * level).astype(np.float32)


def tensors(samples: Samples, cut: Iterable[int], device: str = "cpu") -> list[TensorChunk]:
    upload = Upload(device=device)
    return [tensor for chunk in chunked(samples, cut) for tensor in upload.feed(chunk)]


def whole(operator: Any, samples: Samples, cut: Iterable[int] = (), device: str = "cpu") -> Samples:
    """What a step gives, joined."""
    out = run(operator, tensors(samples, cut, device))
    parts = [item.samples if isinstance(item, TensorChunk) else item.values for item in out]
    return torch.cat(parts).cpu().numpy() if parts else np.zeros(0, np.float32)


class Comparable:
    """A step whose tensors are compared by value."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def feed(self, item: TensorChunk) -> Iterator[Any]:
        return ((out[0], out[1].numpy().tobytes()) for out in self.inner.feed(item))

    def flush(self) -> Iterator[Any]:
        return ((out[0], out[1].numpy().tobytes()) for out in self.inner.flush())

    @property
    def state(self) -> object:
        return self.inner.state


# --- silence -------------------------------------------------------------------------------------


def test_silences_are_found_by_level_and_length() -> None:
    samples = np.full(5 * RATE, 0.1, np.float32)
    samples[RATE : 2 * RATE] = 0.001  # -60 dB
    samples[3 * RATE : 3 * RATE + RATE // 4] = 0  # too short
    samples[4 * RATE :] = 0
    found = run(SilenceDetector(), tensors(samples, []))
    assert found == [Silence(RATE, 2 * RATE), Silence(4 * RATE, 5 * RATE)]
    assert run(SilenceDetector(threshold_db=-70), tensors(samples, [])) == [Silence(4 * RATE, 5 * RATE)]
    assert len(run(SilenceDetector(shortest_s=0.2), tensors(samples, []))) == 3


@settings(max_examples=25, deadline=None)
@given(cut=sizes, seed=st.integers(0, 9), seconds=st.floats(0, 2))
def test_any_chunking_gives_the_same_silences(cut: list[int], seed: int, seconds: float) -> None:
    samples = speech_like(seconds, seed)
    detect = {"shortest_s": 0.1}
    expected = run(SilenceDetector(**detect), tensors(samples, []))
    assert run(SilenceDetector(**detect), tensors(samples, cut)) == expected


def test_silence_detection_goes_on_after_a_restart() -> None:
    items = tensors(speech_like(1, 3), [700, 3000, 1, 5000])
    check_restart(lambda state: SilenceDetector(shortest_s=0.1, state=state), items)


def test_levels_are_decibels_of_full_scale() -> None:
    tone = torch.full((2 * FRAME,), 0.1)
    tone[FRAME:] = 0
    assert levels_db(tone).tolist() == pytest.approx([-20, -100], abs=1e-3)


def test_trimming_takes_silence_from_both_ends_and_leaves_what_is_between() -> None:
    samples = torch.zeros(10 * FRAME)
    samples[3 * FRAME : 4 * FRAME] = samples[6 * FRAME : 7 * FRAME] = 0.5
    assert torch.equal(trimmed(samples), samples[3 * FRAME : 7 * FRAME])
    assert len(trimmed(torch.zeros(500))) == 0
    samples[:FRAME] = 0.003  # -50 dB
    assert torch.equal(trimmed(samples), samples[3 * FRAME : 7 * FRAME])
    kept = trimmed(samples, threshold_db=-60)
    assert torch.equal(kept, samples[: 7 * FRAME])
    assert kept.data_ptr() == samples.data_ptr(), "a copy"


# --- level ---------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(cut=sizes, seed=st.integers(0, 9), seconds=st.floats(0, 2))
def test_any_chunking_gives_the_very_same_level(cut: list[int], seed: int, seconds: float) -> None:
    samples = speech_like(seconds, seed)
    out = whole(Normalise(), samples, cut)
    assert np.array_equal(out, whole(Normalise(), samples))
    assert len(out) == len(samples)


@pytest.mark.parametrize("seed", range(5))
def test_no_sample_goes_above_the_target_and_the_loudest_comes_near_it(seed: int) -> None:
    out = whole(Normalise(target=0.5), speech_like(6, seed), [3_000] * 100)
    assert np.abs(out).max() <= 0.5 + 1e-6
    assert np.abs(out).max() > 0.45


def test_soft_speech_is_lifted_but_no_more_than_is_allowed_and_silence_stays_silence() -> None:
    soft = 0.1 * speech_like(4, 1)
    assert np.abs(whole(Normalise(), soft)).max() == pytest.approx(0.9, rel=0.05)
    assert np.abs(whole(Normalise(most_db=6), soft) - soft * 10**0.3).max() < 1e-6
    assert not whole(Normalise(), np.zeros(RATE, np.float32)).any()


def test_the_gain_does_not_jump() -> None:
    steps = np.full(4 * RATE, 0.1, np.float32)
    steps[2 * RATE :] = 0.8
    gain = whole(Normalise(), steps) / steps
    assert np.abs(np.diff(gain)).max() < 2 * gain.max() / BLOCK


def test_level_goes_on_after_a_restart() -> None:
    items = tensors(speech_like(1, 2), [700, 3000, 1, 5000])
    check_restart(lambda state: Comparable(Normalise(state=state)), items)


def test_offline_one_factor_brings_the_peak_to_the_target() -> None:
    samples = torch.tensor([0.1, -0.2, 0.05])
    assert normalised(samples, target=0.8).tolist() == pytest.approx([0.4, -0.8, 0.2])
    assert not normalised(torch.zeros(3)).any()


@pytest.mark.parametrize("wrong", [{"target": 0}, {"target": 1.5}, {"release_db_s": -1}])
def test_impossible_levels_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="target"):
        Normalise(**wrong)


# --- spectrogram ---------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [201, 4_000, 16_000, 33_333])
def test_streamed_log_mel_is_whispers_own(frames: int) -> None:
    from faster_whisper.feature_extractor import FeatureExtractor

    samples = speech_like(3)[:frames]
    expected: Any = FeatureExtractor()(samples, padding=0)
    streamed = whole(LogMel(), samples, [320] * 200)
    found = whisper_scale(torch.from_numpy(streamed)).numpy()
    assert found.shape == (BINS, frames // 160)
    assert np.abs(found - expected[:, : found.shape[1]]).max() <= 1e-4


@settings(max_examples=25, deadline=None)
@given(cut=sizes, seed=st.integers(0, 9), frames=st.integers(201, 30_000))
def test_any_chunking_gives_the_same_log_mel(cut: list[int], seed: int, frames: int) -> None:
    samples = speech_like(2, seed)[:frames]
    expected, found = whole(LogMel(), samples), whole(LogMel(), samples, cut)
    assert found.shape == expected.shape == (frames // 160, BINS)
    assert np.abs(found - expected).max() <= 1e-5


def test_log_mel_goes_on_after_a_restart() -> None:
    items = tensors(speech_like(0.5), [100, 700, 3000, 1])
    check_restart(lambda state: Comparable(LogMel(state=state)), items)


@pytest.mark.parametrize("frames", [0, 1, 159, 200])
def test_what_is_too_short_to_be_mirrored_has_no_spectrogram(frames: int) -> None:
    assert whole(LogMel(), speech_like(1)[:frames]).size == 0


# --- intake --------------------------------------------------------------------------------------


def delivered(samples: Samples, rate: int, cut: Iterable[int]) -> list[SourceChunk]:
    return [
        SourceChunk(start=chunk.start, rate=rate, samples=chunk.samples) for chunk in chunked(samples, cut)
    ]


@settings(max_examples=25, deadline=None)
@given(cut=sizes, rate=st.sampled_from((8_000, 16_000, 44_100, 48_000)), channels=st.integers(1, 3))
def test_intake_on_tensors_is_intake(cut: list[int], rate: int, channels: int) -> None:
    samples = np.random.default_rng(0).uniform(-0.9, 0.9, (20_000, channels)).astype(np.float32)
    expected = np.concatenate([chunk.samples for chunk in run(Intake(), delivered(samples, rate, []))])
    out = run(TensorIntake(), delivered(samples, rate, cut))
    assert [chunk.start for chunk in out] == [0, *np.cumsum([len(c.samples) for c in out])[:-1].tolist()]
    found = torch.cat([chunk.samples for chunk in out]).numpy()
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() <= 1e-5


def test_intake_on_tensors_goes_on_after_a_restart() -> None:
    samples = np.random.default_rng(1).uniform(-0.9, 0.9, (9_000, 2)).astype(np.float32)
    items: Any = delivered(samples, 44_100, [700, 2000, 1, 3000])
    check_restart(lambda state: Comparable(TensorIntake(state=state)), items)


def test_intake_on_tensors_refuses_a_rate_that_changes() -> None:
    items = [
        *delivered(np.zeros((9, 1), np.float32), 8_000, []),
        *delivered(np.zeros((9, 1), np.float32), 44_100, []),
    ]
    with pytest.raises(ValueError, match="rate changed"):
        run(TensorIntake(), items)


# --- devices -------------------------------------------------------------------------------------


def test_steps_are_chained_at_will_and_on_the_cpu_nothing_is_moved() -> None:
    moved = Transfers()
    steps: Operator[Any, Any] = chain(
        Upload(transfers=moved), chain(Normalise(target=0.5), Download(transfers=moved))
    )
    samples = speech_like()
    out = run(steps, chunked(samples, [4_000] * 10))
    assert np.array_equal(np.concatenate([c.samples for c in out]), whole(Normalise(target=0.5), samples))
    assert (moved.to_device, moved.to_host, moved.bytes) == (0, 0, 0)
    assert not any(chunk.samples.flags.writeable for chunk in out)


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_each_chunk_moves_to_another_device_once_and_stays_there(rate: int) -> None:
    """The device `meta` has shapes and no samples: to come back is an error there."""
    moved = Transfers()
    items = delivered(np.zeros((2 * rate, 2), np.float32), rate, [rate // 2] * 3)
    out = run(TensorIntake(device="meta", transfers=moved), items)
    assert sum(len(chunk.samples) for chunk in out) == 2 * RATE
    assert {chunk.samples.device.type for chunk in out} == {"meta"}
    assert (moved.to_device, moved.to_host) == (len(items), 0)
    assert moved.bytes == sum(item.samples.nbytes for item in items)
    items = list(chunked(np.zeros(2 * RATE, np.float32), [RATE // 2] * 3))
    steps: Operator[Any, Any] = chain(Upload(device="meta", transfers=moved), Spied())
    assert run(steps, items) == ["meta"] * len(items)
    assert moved.to_device == 2 * len(items)


class Spied:
    """Tells where the tensors are."""

    def feed(self, item: TensorChunk) -> Iterator[str]:
        yield item.samples.device.type

    def flush(self) -> Iterator[str]:
        return iter(())


def test_steps_leave_their_input_as_it_is() -> None:
    items = tensors(speech_like(), [5_000] * 10)
    before = [item.samples.clone() for item in items]
    for operator in (Normalise(), SilenceDetector(), LogMel()):
        run(operator, items)
    assert all(torch.equal(item.samples, kept) for item, kept in zip(items, before, strict=True))


@pytest.mark.needs_gpu
def test_a_gpu_gives_what_the_cpu_gives_and_each_chunk_moves_there_once() -> None:
    samples, cut = speech_like(20), [RATE] * 30
    here, there = (run(SilenceDetector(), tensors(samples, cut, device)) for device in ("cpu", "cuda"))
    assert here == there
    level = [whole(Normalise(), samples, cut, device) for device in ("cpu", "cuda")]
    assert np.abs(level[0] - level[1]).max() <= 1e-6
    mel = [whole(LogMel(), samples, cut, device) for device in ("cpu", "cuda")]
    assert np.abs(mel[0] - mel[1]).max() <= 1e-3
    moved = Transfers()
    steps: Operator[Any, Any] = chain(
        TensorIntake(device="cuda", transfers=moved), chain(Normalise(), LogMel())
    )
    stereo = np.repeat(samples[:, None], 2, 1)
    values = torch.cat([frames.values for frames in run(steps, delivered(stereo, 16_000, cut))])
    assert np.abs(values.cpu().numpy() - whole(LogMel(), level[0])).max() <= 1e-3
    assert (moved.to_device, moved.to_host, moved.bytes) == (20, 0, stereo.nbytes)
