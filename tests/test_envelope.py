"""The envelope: the same for any chunking, and on a scale that can be read off."""

from __future__ import annotations

from base64 import b64decode

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from operators.audio.envelope import Envelopes
from stream_engine.clock import RATE
from stream_engine.events import Chunk
from stream_engine.testing import check_restart, chunked, run

AUDIO = np.random.default_rng(1).uniform(-1, 1, 12 * RATE + 777).astype(np.float32)


@given(st.lists(st.integers(1, 40_000), max_size=20))
def test_any_chunking_gives_the_same_envelope(sizes: list[int]) -> None:
    assert run(Envelopes(), chunked(AUDIO, sizes)) == run(Envelopes(), chunked(AUDIO, []))


def test_it_covers_the_audio_and_goes_on_after_a_restart() -> None:
    items = chunked(AUDIO, [700, 160_000, 3, 20_000])
    told = run(Envelopes(), items)
    assert [(one.start, one.end) for one in told] == [(0, 160_000), (160_000, 192_784)]
    assert [len(b64decode(one.peaks)) for one in told] == [100, 21]
    check_restart(lambda state: Envelopes(state=state), items)


def test_full_scale_is_255_15_dB_below_191_and_60_dB_below_0() -> None:
    steps = [np.full(1600, level, np.float32) for level in (1.0, -1.0, 10**-0.75, 0.0, 0.0001)]
    (told,) = run(Envelopes(), chunked(np.concatenate(steps), []))
    assert list(b64decode(told.peaks)) == [255, 255, 191, 0, 0]


def test_the_loudest_of_several_channels_counts() -> None:
    both = np.stack([np.zeros(1600, np.float32), np.full(1600, -1.0, np.float32)], 1)
    (told,) = run(Envelopes(), [Chunk(start=0, samples=both)])
    assert list(b64decode(told.peaks)) == [255]


def test_no_audio_has_no_envelope() -> None:
    assert run(Envelopes(), []) == []
