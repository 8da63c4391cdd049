"""pyannote checkpoints in the true format, opened for real: file, folder, hub; absent, gated, offline."""

from __future__ import annotations

import dataclasses
import pickle
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from operators.speech.diarization.pyannote_checkpoint import load_pyannote
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.errors import BackendError
from tests.fake_hub import fake_hub
from tests.tiny_pyannote import pipeline_folder, save, tiny_segmentation

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline_folder(tmp_path_factory.mktemp("pyannote") / "tiny")


@pytest.fixture
def hub(pipeline: Path, tmp_path: Path) -> Iterator[Hub]:
    with fake_hub(pipeline) as address:
        yield Hub(cache=tmp_path / "cache", endpoint=address)


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)


# --- finding and opening -------------------------------------------------------------------------


def test_a_folder_laid_out_as_community_1_is_opened(pipeline: Path, no_socket: None) -> None:
    found = load_pyannote(str(pipeline), hub=Hub(offline=True))
    assert (found.segmentation.window, found.segmentation.step, found.segmentation.width) == (
        80_000,
        270,
        991,
    )
    assert found.segmentation.speakers == 3
    assert found.embedding.dimension == 256
    assert found.notes == ()
    assert load_pyannote(str(pipeline / "config.yaml")).digest == found.digest


@pytest.mark.parametrize("role", ["segmentation", "embedding"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", ""])
def test_one_checkpoint_is_completed_by_the_embedded_model(pipeline: Path, role: str, name: str) -> None:
    found = load_pyannote(str(pipeline / role / name))
    other = "embedding" if role == "segmentation" else "segmentation"
    assert len(found.notes) == 1
    assert f"{other} by the embedded community-1" in found.notes[0]
    assert found.segmentation.window == (80_000 if role == "segmentation" else 160_000)


def test_a_model_on_the_hub_is_fetched_once_and_then_opened_offline(
    hub: Hub, pipeline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = load_pyannote("owner/tiny", hub=hub)
    assert fetched.digest == load_pyannote(str(pipeline)).digest
    monkeypatch.setattr(socket.socket, "connect", None)
    offline = dataclasses.replace(hub, offline=True)
    assert load_pyannote("owner/tiny", hub=offline).digest == fetched.digest
    for weights in (tmp_path / "cache").rglob("embedding/pytorch_model.bin"):
        weights.unlink()
    with pytest.raises(BackendError, match=r"embedding/pytorch_model.bin\) is not in the cache"):
        load_pyannote("owner/tiny", hub=offline)


def test_a_single_model_on_the_hub_is_known_as_such_offline_too(
    hub: Hub, pipeline: Path, tmp_path: Path
) -> None:
    """The hub says that there is no config.yaml, and the cache remembers it."""
    save(tiny_segmentation(), pipeline / "alone" / "pytorch_model.bin")
    fetched = load_pyannote("alone/tiny", hub=hub)
    assert len(fetched.notes) == 1
    again = load_pyannote("alone/tiny", hub=dataclasses.replace(hub, offline=True))
    assert again.digest == fetched.digest


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        ("gated/model", r"is gated: accept its conditions at https://hf.co/gated/model, then set HF_TOKEN"),
        ("absent/model", r"is not on the hub, or private: check the id, and set HF_TOKEN"),
        ("no spaces/allowed", r"is no hub id"),
    ],
)
def test_what_the_hub_does_not_give_is_told_in_one_line(hub: Hub, identity: str, told: str) -> None:
    with pytest.raises(BackendError, match=told) as error:
        load_pyannote(identity, hub=hub)
    assert "\n" not in str(error.value)
    assert "or give a folder" in str(error.value)


def test_offline_an_absent_model_opens_no_socket(tmp_path: Path, no_socket: None) -> None:
    with pytest.raises(BackendError, match="is not in the cache: run it once without --offline"):
        load_pyannote("pyannote/speaker-diarization-community-1", hub=Hub(offline=True, cache=tmp_path))


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)  # its client waits longer before each new attempt
    with pytest.raises(BackendError, match="check the connection"):
        load_pyannote("owner/name", hub=Hub(cache=tmp_path, endpoint="http://127.0.0.1:9"))


@pytest.mark.parametrize("model", ["/no/such/folder", "a/b/c", "name", "./here"])
def test_what_is_neither_there_nor_an_id_is_told(model: str) -> None:
    with pytest.raises(BackendError, match="no such file or folder"):
        load_pyannote(model)


def test_a_folder_without_models_is_told(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=r"no config.yaml of a diarizer and no pytorch_model.bin"):
        load_pyannote(str(tmp_path))
    (tmp_path / "config.yaml").write_text("pipeline: {params: {segmentation: $model/s, embedding: $model/e}}")
    with pytest.raises(BackendError, match=r"no pytorch_model.bin in s"):
        load_pyannote(str(tmp_path))


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return pytest.fail, ("code in a checkpoint was run",)


def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path: Path) -> None:
    import torch

    torch.save({"state_dict": {}, "hook": Code()}, tmp_path / "a.bin")
    (tmp_path / "b.bin").write_bytes(pickle.dumps(Code()))
    for name in ("a.bin", "b.bin"):
        with pytest.raises(BackendError, match="no checkpoint that is safe to open"):
            load_pyannote(str(tmp_path / name))


def test_what_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    import torch

    (tmp_path / "text.bin").write_text("hello")
    torch.save({"state_dict": {}}, tmp_path / "other.bin")
    for name in ("text.bin", "other.bin"):
        with pytest.raises(BackendError, match=r"is no (checkpoint|pyannote model)"):
            load_pyannote(str(tmp_path / name))
