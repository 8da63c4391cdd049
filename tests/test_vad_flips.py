"""Changes between speech and silence are counted from frames, and the rate is over the true time."""

from __future__ import annotations

import wave
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import stream_engine
from operators.speech.vad_flips import VadFlips
from operators.speech.voice_activity import FRAME, VoiceActivityDetector, VoiceActivityState, load_silero
from stream_engine.clock import RATE
from stream_engine.events import VoiceActivity
from stream_engine.testing import chunked
from tests.spoken import call


@given(st.lists(st.floats(0, 1), max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_any_grouping_of_frames_and_a_restart_give_the_same_count(
    values: list[float], cuts: list[int]
) -> None:
    whole = VadFlips()
    whole.add(values, FRAME)
    parts = VadFlips()
    edges = [0, *sorted(min(cut, len(values)) for cut in cuts), len(values)]
    for start, end in pairwise(edges):
        parts.add(values[start:end], FRAME)
        parts = msgspec.msgpack.decode(msgspec.msgpack.encode(parts), type=VadFlips)
    assert parts == whole
    speech = np.array(values) >= 0.5
    assert whole.flips == int((speech[1:] != speech[:-1]).sum())


@pytest.mark.parametrize(("period_s", "unstable"), [(0.96, True), (2.048, False)])
def test_more_than_60_changes_in_a_true_minute_are_unstable(period_s: float, unstable: bool) -> None:
    """119 s: by whole minutes, as it was once counted, the slow one would be unstable too."""
    half = round(period_s * RATE / FRAME / 2)
    frames = np.arange(119 * RATE // FRAME)
    count = VadFlips()
    count.add((frames // half % 2).astype(float).tolist(), FRAME)
    assert count.vad_unstable is unstable
    assert count.per_minute == pytest.approx(120 / period_s, rel=0.02)


def test_nothing_heard_is_not_unstable() -> None:
    assert VadFlips().per_minute == 0
    assert not VadFlips().vad_unstable


def test_a_session_tells_the_rate_over_its_true_time(tmp_path: Path) -> None:
    """Pieces of speech and silence, half a second each: no 60 changes, and more than 60 a minute."""
    speech = call()[: 15 * RATE].copy()
    speech[np.arange(len(speech)) // (RATE // 2) % 2 == 1] = 0
    for name, samples, unstable in (("restless", speech, True), ("calm", call()[: 15 * RATE], False)):
        with wave.open(str(tmp_path / f"{name}.wav"), "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((samples * 32_767).astype("<i2").tobytes())
        options = {"asr": "none", "diarizer": "none", "no_cache": True}
        figures = stream_engine.transcribe(
            tmp_path / f"{name}.wav", out=tmp_path, **options
        ).performance_metrics
        assert figures["vad_flips"] < 60
        assert figures["vad_flips_per_minute"] == pytest.approx(figures["vad_flips"] * 4, rel=0.01)
        assert figures["vad_unstable"] is unstable


def test_the_detector_counts_while_it_listens_and_goes_on_after_a_restart() -> None:
    session = load_silero()
    speech = call()[: 20 * RATE]
    whole = VoiceActivityDetector(session=session)
    items = [item for chunk in chunked(speech, [RATE] * 20) for item in whole.feed(chunk)]
    items += whole.flush()
    heard = np.array([p for item in items if isinstance(item, VoiceActivity) for p in item.probabilities])
    assert whole.flips.flips == int((np.diff(heard >= 0.5) != 0).sum()) > 0
    first = VoiceActivityDetector(session=session)
    for chunk in chunked(speech, [RATE] * 20)[:7]:
        list(first.feed(chunk))
    saved = msgspec.msgpack.decode(msgspec.msgpack.encode(first.state), type=VoiceActivityState)
    second = VoiceActivityDetector(session=session, state=saved)
    for chunk in chunked(speech, [7 * RATE, *[3_777] * 200])[1:]:
        list(second.feed(chunk))
    list(second.flush())
    assert second.flips == whole.flips
