"""The signal chain: as the old one with a transform for each link, any chunking, restarts, levels, no step.

Tolerances: 1e-6 between chunkings; bit for bit after a restart; of the old chain on real speech 0.03 dB in
the median frame and 0.3 dB in 99 of 100 frames above -60 dB (the one transform weighs its bins by |H|^2 where
the old one filtered first, and makes a frame louder by the gain in its middle).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import scipy.fft
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.audio.processed_view import ProcessedView, processed
from operators.audio.signal_chain import ALL_LINKS, DENOISE, HIGH_PASS, LINKS, SignalChain
from operators.audio.stft import HOP, SIZE, Spectra, Stft
from stream_engine.clock import RATE
from stream_engine.events import Chunk
from stream_engine.operator import Operator, chain
from stream_engine.testing import check_restart, chunked, run
from tests import old_chain
from tests.speech import CALL, READING
from tests.test_loudness import as_samples, pcm, readings
from tests.test_tensor_steps import speech_like

Samples = NDArray[np.float32]
CHUNKING = 1e-6
SPEECH = {"a call": CALL, "a reading": READING}


def through(samples: Samples, cut: Sequence[int] = (), **settings: Any) -> Samples:
    """What the chain gives, joined; its chunks follow one another."""
    operator: Operator[Chunk, Chunk] = chain(Stft(), SignalChain(**settings))
    chunks = run(operator, chunked(samples, cut))
    starts = [0, *itertools.accumulate(len(chunk.samples) for chunk in chunks)]
    assert [chunk.start for chunk in chunks] == starts[:-1]
    return np.concatenate([chunk.samples for chunk in chunks]) if chunks else np.zeros(0, np.float32)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Beside other work a second thread costs more than it gives."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@settings(max_examples=15, deadline=None)
@given(
    cut=st.lists(st.integers(1, 9_000), max_size=12),
    seed=st.integers(0, 9),
    seconds=st.floats(0, 2),
    links=st.sets(st.sampled_from(ALL_LINKS)),
)
def test_any_chunking_gives_the_same_audio_with_any_links(
    cut: list[int], seed: int, seconds: float, links: set[str]
) -> None:
    samples = speech_like(seconds, seed)
    out = through(samples, cut, links=sorted(links))
    assert len(out) == len(samples)
    if len(samples):
        assert np.abs(out - through(samples, links=sorted(links))).max() <= CHUNKING


class Bytes:
    """A chain whose chunks are compared bit for bit."""

    def __init__(self, inner: SignalChain) -> None:
        self.inner = inner

    def feed(self, item: Spectra) -> Iterator[Any]:
        return ((chunk.start, chunk.samples.tobytes()) for chunk in self.inner.feed(item))

    def flush(self) -> Iterator[Any]:
        return ((chunk.start, chunk.samples.tobytes()) for chunk in self.inner.flush())

    @property
    def state(self) -> object:
        return self.inner.state


@pytest.mark.parametrize("links", [ALL_LINKS, (), ("high-pass", "limiter")])
def test_the_chain_goes_on_after_a_restart(links: tuple[str, ...]) -> None:
    items = run(Stft(), chunked(speech_like(2, 3), [700, 9_000, 15_000]))
    check_restart(lambda state: Bytes(SignalChain(links=links, state=state)), items)


def test_memory_does_not_grow() -> None:
    operator, sizes = SignalChain(links=ALL_LINKS), []
    for spectra in run(Stft(), chunked(speech_like(24, 1), [2 * RATE] * 12)):
        list(operator.feed(spectra))
        sizes.append(len(msgspec.msgpack.encode(operator.state)))
    assert max(sizes) < 450_000
    assert max(sizes[6:]) - min(sizes[6:]) < 100


# --- one transform -------------------------------------------------------------------------------


def differences(samples: Samples) -> tuple[Samples, int]:
    """dB between the frames of both chains that are above -60 dB, and how many there were in all."""
    old, again = old_chain.Transform(), old_chain.Transform()
    stft = Stft()
    steps: Operator[Chunk, Chunk] = chain(stft, SignalChain(links=("high-pass", "gain", "compression")))
    ours = np.concatenate([c.samples for c in run(steps, chunked(samples, [RATE] * 99))])
    theirs = again.levels(old_chain.chain(samples.astype(np.float64), old))
    assert (stft.transforms, old.frames) == (len(theirs), 2 * len(theirs))
    heard = theirs > -60
    found = np.abs(again.levels(ours.astype(np.float64)) - theirs)[heard]
    return found.astype(np.float32), len(theirs)


@pytest.mark.parametrize("what", SPEECH)
def test_with_one_transform_a_cell_the_chain_is_the_old_one_with_two(what: str) -> None:
    found, frames = differences(as_samples(pcm(SPEECH[what])))
    assert len(found) > 0.7 * frames
    assert np.median(found) <= 0.03
    assert np.quantile(found, 0.99) <= 0.3


def test_it_is_the_old_chain_on_meetings_too(data: Path) -> None:
    for path in sorted((data / "diar").glob("ami_EN200*.wav"))[::2]:
        found, _ = differences(as_samples(pcm(path)))
        assert np.median(found) <= 0.1, path.name
        assert np.quantile(found, 0.99) <= 0.7, path.name


def transforms(
    monkeypatch: pytest.MonkeyPatch, samples: Samples, links: Sequence[str]
) -> list[tuple[int, int]]:
    """(rows, length) of each forward transform that the chain makes, by whatever library."""
    seen: list[tuple[int, int]] = []

    def counted(true: Any) -> Any:
        def transform(signal: Any, n: int | None = None, *given: Any, **named: Any) -> Any:
            shape = np.shape(signal)
            seen.append((int(np.prod(shape[:-1])), n or shape[-1]))
            return true(signal, n, *given, **named)

        return transform

    steps: Operator[Chunk, Chunk] = chain(Stft(), SignalChain(links=links))
    with monkeypatch.context() as patch:
        for library in (torch.fft, np.fft, scipy.fft):
            for name in ("fft", "rfft", "hfft", "fft2", "rfft2", "fftn", "rfftn"):
                patch.setattr(library, name, counted(getattr(library, name)))
        patch.setattr(torch, "stft", counted(torch.stft))
        run(steps, chunked(samples, [RATE] * 9))
    return seen


def test_no_link_transforms_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The high-pass is a product of spectra, of blocks that are longer, and has its own: one a chunk."""
    samples = speech_like(5, 1)
    items = len(run(Stft(), chunked(samples, [RATE] * 9)))
    frames = len(samples) // HOP
    alone = transforms(monkeypatch, samples, ())
    assert alone[0] == (98, SIZE)
    assert {length for _, length in alone} == {SIZE}
    assert sum(rows for rows, _ in alone) == frames
    filtered = transforms(monkeypatch, samples, (HIGH_PASS,))
    others = [length for _, length in filtered if length != SIZE]
    assert len(others) <= items + len(set(others))  # and once for each length that of the response
    for link in ALL_LINKS:
        of_it = transforms(monkeypatch, samples, (link,))
        assert of_it == (filtered if link == HIGH_PASS else alone), link
    assert transforms(monkeypatch, samples, LINKS) == filtered
    both = transforms(monkeypatch, samples, (DENOISE, HIGH_PASS))  # whose chunks are of other sizes
    assert transforms(monkeypatch, samples, ALL_LINKS) == both
    assert [one for one in both if one[1] == SIZE] == alone


# --- levels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", SPEECH)
@pytest.mark.parametrize(("loudness", "lufs"), [("asr", -20), ("broadcast", -23), (-26.0, -26)])
def test_speech_comes_out_at_the_loudness_that_was_asked_for(
    what: str, loudness: str | float, lufs: float
) -> None:
    out = through(as_samples(pcm(SPEECH[what])), [RATE] * 99, loudness=loudness)
    assert readings(out[8 * RATE :], [])[-1].integrated == pytest.approx(lufs, abs=1)
    assert np.abs(out).max() <= 0.95


def test_a_click_each_second_stays_where_it_was() -> None:
    samples = np.random.default_rng(0).normal(0, 1e-3, 30 * RATE).astype(np.float32)
    clicks = np.arange(RATE // 2, len(samples), RATE)
    samples[clicks] = 0.5
    for links in (LINKS, ALL_LINKS):
        out = through(samples, [7_777] * 999, links=links)
        found = np.abs(out).reshape(-1, RATE).argmax(1) + np.arange(30) * RATE
        assert np.array_equal(found, clicks)


def test_silence_stays_silence_and_nothing_stays_nothing() -> None:
    assert not through(np.zeros(RATE, np.float32), links=ALL_LINKS).any()
    assert len(through(np.zeros(0, np.float32))) == 0


def test_without_links_audio_is_as_it_was_and_no_chunk_can_be_written_to() -> None:
    samples = speech_like(2, 1)
    items = run(Stft(), chunked(samples, [5_000] * 9))
    kept = [item.samples.clone() for item in items]
    assert np.array_equal(through(samples, [999] * 99, links=()), samples)
    assert not any(chunk.samples.flags.writeable for chunk in run(SignalChain(), items))
    assert all(torch.equal(item.samples, before) for item, before in zip(items, kept, strict=True))


STEPS = {"high-pass": "high_pass"}  # in the state, where that is not the name


@pytest.mark.parametrize("link", ALL_LINKS)
def test_each_link_can_be_switched_on_and_off_by_itself(link: str) -> None:
    for links in ((link,), tuple(one for one in ALL_LINKS if one != link)):
        state = SignalChain(links=links).state
        there = {one for one in ALL_LINKS if getattr(state, STEPS.get(one, one)) is not None}
        assert there == set(links)
        assert (state.ramp is not None) == bool(there & {"gain", "compression", "loudness"})


def test_a_link_or_a_loudness_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="reverb"):
        SignalChain(links=("high-pass", "reverb"))
    with pytest.raises(ValueError, match="cinema"):
        SignalChain(loudness="cinema")


# --- clips ---------------------------------------------------------------------------------------


def test_a_clip_is_that_of_the_stream_where_gains_have_found_their_place() -> None:
    samples = as_samples(pcm(CALL))
    links = ("high-pass", "gain", "compression")
    stream = through(samples, [RATE] * 30, links=links)
    view = ProcessedView(audio=lambda start, end: samples[start:end], links=links, lead_s=2)
    for start, end in ((0, RATE), (5 * RATE + 77, 8 * RATE), (20 * RATE + 16, 29 * RATE)):
        clip = view(start, end)
        assert len(clip) == end - start
        settled = slice(0, len(clip) - RATE // 5)  # the end of a clip is the end of its audio
        assert np.abs(clip[settled] - stream[start:end][settled]).max() <= CHUNKING


def test_a_clip_does_not_depend_on_those_before_it() -> None:
    samples = as_samples(pcm(CALL))
    view, other = (ProcessedView(audio=lambda start, end: samples[start:end]) for _ in range(2))
    view(0, 3 * RATE)
    first = view(9 * RATE, 11 * RATE)
    assert np.array_equal(first, other(9 * RATE, 11 * RATE))
    assert np.array_equal(first, processed(samples[4 * RATE : 11 * RATE])[-2 * RATE :])


@pytest.mark.needs_gpu
def test_a_gpu_gives_what_the_cpu_gives() -> None:
    samples = speech_like(20)
    for links in (LINKS, ALL_LINKS):
        steps = (chain(Stft(device=device), SignalChain(links=links)) for device in ("cpu", "cuda"))
        here, there = (
            np.concatenate([c.samples for c in run(step, chunked(samples, [RATE] * 30))]) for step in steps
        )
        assert np.abs(here - there).max() <= 1e-4
