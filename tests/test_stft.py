"""The shared transform: the same frames for any chunking, and those of numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.audio.stft import BEFORE, HOP, SIZE, Spectra, Stft
from stream_engine.testing import chunked, run

torch = pytest.importorskip("torch")
AUDIO = np.random.default_rng(0).standard_normal(16_000 + 7).astype(np.float32)


def whole(items: list[Spectra]) -> tuple[np.ndarray, np.ndarray]:
    assert [item.start for item in items[1:]] == [item.start + item.frames * HOP for item in items[:-1]]
    return np.concatenate([item.spectrum.numpy() for item in items]), np.concatenate(
        [i.samples.numpy() for i in items]
    )


@settings(max_examples=20)
@given(st.lists(st.integers(1, 5000), min_size=1, max_size=20))
def test_frames_are_those_of_numpy_for_any_chunking(sizes: list[int]) -> None:
    stft = Stft()
    items = run(stft, chunked(AUDIO, [*sizes, len(AUDIO)]))
    spectrum, samples = whole(items)
    cells = -(-len(AUDIO) // HOP)
    padded = np.pad(AUDIO, (BEFORE, SIZE))
    window = torch.hann_window(SIZE).numpy()
    expected = np.fft.rfft(np.stack([padded[i * HOP : i * HOP + SIZE] * window for i in range(cells)]))
    np.testing.assert_allclose(spectrum, expected, atol=2e-4)
    np.testing.assert_array_equal(samples[: len(AUDIO)], AUDIO)
    assert stft.transforms == cells
    assert items[-1].end == len(AUDIO)


def test_no_audio_has_no_frames() -> None:
    assert run(Stft(), []) == []


def test_state_survives_a_restart() -> None:
    def same(state: object) -> Stft:
        return Stft(state=state)  # type: ignore[arg-type]

    items = chunked(AUDIO, [700, 30, 4000, len(AUDIO)])
    plain, _ = whole(run(same(None), items))
    stft, out = Stft(), []
    for item in items:
        stft = same(stft.state)
        out += stft.feed(item)
    out += same(stft.state).flush()
    np.testing.assert_allclose(whole(out)[0], plain, atol=1e-4)
