"""One speaker per channel: turns, text and overlaps of each channel by itself."""

from __future__ import annotations

import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stream_engine
from operators.audio.resample import Resample
from operators.audio.separate import Separate
from operators.speech.channels import ChannelTurns, channel_of
from operators.speech.speech_turns import SpeechTurns
from operators.speech.voice_activity import VoiceActivityDetector, load_silero
from stream_engine.events import Chunk, SourceChunk, Turn, Watermark
from stream_engine.testing import check_restart, chunked, run
from tests.speech import CALL, READING
from tests.spoken import call

RATE = 16_000
SESSION = load_silero()
SAID = {  # speech of one channel while the other is silent, and while it speaks
    "CHANNEL_1": "it was the best of times",
    "CHANNEL_2": "neither did i",
}


def two() -> np.ndarray:
    """[frames, 2]: the call, and the call two seconds later."""
    speech = call()[6 * RATE : 11 * RATE]
    return np.stack([np.pad(speech, (0, 2 * RATE)), np.pad(speech, (2 * RATE, 0))], axis=1)


def _turns(sizes: list[int]) -> list[Turn | Watermark]:
    return run(ChannelTurns(session=SESSION, channels=2), chunked(two(), sizes))


WHOLE = _turns([])


@settings(max_examples=8, deadline=None)
@given(st.lists(st.integers(1, 60_000), max_size=20))
def test_any_chunking_gives_the_same_turns_in_the_same_order(sizes: list[int]) -> None:
    assert _turns(sizes) == WHOLE


def test_saving_and_going_on_gives_the_same_turns() -> None:
    chunks = chunked(two()[: 3 * RATE], [1, 4096, 20_000])
    check_restart(lambda state: ChannelTurns(session=SESSION, channels=2, state=state), chunks)


def test_each_channel_has_the_turns_that_it_has_alone() -> None:
    for number in range(2):
        voice = run(VoiceActivityDetector(session=SESSION), chunked(two()[:, number], [RATE] * 20))
        alone = [(turn.start, turn.end) for turn in run(SpeechTurns(), voice) if isinstance(turn, Turn)]
        found = [item for item in WHOLE if isinstance(item, Turn) and channel_of(item.speaker) == number]
        assert [(turn.start, turn.end) for turn in found] == alone
        assert alone


def test_ids_are_unique_and_nothing_starts_before_the_watermark() -> None:
    turns = [item for item in WHOLE if isinstance(item, Turn)]
    assert len({turn.id for turn in turns}) == len(turns)
    settled = 0
    for item in WHOLE:
        if isinstance(item, Watermark):
            assert item.at >= settled
            settled = item.at
        else:
            assert item.start >= settled


def _source(samples: np.ndarray, rate: int, sizes: list[int]) -> list[SourceChunk]:
    edges = [0, *(int(edge) for edge in np.cumsum(sizes) if edge < len(samples)), len(samples)]
    return [SourceChunk(start=a, rate=rate, samples=samples[a:b]) for a, b in pairwise(edges)]


@pytest.mark.parametrize("rate", [16_000, 44_100])
@pytest.mark.parametrize("channels", [1, 3])
def test_channels_stay_apart_each_resampled_as_if_it_were_alone(rate: int, channels: int) -> None:
    samples = np.random.default_rng(0).uniform(-0.5, 0.5, (2 * rate, channels)).astype(np.float32)
    chunks = _source(samples, rate, [1, 5000, 10_000])
    out = [chunk.samples.reshape(-1, channels) for chunk in run(Separate(), chunks)]
    for number in range(channels):
        column = SourceChunk(start=0, rate=rate, samples=samples[:, [number]])
        alone = np.concatenate([chunk.samples for chunk in run(Resample(), [column])])
        np.testing.assert_allclose(np.concatenate(out)[:, number], alone, atol=1e-6)


class _Plain:
    def __init__(self, inner: Separate) -> None:
        self.inner = inner

    def feed(self, item: SourceChunk, /) -> list[tuple[int, bytes]]:
        return [_plain(chunk) for chunk in self.inner.feed(item)]

    def flush(self) -> list[tuple[int, bytes]]:
        return [_plain(chunk) for chunk in self.inner.flush()]

    @property
    def state(self) -> object:
        return self.inner.state


def _plain(chunk: Chunk) -> tuple[int, bytes]:
    return chunk.start, chunk.samples.tobytes()


def test_separating_goes_on_after_a_restart() -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (22_050, 2)).astype(np.float32)
    check_restart(lambda state: _Plain(Separate(state=state)), _source(samples, 22_050, [3000, 1, 9000]))


def test_a_stereo_recording_gives_the_text_of_each_channel_and_their_overlaps(tmp_path: Path) -> None:
    recording = tmp_path / "two.wav"
    graph = (
        "[0:a]atrim=0:12,aresample=44100,aformat=channel_layouts=mono,apad[a];"
        "[1:a]atrim=5:15,aresample=44100,aformat=channel_layouts=mono,apad[b];"
        "[a][b]join=inputs=2:channel_layout=stereo"
    )
    command = ["ffmpeg", "-v", "error", "-i", READING, "-i", CALL, "-filter_complex", graph, "-t", "12"]
    subprocess.run([*command, recording], check=True)
    texts = []
    for out in ("first", "from the store"):
        result = stream_engine.transcribe(
            recording, out=tmp_path / out, diarizer="channels", cache=str(tmp_path / "cache")
        )
        texts.append({(segment.speaker, segment.text) for segment in result.segments})
        for speaker, words in SAID.items():
            text = " ".join(segment.text for segment in result.segments if segment.speaker == speaker)
            assert words in text.lower().replace(",", "").replace(".", "")
        assert {turn.speaker for turn in result.turns} == set(SAID)
        assert "[over CHANNEL_" in (result.folder / "transcript.txt").read_text()
    assert texts[0] == texts[1]
