"""The diarizer on real weights: community-1 out of the moonshine-voice wheel.

Bar: `pyannote.audio.sample` with a diarization error rate of at most 0.08 (collar 0, overlap counted).
"""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.diarization.fbank import fbank
from operators.speech.diarization.stretches import quietest
from stream_engine.clock import RATE
from stream_engine.events import Chunk, Relabel, Turn, Watermark
from stream_engine.testing import chunked, restarted, run
from tests.speech import CALL, CALL_RTTM

Samples = NDArray[np.float32]


class Remembering:
    """A model that runs once for each input: the tests run the diarizer many times over the same audio."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._known: dict[bytes, Samples] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def __call__(self, items: list[Samples] | Samples, /) -> Samples:
        return np.stack([self._one(item) for item in items])

    def _one(self, item: Samples) -> Samples:
        key = item.tobytes()
        if key not in self._known:
            batch: Any = item[None] if isinstance(self._model, Community1Segmentation) else [item]
            self._known[key] = self._model(batch)[0]
        return self._known[key]


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    return {
        "segmentation": Remembering(Community1Segmentation()),
        "embedding": Remembering(Community1Embedding()),
    }


@pytest.fixture(scope="module")
def call() -> Samples:
    return pcm(CALL)


def pcm(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32) / np.float32(32768)


def test_a_telephone_call_is_diarized_within_8_percent(models: dict[str, Any], call: Samples) -> None:
    from pyannote.core import Annotation, Segment, Timeline
    from pyannote.metrics.diarization import DiarizationErrorRate

    reference, found = Annotation(), Annotation()
    for number, line in enumerate(CALL_RTTM.read_text().splitlines()):
        fields = line.split()
        start = float(fields[3])
        reference[Segment(start, start + float(fields[4])), number] = fields[7]
    events = run(Diarizer(**models), chunked(call, [RATE] * 30))
    labels: dict[int, str | None] = {}
    for event in events:
        if isinstance(event, Turn) and event.final:
            labels[event.id] = event.speaker
        elif isinstance(event, Relabel):
            moved = event.turns or [turn for turn, label in labels.items() if label == event.speaker]
            labels |= dict.fromkeys(moved, event.to)
    for event in events:
        if isinstance(event, Turn) and event.final and event.end > event.start:
            found[Segment(event.start / RATE, event.end / RATE), event.id] = labels[event.id]
    rate: Any = DiarizationErrorRate(collar=0, skip_overlap=False)
    assert rate(reference, found, uem=Timeline([Segment(0, 30)])) <= 0.08
    assert len(set(labels.values())) == 2


@pytest.mark.parametrize("size", [320, 3_777, 48_000, 480_000])
def test_any_chunk_size_gives_the_same_bytes(models: dict[str, Any], call: Samples, size: int) -> None:
    events = run(Diarizer(**models), chunked(call, [size] * (len(call) // size)))
    whole = run(Diarizer(**models), chunked(call, [RATE] * 30))
    assert msgspec.json.encode(events) == msgspec.json.encode(whole)


@pytest.mark.parametrize("at", [0, 7, 15, 22, 30])
def test_a_restart_changes_nothing(models: dict[str, Any], call: Samples, at: int) -> None:
    chunks = chunked(call, [RATE] * 30)
    whole = run(Diarizer(**models), chunks)
    assert restarted(lambda state: Diarizer(**models, state=state), chunks, at) == whole


@pytest.mark.parametrize("wanted", [1, 2, 3])
def test_the_number_of_speakers_is_respected(models: dict[str, Any], call: Samples, wanted: int) -> None:
    events = run(Diarizer(**models, speakers=wanted), chunked(call, [RATE] * 30))
    labels: dict[int, str | None] = {}
    for event in events:
        if isinstance(event, Turn) and event.final and event.end > event.start:
            labels[event.id] = event.speaker
        elif isinstance(event, Relabel):
            moved = event.turns or [turn for turn, label in labels.items() if label == event.speaker]
            labels |= dict.fromkeys(moved, event.to)
    assert len(set(labels.values())) == wanted


@pytest.mark.parametrize("kind", ["silence", "tone", "hiss", "nothing"])
def test_what_is_not_speech_gives_no_turn(models: dict[str, Any], kind: str) -> None:
    seconds = np.arange(12 * RATE) / RATE
    audio = {
        "silence": np.zeros(len(seconds)),
        "tone": 0.3 * np.sin(2 * np.pi * 400 * seconds),
        "hiss": 0.01 * np.random.default_rng(0).standard_normal(len(seconds)),
        "nothing": np.zeros(0),
    }[kind].astype(np.float32)
    events = run(Diarizer(**models), chunked(audio, [RATE] * 12))
    assert all(isinstance(event, Watermark) for event in events)


def test_audio_shorter_than_a_hop_is_looked_at(models: dict[str, Any], call: Samples) -> None:
    events = run(Diarizer(**models), [Chunk(start=0, samples=call[19 * RATE : 19 * RATE + 7_000])])
    assert events[-1] == Watermark(source="diarizer", at=6_992 + 16)


def test_chunks_that_leave_a_gap_are_refused(models: dict[str, Any], call: Samples) -> None:
    operator = Diarizer(**models)
    list(operator.feed(Chunk(start=0, samples=call[:100])))
    with pytest.raises(ValueError, match="follow one another"):
        list(operator.feed(Chunk(start=200, samples=call[:100])))


def test_the_filter_bank_is_kaldis() -> None:
    """Against torchaudio's, within 1e-3 of the logarithm."""
    import torch
    from torchaudio.compliance import kaldi

    noise = np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32) * 0.1
    theirs = kaldi.fbank(
        torch.from_numpy(noise)[None] * 32768,
        num_mel_bins=80,
        dither=0.0,
        window_type="hamming",
        use_energy=False,
    )
    theirs = theirs - theirs.mean(dim=0, keepdim=True)
    assert np.abs(fbank(noise) - theirs.numpy()).max() < 1e-3


def test_the_quietest_moment_is_found() -> None:
    audio = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    audio[9_000:10_600] *= 0.1
    assert abs(quietest(audio) - 9_800) <= 320
