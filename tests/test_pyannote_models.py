"""pyannote's models in torch: what they give, batched and not, and the diarizer on them.

Tiny ones with random weights, and the embedded community-1 weights against ONNX Runtime on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.diarization.pyannote_checkpoint import load_pyannote
from operators.speech.diarization.pyannote_models import PyannoteEmbedding, PyannoteSegmentation
from operators.speech.diarization.torch_community_1 import torch_community_1
from stream_engine.clock import RATE
from stream_engine.errors import BackendError
from stream_engine.events import Relabel, Turn, Watermark
from stream_engine.testing import check_restart, chunked, run
from tests.oracle import ReadingEmbedding, ReadingSegmentation, conversation, spoken
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
    together = PyannoteEmbedding(embedding.model, batch=3)(stretches)
    assert np.abs(alone - together).max() < EMBEDDING_TOLERANCE * np.abs(alone).max()


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


def test_a_checkpoint_of_the_true_weights_finds_the_turns_that_onnxruntime_finds(tmp_path: Path) -> None:
    segmentation, embedding = torch_community_1()
    save(segmentation.model, tmp_path / "segmentation" / "pytorch_model.bin")
    save(embedding.model, tmp_path / "embedding" / "pytorch_model.bin")
    opened = load_pyannote(str(tmp_path))
    assert opened.notes == ()
    chunks = chunked(call(), [RATE] * 30)
    mine = final_turns(run(Diarizer(segmentation=opened.segmentation, embedding=opened.embedding), chunks))
    other = Diarizer(segmentation=Community1Segmentation(), embedding=Community1Embedding())
    theirs = final_turns(run(other, chunks))
    assert [label for *_, label in mine] == [label for *_, label in theirs]
    for one, two in zip(mine, theirs, strict=True):
        assert max(abs(one[0] - two[0]), abs(one[1] - two[1])) <= BOUNDARY_TOLERANCE
    assert len(mine) > 5


class Counting(ReadingEmbedding):
    """Counts its calls."""

    def __init__(self, noise: float) -> None:
        super().__init__(noise)
        self.calls: list[int] = []

    def __call__(self, stretches: list[np.ndarray[Any, np.dtype[np.float32]]], /) -> Any:
        self.calls.append(len(stretches))
        return super().__call__(stretches)


@pytest.mark.parametrize("noise", [0.5, 2.5])
@pytest.mark.parametrize("seed", [1, 3])
def test_windows_due_together_give_the_same_events_with_fewer_calls(seed: int, noise: float) -> None:
    """With much noise turns are cut where no scout foresees it: what follows is embedded then."""
    audio = spoken(conversation(seed, 60, 3), 60)
    single = Counting(noise)
    make = partial(Diarizer, segmentation=ReadingSegmentation())
    one = run(make(embedding=single), chunked(audio, [RATE] * 60))
    for size in (RATE, 7 * RATE, len(audio)):
        together = Counting(noise)
        assert run(make(embedding=together, batch=16), chunked(audio, [size] * 60)) == one
    if noise < 1:
        assert sum(together.calls) <= 1.1 * sum(single.calls)
        assert len(together.calls) < len(single.calls) / 3


def test_probabilities_of_a_multi_label_model_find_the_speakers_too() -> None:
    """The true model's powerset, read as the probability of each speaker."""
    segmentation, embedding = torch_community_1()
    powerset = segmentation._powerset

    class Probabilities:
        def to_multilabel(self, scores: Any) -> Any:
            return powerset.to_multilabel(scores, soft=True)

    segmentation._powerset = Probabilities()
    found = final_turns(
        run(Diarizer(segmentation=segmentation, embedding=embedding), chunked(call(), [RATE] * 30))
    )
    assert len({label for *_, label in found}) == 2
    spoken_s = sum(end - start for start, end, _ in found) / RATE
    assert spoken_s == pytest.approx(24.35, rel=0.06)  # of the reference


@pytest.mark.needs_gpu
@pytest.mark.parametrize("batch", [4, 32])
def test_a_gpu_hears_the_same_turns(batch: int) -> None:
    segmentation, embedding = torch_community_1(device="cuda")
    chunks = chunked(call(), [8 * RATE] * 4)
    mine = final_turns(run(Diarizer(segmentation=segmentation, embedding=embedding, batch=batch), chunks))
    one, two = torch_community_1()
    theirs = final_turns(run(Diarizer(segmentation=one, embedding=two), chunks))
    assert [label for *_, label in mine] == [label for *_, label in theirs]
    assert segmentation.transfers.to_device == segmentation.transfers.to_host > 0
    assert one.transfers.bytes == 0
    for left, right in zip(mine, theirs, strict=True):
        assert max(abs(left[0] - right[0]), abs(left[1] - right[1])) <= BOUNDARY_TOLERANCE
