"""Affect models are found by folder and on the hub, and what is wrong with one is told in a line."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import onnx
import pytest

from operators.affect.choice import affect_files, affect_models, check, intent_labels
from operators.affect.models import AffectModels
from operators.affect.onnx_files import SPEECH, TEXT, OnnxFiles, find
from operators.affect.text_emotion import OnnxTextEmotion
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.errors import BackendError
from tests.fake_hub import fake_hub
from tests.tiny_affect import EMOTIONS, GO_EMOTIONS, MNLI, save_audonnx, save_speech, save_text


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("affect")
    save_speech(folder / "emotion", EMOTIONS)
    save_audonnx(folder / "audonnx")
    save_text(folder / "go_emotions", GO_EMOTIONS, problem="multi_label_classification")
    save_text(folder / "mnli", MNLI)
    return folder


def speech(path: Path) -> OnnxFiles:
    return find(str(path), hub=Hub(offline=True, what="affect model"), wanted=SPEECH)


def text(path: Path) -> OnnxFiles:
    return find(str(path), hub=Hub(offline=True, what="affect model"), wanted=TEXT, needed=TEXT)


def test_all_are_opened_by_folder_and_tell_what_they_are(folder: Path) -> None:
    files = affect_files(
        emotion=str(folder / "emotion"),
        dimensions=str(folder / "audonnx"),
        text=str(folder / "go_emotions" / "model.onnx"),
        intent=str(folder / "mnli"),
        offline=True,
    )
    models = affect_models(files, intents="question, praise")
    assert models.intents == ("question", "praise")
    assert models.files == files.identities
    assert (
        len(set(models.files)) == 3 + 2 + 3 + 3
    )  # model, settings, front end or tokens; of audEERING's, model and labels
    assert len(models.notes) == 5
    assert check(str(folder / "mnli"), "intent").startswith("intents of the words")


def test_without_any_model_there_is_sentiment_alone() -> None:
    models = affect_models()
    assert models.sentiment is not None
    assert models == AffectModels(sentiment=models.sentiment)


def test_other_weights_in_the_same_place_have_another_identity(tmp_path: Path) -> None:
    before = speech(save_speech(tmp_path, EMOTIONS)).identities
    assert speech(tmp_path).identities == before
    save_speech(tmp_path, EMOTIONS, seed=5)
    assert speech(tmp_path).identities != before


@pytest.mark.parametrize("given", ["", "a,,b", "a,b,a"])
def test_intents_that_cannot_be_told_apart_are_refused(given: str) -> None:
    with pytest.raises(ValueError, match="want labels that differ"):
        intent_labels(given)


def test_what_is_missing_or_no_such_model_is_told_in_a_line(folder: Path, tmp_path: Path) -> None:
    def told(path: Path | str, kind: str) -> str:
        with pytest.raises(BackendError) as error:
            check(str(path), kind)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)
        return str(error.value)

    assert "no such folder" in told(tmp_path / "nothing", "text")
    assert "no model.onnx or onnx/model.onnx there" in told(tmp_path, "text")
    assert "tokenizer.json is missing" in told(folder / "emotion", "intent")
    assert "no model of entailment" in told(folder / "go_emotions", "intent")
    assert "no output is called valence" in told(folder / "emotion", "dimensions")
    assert "want one input [batch, frames]" in told(folder / "mnli", "emotion")
    assert "no kind moods" in told(folder / "mnli", "moods")
    unnamed = save_speech(tmp_path / "unnamed", ("LABEL_0", "LABEL_1"))
    assert "have no names" in told(unnamed, "emotion")
    broken = shutil.copytree(folder / "mnli", tmp_path / "broken")
    (broken / "model.onnx").write_bytes(b"none")
    assert "does not open" in told(broken, "intent")
    torn = shutil.copytree(folder / "mnli", tmp_path / "torn")
    (torn / "config.json").write_text("{")
    assert "config.json cannot be read" in told(torn, "intent")
    fast = save_speech(tmp_path / "fast", EMOTIONS)
    (fast / "preprocessor_config.json").write_text('{"sampling_rate": 8000}')
    assert "8000 Hz" in told(fast, "emotion")
    tokens = shutil.copytree(folder / "mnli", tmp_path / "tokens")
    (tokens / "tokenizer.json").write_text("{}")
    assert "tokenizer.json does not open" in told(tokens, "intent")


# --- the hub -------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, Hub]]:
    """A repository of text emotions on a hub, with the model in a folder of it, and weights beside that."""
    folder = save_text(tmp_path / "served", GO_EMOTIONS, inside="onnx/model.onnx")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    model = onnx.load(folder / "onnx" / "model.onnx")
    outside = {"save_as_external_data": True, "location": "model.onnx_data", "size_threshold": 64}
    onnx.save(model, str(folder / "onnx" / "model.onnx"), **outside)
    assert (folder / "onnx" / "model.onnx_data").is_file()
    with fake_hub(folder) as address:
        yield folder, Hub(cache=tmp_path / "cache", endpoint=address, what="affect model")


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_model_of_the_hub_is_fetched_once_and_then_opened_offline(
    served: tuple[Path, Hub], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, hub = served
    fetched = affect_files(text="somebody/go_emotions", hub=hub)
    (wanted,) = OnnxTextEmotion(text(folder))(["great"])

    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    offline = Hub(offline=True, cache=hub.cache, endpoint=hub.endpoint, what="affect model")
    found = affect_files(text="somebody/go_emotions", hub=offline)
    assert found == fetched
    models = affect_models(found)
    assert models.text_emotion is not None
    assert models.text_emotion(["great"]) == [wanted]
    assert (
        models.notes[0]
        == "emotions of the words: somebody/go_emotions (28 labels, several at once; licence mit)"
    )
    assert len(models.files) == 4  # the model, its weights, config and tokenizer
    with pytest.raises(BackendError, match=r"affect model other/one .* run it once without --offline"):
        affect_files(text="other/one", hub=offline)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_file_of_the_hub_can_be_named_and_what_cannot_be_had_is_told(served: tuple[Path, Hub]) -> None:
    folder, hub = served
    shutil.copy(folder / "onnx" / "model.onnx", folder / "onnx" / "small.onnx")
    found = affect_files(text="somebody/go_emotions@main/onnx/small.onnx", hub=hub).text
    assert found is not None
    assert found.model.name == "small.onnx"
    with pytest.raises(BackendError, match=r"somebody/go_emotions: no onnx/other.onnx there"):
        affect_files(text="somebody/go_emotions/onnx/other.onnx", hub=hub)
    with pytest.raises(BackendError, match="affect model gated/one is gated"):
        affect_files(text="gated/one", hub=hub)
    with pytest.raises(BackendError, match="affect model absent/one is not on the hub"):
        affect_files(text="absent/one", hub=hub)
