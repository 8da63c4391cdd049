"""Health, down-mix and resample: the same for any chunking, restartable, and right.

Tolerance: streaming resample within 1e-5 of julius' offline result.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from julius.resample import resample_frac
from numpy.typing import NDArray

from operators.audio.downmix import DownMix
from operators.audio.health import Health
from operators.audio.intake import Intake
from operators.audio.resample import ROWS, Resample
from stream_engine.events import Chunk, SourceChunk
from stream_engine.testing import check_restart, run

TOLERANCE = 1e-5
RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000)
cuts = st.lists(st.integers(1, 5000), max_size=12)


def noise(frames: int, channels: int = 1, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-0.9, 0.9, (frames, channels)).astype(np.float32)


def source_chunks(samples: NDArray[np.float32], rate: int, sizes: Sequence[int]) -> list[SourceChunk]:
    edges = [0, *(int(edge) for edge in np.cumsum(sizes) if edge < len(samples)), len(samples)]
    return [SourceChunk(start=start, rate=rate, samples=samples[start:end]) for start, end in pairwise(edges)]


def joined(chunks: Iterable[Chunk | SourceChunk]) -> NDArray[np.float32]:
    chunks = list(chunks)
    for before, after in pairwise(chunks):
        assert after.start == before.end
    return np.concatenate([chunk.samples for chunk in chunks])


class Comparable:
    """An operator whose chunks are compared by value."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def feed(self, item: SourceChunk) -> Iterable[tuple[int, bytes]]:
        return [(chunk.start, chunk.samples.tobytes()) for chunk in self.inner.feed(item)]

    def flush(self) -> Iterable[tuple[int, bytes]]:
        return [(chunk.start, chunk.samples.tobytes()) for chunk in self.inner.flush()]

    @property
    def state(self) -> object:
        return self.inner.state


# --- resample ------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", RATES)
def test_streaming_resample_equals_julius_offline(rate: int) -> None:
    samples = noise(rate // 2 + 137)
    offline = resample_frac(torch.from_numpy(samples[:, 0]), rate, 16_000).numpy()
    streamed = joined(run(Resample(), source_chunks(samples, rate, [rate // 50] * 30)))
    assert len(streamed) == len(offline) == len(samples) * 16_000 // rate
    assert np.abs(streamed - offline).max() <= TOLERANCE


@settings(max_examples=25, deadline=None)
@given(sizes=cuts, rate=st.sampled_from((8_000, 44_100, 48_000)), frames=st.integers(1, 20_000))
def test_any_chunking_resamples_to_the_very_same_samples(sizes: list[int], rate: int, frames: int) -> None:
    samples = noise(frames)
    whole = run(Resample(), source_chunks(samples, rate, []))
    parts = run(Resample(), source_chunks(samples, rate, sizes))
    expected = joined(whole) if whole else np.zeros(0, np.float32)
    assert np.array_equal(joined(parts) if parts else np.zeros(0, np.float32), expected)


def test_hours_of_input_do_not_drift() -> None:
    # A state as after ten hours: positions are integers, so the next second is as exact as the first.
    operator = Resample()
    list(operator.feed(SourceChunk(start=0, rate=44_100, samples=noise(44_100))))
    state = operator.state
    block_in, block_out = ROWS * 441, ROWS * 160
    blocks = 10 * 3600 * 16_000 // block_out
    later = msgspec.structs.replace(
        state, received=state.received + blocks * block_in, sent=state.sent + blocks * block_out
    )
    next_second = SourceChunk(start=0, rate=44_100, samples=noise(44_100, seed=1))
    out, expected = run(Resample(state=later), [next_second]), run(Resample(state=state), [next_second])
    assert out[0].start == expected[0].start + blocks * block_out
    assert out[-1].end == blocks * block_out + 2 * 16_000
    assert np.array_equal(joined(out), joined(expected))


def test_resample_goes_on_after_a_restart() -> None:
    items = source_chunks(noise(9000), 44_100, [700, 2000, 1, 3000])
    check_restart(lambda state: Comparable(Resample(state=state)), items)


def test_resample_output_is_read_only_and_its_input_unchanged() -> None:
    samples = noise(20_000)
    before = samples.copy()
    out = run(Resample(), source_chunks(samples, 16_000, [100]))
    assert not any(chunk.samples.flags.writeable for chunk in out)
    assert samples.flags.writeable
    assert np.array_equal(samples, before)


def test_resample_refuses_what_it_cannot_do() -> None:
    with pytest.raises(ValueError, match="let ffmpeg"):
        list(Resample().feed(SourceChunk(start=0, rate=44_099, samples=noise(10))))
    with pytest.raises(ValueError, match=r"\[frames, 1\]"):
        list(Resample().feed(SourceChunk(start=0, rate=44_100, samples=noise(10, 2))))
    operator = Resample()
    list(operator.feed(SourceChunk(start=0, rate=44_100, samples=noise(10))))
    with pytest.raises(ValueError, match="changed from 44100 to 48000"):
        list(operator.feed(SourceChunk(start=10, rate=48_000, samples=noise(10))))


# --- down-mix ------------------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_down_mix_is_the_mean_of_the_channels(channels: int) -> None:
    samples = noise(4000, channels)
    mixed = joined(run(DownMix(), source_chunks(samples, 48_000, [1, 999])))
    assert mixed.shape == (4000, 1)
    assert np.abs(mixed[:, 0] - samples.mean(axis=1)).max() <= 1e-6


# --- health --------------------------------------------------------------------------------------


def health_of(samples: NDArray[np.float32], rate: int = 16_000, sizes: Sequence[int] = ()) -> Any:
    operator = Health()
    run(operator, source_chunks(samples, rate, sizes))
    return operator.summary


@settings(max_examples=40, deadline=None)
@given(sizes=cuts, channels=st.integers(1, 3))
def test_any_chunking_gives_the_same_health(sizes: list[int], channels: int) -> None:
    samples = noise(9000, channels) * np.float32(1.2)
    samples[100:110] = 1.0
    whole, parts = health_of(samples), health_of(samples, sizes=sizes)
    for name in whole.__struct_fields__:
        assert getattr(parts, name) == pytest.approx(getattr(whole, name), abs=2e-5), name


def test_health_goes_on_after_a_restart() -> None:
    samples = noise(5000, 2) * np.float32(1.2)
    items = source_chunks(samples, 16_000, [100, 1000, 321, 2000])
    for at in range(len(items)):
        first = Health()
        for item in items[:at]:
            list(first.feed(item))
        saved = msgspec.msgpack.decode(msgspec.msgpack.encode(first.state), type=type(first.state))
        second = Health(state=saved)
        run(second, items[at:])
        assert second.summary == health_of(samples, sizes=[100, 1000, 321, 2000])


def test_health_passes_clean_audio_through_untouched() -> None:
    items = source_chunks(noise(3000, 2), 44_100, [1000])
    assert all(out is item for out, item in zip(run(Health(), items), items, strict=True))


def test_nan_and_infinity_become_silence_and_are_counted() -> None:
    samples = noise(3000)
    samples[10], samples[20], samples[30] = np.nan, np.inf, -np.inf
    operator = Health()
    out = joined(run(operator, source_chunks(samples, 16_000, [15])))
    assert np.isfinite(out).all()
    assert out[[10, 20, 30]].tolist() == [[0.0]] * 3
    assert operator.summary.nan_or_inf == 3
    assert operator.summary.peak < 1
    assert np.isnan(samples[10])


def test_clipping_is_counted_in_samples_and_runs_per_channel() -> None:
    samples = np.zeros((2000, 2), np.float32)
    samples[100:105, 0] = 1.0  # a run
    samples[300:302, 0] = -1.0  # too short for one
    samples[400:403, 1] = 1.0  # a run in the other channel
    found = health_of(samples, sizes=[103, 199])
    assert (found.clipped_samples, found.clipped_runs) == (10, 2)


def test_levels_of_a_sine_are_what_the_definitions_say() -> None:
    time = np.arange(16_000 * 4) / 16_000
    tone = (0.5 * np.sin(2 * np.pi * 400 * time)).astype(np.float32)
    tone[: 16_000 * 2] *= 0.01  # 40 dB lower in the first half
    found = health_of((tone + np.float32(0.001))[:, None])
    assert found.peak == pytest.approx(0.501, abs=1e-3)
    assert found.dc_offset == pytest.approx(0.001, abs=1e-6)
    assert found.rms_db == pytest.approx(10 * np.log10(0.125 / 2), abs=0.05)
    assert found.snr_db == pytest.approx(37, abs=0.5)
    expected = np.percentile(np.abs(tone + np.float32(0.001)), [5, 95])  # as recorded, with the offset
    assert found.dynamic_range_db == pytest.approx(20 * np.log10(expected[1] / expected[0]), abs=1.0)
    assert found.silence_ratio == pytest.approx(np.mean(np.abs(tone) < 0.001), abs=1e-3)


@pytest.mark.parametrize("offset", [0.02, -0.1, 0.3])
def test_a_constant_offset_is_measured_and_taken_for_neither_noise_nor_sound(offset: float) -> None:
    voice = noise(16_000 * 4, 2) * np.float32(0.1)
    voice[:16_000] *= np.float32(0.003)  # -70 dBFS before anybody speaks
    clean, found = health_of(voice), health_of(voice + np.float32(offset))
    assert found.dc_offset == pytest.approx(offset, abs=1e-3)
    assert clean.snr_db > 30
    assert found.snr_db == pytest.approx(clean.snr_db, abs=0.2)
    assert found.silence_ratio == pytest.approx(clean.silence_ratio, abs=1e-3)


def test_digital_silence_has_no_levels_and_no_error() -> None:
    found = health_of(np.zeros((16_000, 1), np.float32))
    assert (found.peak, found.silence_ratio, found.rms_db, found.snr_db) == (0.0, 1.0, None, None)
    assert health_of(np.zeros((0, 1), np.float32)).duration_s == 0


# --- intake --------------------------------------------------------------------------------------


def test_intake_gives_clean_mono_at_16_khz_and_measures_what_came() -> None:
    samples = noise(44_100, 2)
    samples[5] = np.nan
    operator = Intake()
    out = joined(run(operator, source_chunks(samples, 44_100, [4410] * 10)))
    assert out.shape == (16_000,)
    assert np.isfinite(out).all()
    assert operator.health["rate"] == 44_100
    assert operator.health["channels"] == 2
    assert operator.health["nan_or_inf"] == 2


def test_intake_goes_on_after_a_restart() -> None:
    items = source_chunks(noise(9000, 2), 44_100, [700, 2000, 1, 3000])
    check_restart(lambda state: Comparable(Intake(state=state)), items)
