"""Denoising: nothing is lost without a mask, noise goes, speech stays, masks are as they are defined.

Tolerances: 1e-6 of the input without a mask; 1e-4 of the definition, worked out frame by frame in numpy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from operators.audio.denoise import GENTLE, MEMORY, STRONG, Denoise
from operators.audio.noise_floor import ENOUGH, STRIDE, WINDOW
from operators.audio.overlap_add import OverlapAdd
from operators.audio.processed_view import processed
from operators.audio.stft import HOP, SIZE, Spectra, Stft
from stream_engine.clock import RATE
from stream_engine.testing import chunked, run
from tests.speech import READING
from tests.test_loudness import as_samples, pcm
from tests.test_tensor_steps import speech_like

Samples = NDArray[np.float32]
DENOISE = ("denoise",)


def noise(count: int) -> Samples:
    return np.random.default_rng(0).normal(0, 0.01, count).astype(np.float32)


def db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64))))


@pytest.mark.parametrize("count", [1, 159, 160, 161, 320, 500, 5_000, 16_007])
def test_without_a_mask_overlap_add_gives_back_the_audio(count: int) -> None:
    samples = speech_like(2, 1)[:count] + noise(count)
    back = OverlapAdd()
    pieces = [
        piece
        for spectra in run(Stft(), chunked(samples, [700, 30, 4_000]))
        for piece in back.feed(spectra.spectrum, spectra.end)
    ]
    pieces += back.flush()
    out = torch.cat([piece.samples for piece in pieces]).numpy()[:count]
    assert pieces[-1].end == count
    assert np.abs(out - samples).max() <= 1e-6


def test_noise_goes_and_speech_stays() -> None:
    speech = as_samples(pcm(READING))[: 20 * RATE] * 3
    heard = speech + noise(len(speech))
    out = processed(heard, links=DENOISE)
    frames = speech[: len(speech) // HOP * HOP].reshape(-1, HOP)
    level = 10 * np.log10(np.square(frames).mean(1) + 1e-12)
    later = np.arange(len(frames)) > 200
    quiet, loud = later & (level < -46), later & (level > -25)
    assert quiet.sum() > 100
    assert loud.sum() > 100
    before, after = (part[: frames.size].reshape(frames.shape) for part in (heard, out))
    assert db(after[quiet]) < db(before[quiet]) - 8
    assert db(after[loud] - frames[loud]) < db(frames[loud]) - 15
    assert abs(db(after[loud]) - db(frames[loud])) < 0.5


def test_the_first_half_second_of_which_nothing_is_known_stays_as_it_is() -> None:
    samples = noise(2 * RATE)
    out = processed(samples, links=DENOISE)
    assert np.abs(out[: RATE // 2 - SIZE] - samples[: RATE // 2 - SIZE]).max() <= 1e-6
    assert db(out[RATE:]) < db(samples[RATE:]) - 10


def test_spectra_leave_with_the_samples_and_the_spectrum_of_the_same_cells() -> None:
    items = run(Denoise(), run(Stft(), chunked(speech_like(3, 2), [3_000] * 99)))
    assert [item.start for item in items[1:]] == [item.start + item.frames * HOP for item in items[:-1]]
    assert all(len(item.samples) == item.frames * HOP for item in items)
    assert items[-1].end == 3 * RATE


def by_the_definition(item: Spectra) -> NDArray[Any]:
    """The masked spectrum, frame by frame."""
    powers = np.square(np.abs(item.spectrum.numpy().astype(np.complex128)))
    kept: list[NDArray[np.float64]] = []
    floor: NDArray[np.float64] | None = None
    floored, hits = 0.0, 0
    masks: list[NDArray[np.float64]] = []
    for frame, power in enumerate(powers):
        mask = np.ones_like(power)
        if floor is not None:
            alpha, beta = GENTLE if floored > 0.12 else STRONG
            clean = np.maximum(power - alpha * floor, beta * power)
            mask = clean / (clean + alpha * floor)
            hits += int(np.count_nonzero(power - alpha * floor < beta * power))
        masks.append(mask)
        if frame % STRIDE == 0:
            kept = [*kept, power][-WINDOW:]
        if frame % 50 == 49:
            if floor is not None:
                floored += MEMORY * (hits / 50 / len(power) - floored)
                hits = 0
            levels = np.array([10 * np.log10(row.sum()) for row in kept])
            lowest = np.sort(levels)[round(0.2 * (len(levels) - 1))]
            quiet = np.stack(kept)[levels <= lowest + 12]
            rows, share = (quiet, 0.5) if len(quiet) >= ENOUGH else (np.stack(kept), 0.1)
            floor = np.sort(rows, axis=0)[round(share * (len(rows) - 1))]
    padded = np.stack([masks[0], *masks, masks[-1]])
    return item.spectrum.numpy() * np.median([padded[:-2], padded[1:-1], padded[2:]], axis=0)


def test_masks_are_those_of_the_definition() -> None:
    samples = speech_like(14, 4) * np.float32(0.3) + noise(14 * RATE)
    (whole, tail) = run(Stft(), chunked(samples, []))
    item = Spectra(
        0,
        torch.cat((whole.samples, tail.samples)),
        torch.cat((whole.spectrum, tail.spectrum)),
        tail.end,
    )
    found = torch.cat([one.spectrum for one in run(Denoise(), [item])]).numpy()
    assert np.abs(found - by_the_definition(item)).max() <= 1e-4
