"""Biquads as blocks of FFT: as scipy's recursion, the same for any chunking, on the CPU and a GPU.

Tolerances, for |x| <= 1: 1e-5 of scipy.signal.sosfilt in 64 bits, 1e-5 between chunkings, 1e-5 between
devices; K-weighting at 16 kHz within 0.1 dB of that at 48 kHz.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import sosfilt, sosfreqz

from operators.audio.filters import AUDIBLE, Filter, Sections, high_pass, k_weighting, response
from operators.audio.tensor_chunks import TensorChunk
from stream_engine.clock import RATE
from stream_engine.testing import check_restart, run
from tests.test_tensor_steps import Comparable, Samples, speech_like, tensors, whole

TOLERANCE = 1e-5
SECTIONS = {"high-pass": high_pass(80), "K-weighting": k_weighting()}
SIGNALS = {
    "speech-like": speech_like(6),
    "constant": np.ones(3 * RATE, np.float32),
    "square of 60 Hz": np.sign(np.sin(np.arange(3 * RATE) * 2 * np.pi * 60 / RATE)).astype(np.float32),
}


def gains_db(sections: Sections, hertz: list[float], rate: int = RATE) -> Samples:
    return 20 * np.log10(np.abs(sosfreqz(sections, hertz, fs=rate)[1]))


def test_the_high_pass_is_a_butterworth_of_the_second_order() -> None:
    assert gains_db(high_pass(80), [20, 40, 80, 160, 1000]).tolist() == pytest.approx(
        [-24.1, -12.3, -3.01, -0.26, 0], abs=0.05
    )


def test_k_weighting_at_48_khz_has_the_digits_of_bs_1770() -> None:
    standard = [
        [1.53512485958697, -2.69169618940638, 1.19839281085285, 1, -1.69065929318241, 0.73248077421585],
        [1, -2, 1, 1, -1.99004745483398, 0.99007225036621],
    ]
    assert np.abs(k_weighting(48_000) - standard).max() < 1e-13


@pytest.mark.parametrize("rate", [16_000, 44_100])
def test_k_weighting_at_another_rate_weighs_as_at_48_khz(rate: int) -> None:
    hertz = np.geomspace(20, 7_800, 300).tolist()
    away = gains_db(k_weighting(rate), hertz, rate) - gains_db(k_weighting(48_000), hertz, 48_000)
    assert np.abs(away).max() < 0.1


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize("name", SECTIONS)
@pytest.mark.parametrize("size", [320, 16_000, 10**9])
def test_filtered_in_blocks_is_filtered_by_recursion(name: str, signal: str, size: int) -> None:
    samples, sections = SIGNALS[signal], SECTIONS[name]
    expected = sosfilt(sections, samples.astype(np.float64))
    found = whole(Filter(sections=sections), samples, [size] * (len(samples) // size))
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() <= TOLERANCE


@settings(max_examples=25, deadline=None)
@given(
    cut=st.lists(st.integers(1, 9_000), max_size=12),
    seed=st.integers(0, 9),
    name=st.sampled_from(sorted(SECTIONS)),
)
def test_any_chunking_gives_the_same_samples_chunk_by_chunk(cut: list[int], seed: int, name: str) -> None:
    samples, sections = speech_like(2, seed), SECTIONS[name]
    items = tensors(samples, cut)
    out = run(Filter(sections=sections), items)
    assert [(chunk.start, chunk.end) for chunk in out] == [(chunk.start, chunk.end) for chunk in items]
    found = torch.cat([chunk.samples for chunk in out]).numpy()
    assert np.abs(found - whole(Filter(sections=sections), samples)).max() <= TOLERANCE


def test_an_empty_chunk_is_an_empty_chunk() -> None:
    step = Filter(sections=high_pass(80))
    assert [len(chunk.samples) for chunk in step.feed(TensorChunk(0, torch.zeros(0)))] == [0]


@pytest.mark.parametrize("name", SECTIONS)
def test_filtering_goes_on_after_a_restart(name: str) -> None:
    items = tensors(speech_like(1, 2), [1, 700, 3000, 1, 5000])
    check_restart(lambda state: Comparable(Filter(sections=SECTIONS[name], state=state)), items)


def test_the_input_stays_as_it_is() -> None:
    items = tensors(speech_like(), [5_000] * 10)
    before = [item.samples.clone() for item in items]
    run(Filter(sections=k_weighting()), items)
    assert all(torch.equal(item.samples, kept) for item, kept in zip(items, before, strict=True))


@pytest.mark.parametrize("name", SECTIONS)
def test_a_response_ends_where_it_cannot_be_heard_any_more(name: str) -> None:
    found = np.abs(response(SECTIONS[name]))
    longer = np.abs(sosfilt(SECTIONS[name], np.eye(1, 50_000)[0]))
    assert found[-1] >= AUDIBLE * found.max() > longer[len(found) :].max()


@pytest.mark.parametrize("radius", [1.0, 1.5])
def test_sections_whose_response_does_not_die_away_are_refused(radius: float) -> None:
    with pytest.raises(ValueError, match="longer than"):
        Filter(sections=np.array([[1, 0, 0, 1, 0, -(radius**2)]]))


@pytest.mark.parametrize("shape", [(6,), (2, 5), (0, 6)])
def test_what_is_no_cascade_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected \[sections, 6\]"):
        Filter(sections=np.zeros(shape))


@pytest.mark.needs_gpu
@pytest.mark.parametrize("name", SECTIONS)
def test_a_gpu_filters_as_the_cpu_does(name: str) -> None:
    samples, cut = speech_like(20), [RATE] * 30
    here, there = (whole(Filter(sections=SECTIONS[name]), samples, cut, device) for device in ("cpu", "cuda"))
    assert np.abs(here - there).max() <= TOLERANCE
