"""pyannote checkpoints in the true format, opened for real (file, folder, hub), and run by the diarizer.

The hub is a web server on this machine that answers as the real one does.
"""

from __future__ import annotations

import dataclasses
import pickle
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators.speech.diarization.batching import Batches
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.diarization.pyannote_checkpoint import load_pyannote
from operators.speech.diarization.pyannote_hub import Hub
from operators.speech.diarization.pyannote_models import PyannoteEmbedding, PyannoteSegmentation
from operators.speech.diarization.torch_community_1 import torch_community_1
from stream_engine.clock import RATE
from stream_engine.errors import BackendError
from stream_engine.events import Relabel, Turn, Watermark
from stream_engine.testing import check_restart, chunked, run
from tests.spoken import call
from tests.tiny_pyannote import pipeline_folder, save, tiny_embedding, tiny_segmentation

EMBEDDING_TOLERANCE = 1e-4  # of the longest component: float32, summed in another order
BOUNDARY_TOLERANCE = 17 * 16  # samples: one frame of the segmentation, rounded up to milliseconds

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Two threads of torch that wait for one another on busy cores take ten times as long."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline_folder(tmp_path_factory.mktemp("pyannote") / "tiny")


class _Hub(BaseHTTPRequestHandler):
    """`/OWNER/NAME/resolve/REVISION/FILE`, with the headers that the hub's client asks for."""

    def __init__(self, folder: Path, *arguments: Any) -> None:
        self._folder = folder
        super().__init__(*arguments)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        owner, _, _, _, name = self.path.lstrip("/").split("/", 4)
        error = {"gated": (403, "GatedRepo"), "absent": (404, "RepoNotFound")}.get(owner)
        path = self._folder / name
        if error is None and not path.is_file():
            error = 404, "EntryNotFound"
        content = b"" if error else path.read_bytes()
        self.send_response(error[0] if error else 200)
        if error:
            self.send_header("X-Error-Code", error[1])
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{name.replace("/", "-")}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Says nothing."""


@pytest.fixture
def hub(pipeline: Path, tmp_path: Path) -> Iterator[Hub]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hub, pipeline))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield Hub(cache=tmp_path / "cache", endpoint=f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    thread.join()
    server.server_close()


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
    hub: Hub, pipeline: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched = load_pyannote("owner/tiny", hub=hub)
    assert fetched.digest == load_pyannote(str(pipeline)).digest
    monkeypatch.setattr(socket.socket, "connect", None)
    again = load_pyannote("owner/tiny", hub=dataclasses.replace(hub, offline=True))
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
    with pytest.raises(BackendError, match="not in the hub's cache: run it once without --offline"):
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


# --- running -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("speakers", "together"), [(3, 2), (4, 2), (7, None), (1, None)])
def test_any_number_of_local_speakers_powerset_or_not(
    tmp_path: Path, speakers: int, together: int | None
) -> None:
    from pyannote.audio import Model

    model = tiny_segmentation(speakers=speakers, together=together)
    opened: Any = Model.from_pretrained(save(model, tmp_path / "m.bin"))
    windows = np.stack([call()[:80_000], call()[80_000:160_000]])
    activity = PyannoteSegmentation(opened, batch=2)(windows)
    assert activity.dtype == np.float32
    assert activity.shape == (2, 293, speakers)
    if together:
        assert set(np.unique(activity)) <= {0.0, 1.0}
        assert activity.sum(axis=2).max() <= together
    else:
        assert np.all((activity > 0) & (activity < 1))


def test_a_model_of_the_other_kind_is_refused() -> None:
    with pytest.raises(BackendError, match="not a segmentation model"):
        PyannoteSegmentation(tiny_embedding())
    with pytest.raises(BackendError, match="not an embedding model"):
        PyannoteEmbedding(tiny_segmentation())


def test_stretches_embedded_together_are_as_each_on_its_own() -> None:
    stretches = [call()[start : start + n] for start, n in [(0, 4_000), (90_000, 23_456), (7, 16_001)]]
    _, embedding = torch_community_1()
    alone = embedding(stretches)
    together = PyannoteEmbedding(embedding._model, batch=3)(stretches)
    assert np.abs(alone - together).max() < EMBEDDING_TOLERANCE * np.abs(alone).max()


def test_out_of_memory_halves_the_batch_and_goes_on() -> None:
    import torch

    def small(items: Any) -> list[int]:
        if len(items) > 3:
            raise torch.OutOfMemoryError("too much")
        return [2 * item for item in items]

    batches = Batches(small, size=16)
    assert batches.run(range(10)) == [2 * item for item in range(10)]
    assert (batches.size, batches.halved) == (2, 2)

    def full(_: Any) -> list[int]:
        raise torch.OutOfMemoryError("too much")

    with pytest.raises(BackendError, match="no memory on the device for one item"):
        Batches(full, size=4).run(range(10))


def test_sessions_that_wait_for_the_device_share_its_next_batch() -> None:
    """The first call is held until the others wait; then one more serves all of them."""
    sizes: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def model(items: list[int]) -> list[int]:
        sizes.append(len(items))
        begun.set()
        assert go_on.wait(10)
        return [2 * item for item in items]

    batches = Batches(model, size=64)
    with ThreadPoolExecutor(8) as sessions:
        first = sessions.submit(batches.run, [0])
        assert begun.wait(10)
        others = [sessions.submit(batches.run, range(number, number + 5)) for number in range(7)]
        while len(batches._waiting) < 35:
            time.sleep(0.001)
        go_on.set()
        assert first.result() == [0]
        for number, other in enumerate(others):
            assert other.result() == [2 * item for item in range(number, number + 5)]
    assert sizes == [1, 35]


def test_an_error_of_a_shared_batch_reaches_each_session() -> None:
    def broken(items: list[int]) -> list[int]:
        raise ValueError(f"{len(items)} items")

    batches = Batches(broken, size=4)
    with ThreadPoolExecutor(4) as sessions:
        for call_ in [sessions.submit(batches.run, [1, 2, 3]) for _ in range(4)]:
            with pytest.raises(ValueError, match="items"):
                call_.result()


@pytest.mark.parametrize("together", [2, None])
def test_the_diarizer_runs_on_a_checkpoint_at_any_chunking(pipeline: Path, together: int | None) -> None:
    """Random weights hear voices in noise; what they hear does not depend on the chunks."""
    models = load_pyannote(str(pipeline))
    if together is None:
        several = PyannoteSegmentation(tiny_segmentation(speakers=2, together=None))
        models = dataclasses.replace(models, segmentation=several)
    audio = call()[: 12 * RATE]
    make = partial(Diarizer, segmentation=models.segmentation, embedding=models.embedding)
    whole = run(make(), chunked(audio, [len(audio)]))
    assert whole[-1] == Watermark(source="diarizer", at=12 * RATE)
    assert any(isinstance(event, Turn) for event in whole)
    for sizes in ([3_777] * 60, [50_000, 1, 90_000]):
        assert run(make(), chunked(audio, sizes)) == whole
    check_restart(lambda state: make(state=state), chunked(audio, [4 * RATE] * 3))


# --- the embedded community-1 in torch -----------------------------------------------------------


def final_turns(events: list[Turn | Relabel | Watermark]) -> list[tuple[int, int, str | None]]:
    labels: dict[int, str | None] = {}
    for event in events:
        if isinstance(event, Turn) and event.final and event.end > event.start:
            labels[event.id] = event.speaker
        elif isinstance(event, Relabel):
            named = event.turns or [turn for turn, label in labels.items() if label == event.speaker]
            labels |= dict.fromkeys(named, event.to)
    turns = [event for event in events if isinstance(event, Turn) and event.id in labels and event.final]
    return sorted((turn.start, turn.end, labels[turn.id]) for turn in turns)


def test_torch_hears_what_onnxruntime_hears() -> None:
    segmentation, embedding = torch_community_1()
    theirs, their_embedding = Community1Segmentation(), Community1Embedding()
    assert (segmentation.window, segmentation.step, segmentation.width) == (160_000, 270, 991)
    assert embedding.dimension == their_embedding.dimension
    windows = np.stack([call()[start : start + 160_000] for start in (0, 110_000, 320_000)])
    assert np.array_equal(segmentation(windows), theirs(windows))
    stretches = [call()[110_000 : 110_000 + n] for n in (4_000, 16_000, 25_600)]
    mine, other = embedding(stretches), their_embedding(stretches)
    assert np.abs(mine - other).max() < EMBEDDING_TOLERANCE * np.abs(other).max()


def test_a_call_has_the_same_turns_in_torch_as_in_onnxruntime() -> None:
    segmentation, embedding = torch_community_1()
    chunks = chunked(call(), [RATE] * 30)
    mine = final_turns(run(Diarizer(segmentation=segmentation, embedding=embedding), chunks))
    other = Diarizer(segmentation=Community1Segmentation(), embedding=Community1Embedding())
    theirs = final_turns(run(other, chunks))
    assert [label for *_, label in mine] == [label for *_, label in theirs]
    for one, two in zip(mine, theirs, strict=True):
        assert max(abs(one[0] - two[0]), abs(one[1] - two[1])) <= BOUNDARY_TOLERANCE
    assert len(mine) > 5


@pytest.mark.needs_gpu
@pytest.mark.parametrize("batch", [4, 32])
def test_a_gpu_hears_the_same_turns(batch: int) -> None:
    segmentation, embedding = torch_community_1(device="cuda")
    chunks = chunked(call(), [8 * RATE] * 4)
    mine = final_turns(run(Diarizer(segmentation=segmentation, embedding=embedding, batch=batch), chunks))
    one, two = torch_community_1()
    theirs = final_turns(run(Diarizer(segmentation=one, embedding=two), chunks))
    assert [label for *_, label in mine] == [label for *_, label in theirs]
    for left, right in zip(mine, theirs, strict=True):
        assert max(abs(left[0] - right[0]), abs(left[1] - right[1])) <= BOUNDARY_TOLERANCE
