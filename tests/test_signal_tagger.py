"""What signal processing can state of a recording: found where it is, and not found in clean speech."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.audio.stft import Stft
from operators.sounds.signal_tagger import SignalTagger
from operators.sounds.sound_events import SoundEvents
from stream_engine.events import SoundEvent
from stream_engine.testing import chunked, run
from tests.speech import READING
from tests.spoken import call, decoded

torch = pytest.importorskip("torch")
Audio = NDArray[np.float32]
RATE = 16_000
CLEAN = (  # read or telephone speech without audible noise
    "asr/LJ001-0004.wav",
    "asr/LJ001-0006.wav",
    "asr/leopard_de.wav",
    "asr/leopard_es.wav",
    "asr/leopard_fr.wav",
    "asr/librivox_sense_0870.wav",
    "asr/librivox_sense_0880.wav",
    "asr/ls_6930-75918-0000.flac",
    "diar/lamartine_fr_2spk.wav",
    "sim/sim_2spk_90s.flac",
)
MEETINGS = ("ami_EN2001a", "ami_EN2001b", "ami_EN2001e", "ami_EN2004a", "ami_ES2003a", "ami_ES2003b")


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Threads that wait for one another over small sums take ten times as long on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def events(audio: Audio, sizes: tuple[int, ...] = (16_000,) * 200) -> list[tuple[str, float, float, float]]:
    operator = SoundEvents(tagger=SignalTagger())
    items = run(Stft(), chunked(audio, sizes))
    found = [item for item in run(operator, items) if isinstance(item, SoundEvent)]
    return [(e.label, e.start / RATE, e.end / RATE, e.score) for e in found]


def labels(audio: Audio) -> set[str]:
    return {label for label, *_ in events(audio)}


def tone(hertz: float, seconds: float, level: float = 0.1) -> Audio:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def noise(seconds: float, dbfs: float, *, colour: float = 0.0) -> Audio:
    """Gaussian noise whose amplitude falls as frequency ** -colour."""
    count = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(5).standard_normal(count))
    spectrum /= np.maximum(np.fft.rfftfreq(count, 1 / RATE), 20.0) ** colour
    values = np.fft.irfft(spectrum, count)
    return (values / values.std() * 10 ** (dbfs / 20)).astype(np.float32)


# --- made-up sound -------------------------------------------------------------------------------


def test_digital_silence_is_silence_and_nothing_else():
    assert events(np.zeros(5 * RATE, np.float32)) == [("silence", 0.0, 5.0, 1.0)]


@pytest.mark.parametrize("hertz", [400, 1000, 3999])
def test_a_tone_is_a_tone_where_it_sounds(hertz):
    audio = np.concatenate((noise(3, -55), tone(hertz, 4) + noise(4, -55), noise(3, -55)))
    ((label, start, end, score),) = events(audio)
    assert (label, score) == ("tone", 1.0)
    assert start == pytest.approx(3, abs=0.26)
    assert end == pytest.approx(7, abs=0.26)


@pytest.mark.parametrize(("mains", "other"), [(50, 60), (60, 50)])
@pytest.mark.parametrize("off", [-0.3, 0.0, 0.3])
def test_hum_is_told_with_its_frequency(mains, other, off):
    hum = sum(tone(n * (mains + off), 8, 0.002 / n) for n in (1, 2, 3)) + noise(8, -60)
    assert labels(hum) == {f"mains_hum_{mains}"}


def test_hum_without_its_fundamental_is_told_by_two_harmonics():
    assert labels(tone(120, 6, 0.003) + tone(240, 6, 0.002) + noise(6, -58)) == {"mains_hum_60"}
    assert labels(tone(120, 6, 0.003) + noise(6, -58)) == set()


def test_hum_is_heard_under_speech():
    hum = tone(50, 30, 0.003) + tone(150, 30, 0.002)
    found = events(call() + hum[: len(call())])
    assert {label for label, *_ in found if "hum" in label} == {"mains_hum_50"}
    assert sum(end - start for label, start, end, _ in found if label == "mains_hum_50") > 15


@pytest.mark.parametrize("colour", [0.0, 0.5])
def test_steady_noise_is_told_alone_and_under_speech(colour):
    assert labels(noise(6, -38, colour=colour)) == {"broadband_noise"}
    speech = call()
    found = events(speech + noise(30, -35, colour=colour)[: len(speech)])
    assert {label for label, *_ in found} == {"broadband_noise"}
    assert sum(end - start for _, start, end, _ in found) > 25


def test_noise_that_nobody_would_hear_is_no_event():
    assert labels(noise(6, -58)) == set()


def test_noise_that_comes_and_goes_like_speech_is_not_steady():
    bursts = noise(10, -25) * (np.sin(2 * np.pi * 3 * np.arange(10 * RATE) / RATE) > 0)
    assert "broadband_noise" not in labels((bursts + noise(10, -70)).astype(np.float32))


def test_clipping_is_told_and_a_lone_peak_is_not():
    speech = call()
    loud = np.clip(speech * 12, -1, 1).astype(np.float32)
    found = [row for row in events(loud) if row[0] == "clipping"]
    assert sum(end - start for _, start, end, _ in found) > 5
    peak = speech.copy()
    peak[100_000] = 1.0
    assert "clipping" not in labels(peak)


# --- real recordings -----------------------------------------------------------------------------


@pytest.mark.parametrize("audio", [call, lambda: decoded(READING)], ids=["telephone", "reading"])
def test_nothing_is_stated_of_the_speech_that_is_always_there(audio):
    assert labels(audio()) <= {"silence"}


@pytest.mark.parametrize("name", CLEAN)
def test_nothing_is_stated_of_clean_speech(data: Path, name: str):
    assert labels(decoded(data / name)) <= {"silence"}


@pytest.mark.parametrize("name", MEETINGS)
def test_nothing_is_stated_of_meetings(data: Path, name: str):
    assert labels(decoded(data / "diar" / f"{name}_0-30s.wav")) <= {"silence"}


def test_recordings_without_speech_are_what_they_are(data: Path):
    folder = data / "nospeech"
    assert events(decoded(folder / "silence_2s.wav")) == [("silence", 0.0, 2.0, 1.0)]
    assert events(decoded(folder / "tone_400hz.wav")) == [("tone", 0.0, 1.0, 1.0)]
    assert events(decoded(folder / "noise_8s.wav")) == [], (
        "a swept tone over faint noise: nothing of the list"
    )


def test_an_archive_recording_has_the_noise_and_the_hum_of_its_country(data: Path):
    assert labels(decoded(data / "asr" / "jfk.wav")) == {"broadband_noise", "mains_hum_60"}


# --- the promise of all operators ----------------------------------------------------------------

MIXED = np.concatenate((noise(3, -35), call()[: 6 * RATE], tone(700, 2.5), np.zeros(2 * RATE, np.float32)))
WHOLE = events(MIXED)


@settings(max_examples=10)
@given(st.lists(st.integers(1, 20_000), min_size=1, max_size=30))
def test_any_chunking_gives_the_same_events(sizes):
    assert events(MIXED, tuple(sizes)) == WHOLE
    assert {label for label, *_ in WHOLE} == {"broadband_noise", "tone", "silence"}


@pytest.mark.parametrize("name", ["telephone", "asr/jfk.wav", "diar/ami_EN2001d_0-30s.wav"])
def test_streaming_gives_the_events_of_the_whole_file(data: Path, name: str):
    """20 ms at a time and each window by itself; the file as one chunk and all windows in one call."""
    audio = call() if name == "telephone" else decoded(data / name)
    live = SoundEvents(tagger=SignalTagger(), batch=1)
    whole = SoundEvents(tagger=SignalTagger(), batch=10_000)
    streamed = run(live, run(Stft(), chunked(audio, (320,) * 1500)))
    at_once = run(whole, run(Stft(), chunked(audio, (len(audio),))))
    found = [item for item in streamed if isinstance(item, SoundEvent)]
    assert found == [item for item in at_once if isinstance(item, SoundEvent)]
    assert found
    assert live.summary == whole.summary


def test_auto_listens_on_where_there_is_noise_only():
    for audio, listens in ((call(), False), (noise(20, -35), True)):
        operator = SoundEvents(tagger=SignalTagger(), mode="auto")
        found = [
            e for e in run(operator, run(Stft(), chunked(audio, (16_000,) * 30))) if isinstance(e, SoundEvent)
        ]
        assert operator.summary.timeline is listens
        assert bool(found) is listens


@pytest.mark.needs_gpu
def test_a_gpu_gives_the_same_events():
    operator = SoundEvents(tagger=SignalTagger())
    items = run(Stft(device="cuda"), chunked(MIXED, (16_000,) * 20))
    found = [item for item in run(operator, items) if isinstance(item, SoundEvent)]
    assert [(e.label, e.start / RATE, e.end / RATE) for e in found] == [row[:3] for row in WHOLE]
