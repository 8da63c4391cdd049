"""A neural tagger by path or from a hub, with the layout of PANNs' CNN14, its labels and groups of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from operators.audio.stft import Stft
from operators.sounds.audioset import NOISE, SPEECH
from operators.sounds.event_rules import EventRules
from operators.sounds.grouped import Grouped, read_groups
from operators.sounds.onnx_tagger import OnnxTagger
from operators.sounds.sound_events import SoundEvents
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.errors import BackendError
from stream_engine.events import SoundEvent
from stream_engine.testing import chunked, run
from tests.fake_hub import fake_hub
from tests.tiny_tagger import LABELS, tagger_folder, write_labels, write_tagger

torch = pytest.importorskip("torch")
RATE = 16_000
LOUD = np.random.default_rng(3).uniform(-1, 1, 6 * RATE).astype(np.float32)  # rms 0.58
LOUD[: 2 * RATE] *= 0.01
LOUD[-RATE:] *= 0.01


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tagger_folder(tmp_path_factory.mktemp("tagger"))


def windows(count: int, audio: np.ndarray = LOUD) -> torch.Tensor:
    return torch.from_numpy(audio[: count * RATE].copy()).reshape(count, 100, 160)


def events(tagger: OnnxTagger | Grouped, sizes: tuple[int, ...] = (RATE,)) -> list[tuple[str, float, float]]:
    operator = SoundEvents(tagger=tagger, rules=EventRules(median=1))
    found = [e for e in run(operator, run(Stft(), chunked(LOUD, sizes * 100))) if isinstance(e, SoundEvent)]
    assert all(event.source == "cnn14" for event in found)
    return [(e.label, e.start / RATE, e.end / RATE) for e in found]


def test_a_window_is_heard_at_32_khz_and_nothing_above_8_khz_is_invented(folder):
    scores = OnnxTagger(model=str(folder)).scores(windows(6))
    speech, music, rain, train = scores.T
    assert scores.shape == (6, 4)
    np.testing.assert_allclose(train, 0.5, err_msg="a second of 32 000 samples")
    np.testing.assert_allclose(music[2:5], 0.557, atol=0.01)  # 0.577, less what lies near 8 kHz
    np.testing.assert_allclose(rain, 0.0, atol=0.01)
    assert not speech.any()


def test_events_come_out_whatever_the_chunks_are(folder):
    tagger = OnnxTagger(model=str(folder))
    found = events(tagger)
    assert found == [("Music", 2.25, 5.25), ("Train", 0.0, 6.0)]
    assert events(tagger, (777, 5000, 31)) == found


@pytest.mark.parametrize(
    ("batch", "length"), [(1, "samples"), (4, "samples"), ("batch", 32_000), (2, 48_000)]
)
def test_models_of_fixed_sizes_are_given_what_they_want(tmp_path, batch, length, folder):
    write_tagger(tmp_path / "model.onnx", batch=batch, length=length)
    write_labels(tmp_path / "labels.csv")
    scores = OnnxTagger(model=str(tmp_path)).scores(windows(5))
    assert scores.shape == (5, 4)
    if length != 48_000:  # there the last third of a window is silence
        np.testing.assert_allclose(scores, OnnxTagger(model=str(folder)).scores(windows(5)), atol=1e-6)


def test_a_recording_shorter_than_a_window_is_heard(folder):
    tagger = OnnxTagger(model=str(folder))
    assert tagger.scores(windows(1)[:, :30])[0, 3] == pytest.approx(0.15)


@pytest.mark.parametrize("name", ["cnn14.onnx", "panns_cnn14.onnx", "model.onnx"])
def test_a_model_is_found_by_its_usual_names_and_by_its_own(tmp_path, name):
    write_tagger(tmp_path / name)
    write_labels(tmp_path / "labels.csv")
    assert OnnxTagger(model=str(tmp_path)).labels == LABELS
    assert OnnxTagger(model=str(tmp_path / name)).name == ("model" if name == "model.onnx" else "cnn14")


def test_labels_may_be_a_list(tmp_path):
    write_tagger(tmp_path / "cnn14.onnx")
    (tmp_path / "labels.csv").write_text("Speech\nMusic\nRain\nTrain\n")
    assert OnnxTagger(model=str(tmp_path)).labels == LABELS


def test_noise_and_speech_are_named_in_full(folder):
    tagger = OnnxTagger(model=str(folder))
    assert tagger.noise == {"Music", "Rain"}, "a train is no rain"
    assert tagger.speech == {"Speech"}
    assert not NOISE & SPEECH
    for label in ("Train", "Train whistle", "Wind instrument, woodwind instrument", "Wind chime"):
        assert label not in NOISE


# --- what is wrong is said in a line -------------------------------------------------------------


def refused(model: Path | str, **options) -> str:
    with pytest.raises(BackendError) as caught:
        OnnxTagger(model=str(model), **options)
    assert caught.value.exit_code == 4
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_missing_is_said(tmp_path):
    assert "no folder" in refused(tmp_path / "nowhere")
    assert "no folder" in refused("cnn14")
    assert "has none of cnn14.onnx" in refused(tmp_path)
    write_tagger(tmp_path / "cnn14.onnx")
    assert "has none of labels.csv" in refused(tmp_path)


def test_what_does_not_fit_is_said(tmp_path):
    write_labels(tmp_path / "labels.csv", ("Speech", "Music"))
    (tmp_path / "cnn14.onnx").write_bytes(b"no model")
    assert "does not open" in refused(tmp_path)
    write_tagger(tmp_path / "cnn14.onnx")
    assert "2 labels" in refused(tmp_path)
    write_labels(tmp_path / "labels.csv", ("Speech", "", "Music", "Rain"))
    assert "no label in each row" in refused(tmp_path)


def test_scores_that_are_no_probabilities_are_refused(folder):
    with pytest.raises(BackendError, match="want 4 probabilities"):
        OnnxTagger(model=str(folder)).scores(windows(2, LOUD * 400))


# --- from a hub ----------------------------------------------------------------------------------


def test_a_tagger_comes_from_a_hub_once_and_then_from_its_cache(folder, tmp_path):
    with fake_hub(folder) as address:
        assert OnnxTagger(model="some/tagger", hub=Hub(endpoint=address, cache=tmp_path)).labels == LABELS
        assert "is not on the hub" in refused("absent/tagger", hub=Hub(endpoint=address, cache=tmp_path))
    offline = Hub(offline=True, cache=tmp_path)
    assert OnnxTagger(model="some/tagger", hub=offline).labels == LABELS
    assert "sound tagger other/tagger" in refused("other/tagger", hub=offline)
    assert "not in the cache" in refused("other/tagger", hub=offline)


# --- groups --------------------------------------------------------------------------------------


def test_a_group_has_the_highest_score_of_its_classes(folder, tmp_path):
    table = tmp_path / "map.csv"
    table.write_text('audioset,group\nMusic,noise\n"Rain",noise\nTrain,\n')
    tagger = OnnxTagger(model=str(folder))
    grouped = Grouped(tagger, groups=read_groups(table))
    assert grouped.labels == ("Speech", "noise")
    assert grouped.noise == {"noise"}
    np.testing.assert_array_equal(grouped.scores(windows(6))[:, 1], tagger.scores(windows(6))[:, 1:3].max(1))
    assert events(grouped) == [("noise", 2.25, 5.25)]


def test_a_class_map_that_fits_nothing_is_refused(folder, tmp_path):
    tagger = OnnxTagger(model=str(folder))
    with pytest.raises(BackendError, match="no label 'Musik'"):
        Grouped(tagger, groups={"Musik": "noise"})
    with pytest.raises(BackendError, match="leaves no label"):
        Grouped(tagger, groups=dict.fromkeys(LABELS, ""))
    (tmp_path / "map.csv").write_text("Music\n")
    with pytest.raises(BackendError, match="row 1 has 1 columns"):
        read_groups(tmp_path / "map.csv")
    with pytest.raises(BackendError, match=r"nothing.csv"):
        read_groups(tmp_path / "nothing.csv")
