"""Voice quality against Praat on real speech, and against voices of known flaws.

Margins of segments of 4 s of real speech: the median and the 90th percentile of the difference.
"""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from operators.prosody.cepstral_peak import fast_length
from operators.prosody.frames import FrameFeatures
from operators.prosody.pulses import jitter, pulses, shimmer
from operators.prosody.voice_quality import VoiceQuality, voice_quality
from stream_engine.clock import RATE
from stream_engine.testing import run
from tests.speech import CALL, READING
from tests.spoken import decoded
from tests.test_prosody_frames import spectra

torch = pytest.importorskip("torch")
MARGINS = {  # figure: median, 90th percentile
    "jitter_pct": (0.15, 0.6),
    "shimmer_db": (0.03, 0.12),
    "hnr_db": (0.4, 0.9),
    "cpps_db": (0.15, 0.4),
}


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def f0(samples: np.ndarray) -> np.ndarray:
    return np.concatenate([item.f0_hz for item in run(FrameFeatures(), spectra(samples))])


def segments(paths: list[Path]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """4 s of every 8, with a third of voice: Praat takes its time."""
    praat = pytest.importorskip("tests.praat")
    for path in paths:
        samples = praat.whole_frames(decoded(path))
        pitch = f0(samples)
        for start in range(0, len(pitch) - 399, 800):
            part = pitch[start : start + 400]
            if np.mean(part > 0) > 0.33:
                yield samples[start * 160 : (start + 400) * 160], part


def check_margins(paths: list[Path], least: int) -> None:
    praat = pytest.importorskip("tests.praat")
    ours, theirs = [], []
    for samples, pitch in segments(paths):
        found = msgspec.structs.asdict(voice_quality(samples, pitch))
        ours.append([found[name] for name in MARGINS])
        theirs.append(praat.voice(samples))
    assert len(ours) >= least
    away = np.abs(np.array(ours, float) - np.array(theirs))
    for (name, (middle, most)), column in zip(MARGINS.items(), away.T, strict=True):
        assert np.median(column) < middle, name
        assert np.percentile(column, 90) < most, name


def test_figures_are_those_of_praat() -> None:
    check_margins([CALL, READING], 6)


def test_figures_are_those_of_praat_on_the_data(data: Path) -> None:
    check_margins([data / "asr" / "jfk.wav", data / "diar" / "ami_EN2004a_0-30s.wav"], 3)


def train(periods: np.ndarray, heights: np.ndarray) -> np.ndarray:
    """A voice: two damped resonances struck at each pulse, at places between samples."""
    places = np.cumsum(periods)
    time = np.arange(round(places[-1] + 400))
    out = np.zeros(len(time))
    for place, height in zip(places, heights, strict=True):
        since = (time[int(place) + 1 : int(place) + 400] - place) / RATE
        out[int(place) + 1 : int(place) + 1 + len(since)] += height * (
            np.exp(-since * 400) * np.sin(2 * np.pi * 600 * since)
            + 0.5 * np.exp(-since * 600) * np.sin(2 * np.pi * 1200 * since)
        )
    return out * 0.3


def test_a_steady_voice_has_neither_jitter_nor_shimmer() -> None:
    wave = train(np.full(200, 133.3), np.ones(200))
    places = pulses(wave, np.full(len(wave) // 160, 120.0), rate=RATE)
    assert jitter(places, rate=RATE) < 0.002
    assert shimmer(wave, places, rate=RATE) == pytest.approx(0, abs=0.05)


def test_jitter_and_shimmer_are_those_that_were_put_in() -> None:
    random = np.random.default_rng(0)
    periods, heights = 133 * (1 + random.normal(0, 0.015, 300)), 10 ** random.normal(0, 0.02, 300)
    wave = train(periods, heights)
    places = pulses(wave, np.full(len(wave) // 160, RATE / 133), rate=RATE)
    assert len(places) == pytest.approx(300, abs=4)
    made = np.abs(np.diff(periods)).mean() / periods.mean()
    assert jitter(places, rate=RATE) == pytest.approx(made, rel=0.15)
    only_heights = train(np.full(300, 133.0), heights)
    places = pulses(only_heights, np.full(len(only_heights) // 160, RATE / 133), rate=RATE)
    made = 20 * np.abs(np.diff(np.log10(heights))).mean()
    assert shimmer(only_heights, places, rate=RATE) == pytest.approx(made, rel=0.15)


@pytest.mark.parametrize("ratio_db", [5, 10, 20])
def test_harmonics_to_noise_is_the_ratio_that_was_mixed(ratio_db: float) -> None:
    time = np.arange(2 * RATE) / RATE
    buzz = sum(np.sin(2 * np.pi * 160 * k * time + k * k) for k in range(1, 20)) * 0.02
    noise = np.random.default_rng(0).standard_normal(len(buzz)) * buzz.std() * 10 ** (-ratio_db / 20)
    found = voice_quality((buzz + noise).astype(np.float32), np.full(200, 160.0, np.float32))
    assert found.hnr_db == pytest.approx(ratio_db, abs=1)


def test_a_fast_length_is_the_next_that_scipy_knows() -> None:
    from scipy.fft import next_fast_len

    lengths = [*range(1, 3000), 123_457, 1_600_001]
    assert [fast_length(least) for least in lengths] == [next_fast_len(n, real=True) for n in lengths]


def test_a_breathy_voice_has_less_prominence() -> None:
    clear = train(np.full(200, 133.3), np.ones(200))
    breath = np.random.default_rng(0).standard_normal(len(clear)) * clear.std()
    pitch = np.full(len(clear) // 160, 120.0, np.float32)
    found = [
        voice_quality((clear + share * breath).astype(np.float32), pitch).cpps_db for share in (0.01, 0.3, 1)
    ]
    assert found == sorted(found, reverse=True)
    assert found[0] - found[2] > 5


def talk() -> tuple[np.ndarray, np.ndarray]:
    """2 s of the call with most voice, and its pitch."""
    samples, pitch = max(segments([CALL]), key=lambda pair: float(np.mean(pair[1] > 0)))
    return samples.copy(), pitch


def test_what_cannot_be_measured_says_why() -> None:
    samples, pitch = talk()
    assert voice_quality(samples[:9599], pitch) == VoiceQuality(reason="voice: shorter than 0.6 s")
    assert voice_quality(samples, pitch * 0) == VoiceQuality(reason="voice: nothing is voiced")
    assert voice_quality(np.zeros(RATE, np.float32), np.zeros(100)).reason == "voice: nothing is voiced"


def test_the_gate_names_what_is_wrong() -> None:
    samples, pitch = talk()
    good = voice_quality(samples, pitch)
    assert (good.reliable, good.reason) == (True, None)
    loud = voice_quality(np.clip(samples * (3 / np.abs(samples).max()), -1, 1), pitch)
    assert loud.reliable is False
    assert "clipped" in str(loud.reason)
    noise = np.random.default_rng(0).standard_normal(len(samples)).astype(np.float32)
    noisy = voice_quality(samples + noise * 5 * samples.std(), pitch)
    assert noisy.reliable is False
    assert "signal to noise" in str(noisy.reason)
    sparse = voice_quality(samples, np.where(np.arange(len(pitch)) % 3, 0, pitch))
    assert sparse.reliable is False
    assert "voiced" in str(sparse.reason)


def test_any_cut_of_speech_gives_finite_figures() -> None:
    samples = decoded(CALL)
    pitch = f0(samples)
    for start in range(600, 2400, 97):
        found = voice_quality(samples[start * 160 : start * 160 + 16 * 613], pitch[start : start + 61])
        figures = (found.jitter_pct, found.shimmer_db, found.hnr_db, found.cpps_db)
        assert all(type(value) is float and np.isfinite(value) for value in figures if value is not None)
        assert msgspec.json.encode(found)
