"""Loudness of real recordings: within 0.2 LU of ffmpeg's ebur128 on the same 16 kHz mono PCM."""

from pathlib import Path

import pytest

from stream_engine.clock import RATE
from tests.test_loudness import as_samples, ebur128, pcm, readings


def test_loudness_of_each_recording_is_that_of_ffmpeg(data: Path) -> None:
    paths = [*(data / "diar").glob("*.wav"), *(data / "sim").glob("*.flac")]
    assert len(paths) > 10
    for path in paths:
        raw = pcm(path)
        found, theirs = readings(as_samples(raw), [RATE] * 200)[-1].integrated, ebur128(raw)["I"][-1]
        assert found == pytest.approx(theirs, abs=0.2), path.name
