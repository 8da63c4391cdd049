"""Each link of the signal chain by itself, against numpy and scipy on the whole array, and what it promises.

Tolerances: samples within 1e-6 of the reference; gains within 1e-9 dB between chunkings; K-weighted loudness
on the spectrum within 0.1 LU of the filter's on speech.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.audio.compressor import Compressor
from operators.audio.levels import FrameLevels, Levels
from operators.audio.limiter import Limiter
from operators.audio.loudness_gain import LoudnessGain, legacy_lufs
from operators.audio.processed_view import processed
from operators.audio.stft import Stft
from operators.audio.upward_gain import UpwardGain
from stream_engine.clock import RATE
from stream_engine.testing import chunked, restarted, run
from tests import old_chain
from tests.speech import CALL, READING
from tests.test_loudness import as_samples, at_once, pcm, tone
from tests.test_tensor_steps import speech_like, tensors, whole

GAINS: dict[str, Callable[..., Any]] = {
    "gain": UpwardGain,
    "compression": Compressor,
    "loudness": LoudnessGain,
}
REFERENCE = 1e-6


def levels_of(samples: np.ndarray[Any, np.dtype[np.float32]]) -> Levels:
    (spectra, *more) = run(Stft(), chunked(samples, []))
    measure = FrameLevels()
    return joined([measure(item) for item in (spectra, *more)])


def joined(items: list[Levels]) -> Levels:
    ends = [item.frame + item.frames for item in items]
    assert [item.frame for item in items[1:]] == ends[:-1]
    return Levels(
        items[0].frame, *(np.concatenate(rows) for rows in zip(*(i[1:] for i in items), strict=True))
    )


def pieces(levels: Levels, cut: Sequence[int]) -> list[Levels]:
    edges = [0, *itertools.accumulate(cut), levels.frames]
    spans = [(a, min(b, levels.frames)) for a, b in itertools.pairwise(edges) if a < levels.frames]
    return [Levels(levels.frame + a, *(row[a:b] for row in levels[1:])) for a, b in spans]


@settings(max_examples=20, deadline=None)
@given(
    cut=st.lists(st.integers(1, 60), max_size=20), name=st.sampled_from(sorted(GAINS)), at=st.integers(0, 20)
)
def test_any_chunking_and_any_restart_give_the_same_gains(cut: list[int], name: str, at: int) -> None:
    levels = levels_of(speech_like(4, 5))
    expected = joined(run(GAINS[name](), [levels]))
    items = pieces(levels, cut)
    again = restarted(lambda state: GAINS[name](state=state), items, min(at, len(items)))
    for found in (joined(run(GAINS[name](), items)), joined(again)):
        for ours, theirs in zip(found[1:], expected[1:], strict=True):
            assert np.abs(ours - theirs).max() <= 1e-9


# --- each against its reference --------------------------------------------------------------------


@pytest.mark.parametrize("path", [CALL, READING])
def test_links_alone_are_those_of_the_reference(path: Any) -> None:
    samples = as_samples(pcm(path))
    exact = samples.astype(np.float64)
    levels = old_chain.Transform().levels(exact)
    raised = exact * old_chain.over_samples(old_chain.smoothed(old_chain.upward(levels), 0.25), len(exact))
    pressed = exact * old_chain.over_samples(
        old_chain.smoothed(old_chain.compression(levels), 0.05), len(exact)
    )
    expected = {"high-pass": old_chain.high_passed(exact), "gain": raised, "compression": pressed}
    for link, reference in expected.items():
        assert np.abs(processed(samples, links=(link,)) - reference).max() <= REFERENCE, link


def test_the_gate_of_the_upward_gain_can_jump_as_the_old_one_did() -> None:
    levels = np.array([-60.0, -46, -45.001, -44.999, -41, -30, -23, -10])
    assert UpwardGain(gate_db=0).wanted(levels).tolist() == pytest.approx([0, 0, 0, 18, 18, 7, 0, 0])
    assert np.allclose(UpwardGain(gate_db=0).wanted(levels), old_chain.upward(levels, 0))
    assert UpwardGain().wanted(levels)[:5].tolist() == pytest.approx([0, 6, 8.997, 9.003, 18])


def test_compression_takes_half_of_what_is_above_the_threshold_and_bends_at_the_knee() -> None:
    gains = Compressor().wanted(np.array([-50.0, -29, -26, -23, -6]))
    assert gains.tolist() == pytest.approx([0, 0, -0.375, -1.5, -10])
    assert Compressor(knee_db=0, ratio=4).wanted(np.array([-26.0, -6])).tolist() == pytest.approx([0, -15])


# --- loudness --------------------------------------------------------------------------------------


def gated(levels: Levels) -> float:
    """BS.1770 of the K-weighted powers of frames."""
    hops = levels.power[: levels.frames // 10 * 10].reshape(-1, 10).mean(1)
    powers = np.convolve(hops, np.ones(4) / 4, "valid")
    heard = powers[-0.691 + 10 * np.log10(powers) > -70]
    above = heard[10 * np.log10(heard) > 10 * np.log10(heard.mean()) - 10]
    return float(-0.691 + 10 * np.log10(above.mean()))


@pytest.mark.parametrize("path", [CALL, READING])
def test_loudness_on_the_spectrum_is_that_of_the_filter(path: Any) -> None:
    samples = as_samples(pcm(path))
    assert gated(levels_of(samples)) == pytest.approx(at_once(samples), abs=0.1)


@pytest.mark.parametrize(("lufs", "gain"), [(-30, 10), (-20, 0), (-14, -6), (-40, 12), (-3.01, -12)])
def test_a_tone_is_brought_to_the_target_by_12_db_at_most(lufs: float, gain: float) -> None:
    found = joined(run(LoudnessGain(), [levels_of(tone(lufs, 7))])).gain
    assert found[-50:] == pytest.approx(gain, abs=0.15)
    assert found[:40] == pytest.approx(0)  # nothing is known yet
    assert np.abs(np.diff(found)).max() <= 0.0301  # 3 dB a second


def test_pauses_do_not_move_the_loudness_and_silence_is_not_made_louder() -> None:
    speech, pause = tone(-30, 8), np.zeros(20 * RATE, np.float32)
    gains = joined(run(LoudnessGain(), [levels_of(np.concatenate((speech, pause)))])).gain
    assert gains[700:] == pytest.approx(10, abs=0.15)
    assert joined(run(LoudnessGain(), [levels_of(pause)])).gain == pytest.approx(0)


def test_who_is_soft_for_long_is_heard_after_who_was_loud_for_longer() -> None:
    levels = levels_of(np.concatenate((tone(-20, 120), tone(-29, 120))))
    found = joined(run(LoudnessGain(half_life_s=20), [levels])).gain
    assert found[12_000] == pytest.approx(0, abs=0.15)
    assert found[-1] == pytest.approx(9, abs=0.5)


def test_the_old_lufs_is_the_mean_of_the_louder_windows() -> None:
    samples = as_samples(pcm(CALL))
    frames = [samples[at : at + 6_400].astype(float) for at in range(0, len(samples) - 6_399, 1_600)]
    levels = np.array([20 * np.log10(np.sqrt(np.mean(frame**2))) for frame in frames])
    assert legacy_lufs(samples) == pytest.approx(levels[levels > levels.mean() - 10].mean(), abs=1e-6)
    assert legacy_lufs(tone(-23, 2, hertz=50)) == pytest.approx(-23, abs=0.01)  # no K-weighting
    assert legacy_lufs(samples[:6_000]) is None


# --- limiter ---------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(cut=st.lists(st.integers(1, 9_000), max_size=12), seed=st.integers(0, 99), gain=st.floats(0.1, 30))
def test_no_sample_goes_above_the_ceiling(cut: list[int], seed: int, gain: float) -> None:
    samples = (speech_like(1, seed) * np.float32(gain)).astype(np.float32)
    out = whole(Limiter(), samples, cut)
    assert len(out) == len(samples)
    assert np.abs(out).max(initial=0) <= 0.95
    assert np.array_equal(out, whole(Limiter(), samples))


def test_what_is_below_the_ceiling_stays_bit_for_bit() -> None:
    samples = (speech_like(3, 2) * 0.9).astype(np.float32)
    assert np.array_equal(whole(Limiter(), samples, [999] * 99), samples)


def test_a_peak_is_limited_where_it_is() -> None:
    samples = np.full(4 * RATE, 0.2, np.float32)
    samples[2 * RATE] = 2.0
    out = whole(Limiter(), samples)
    assert out[2 * RATE] == pytest.approx(0.95, abs=1e-5)
    assert np.array_equal(out[: 2 * RATE - 160], samples[: 2 * RATE - 160])
    assert np.array_equal(out[2 * RATE + RATE // 8 :], samples[2 * RATE + RATE // 8 :])
    assert np.abs(np.diff(out[2 * RATE + 1 :])).max() < 0.002


def test_the_limiter_goes_on_after_a_restart() -> None:
    items = tensors((speech_like(1, 3) * 3).astype(np.float32), [700, 3000, 1, 5000])
    plain = run(Limiter(), items)
    for at in range(len(items) + 1):
        again = restarted(lambda state: Limiter(state=state), items, at)
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(again, plain, strict=True))
