"""Segments and frames, merged in any order, to the prosody of each segment: real speech, made-up frames."""

from __future__ import annotations

import random
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.audio.stft import HOP, Stft
from operators.prosody.filler_list import packaged_fillers
from operators.prosody.frame_statistics import frame_statistics
from operators.prosody.frames import FrameFeatures, ProsodyFrames
from operators.prosody.paralinguistics import NO_FRAMES, TOO_LATE, Paralinguistics
from operators.prosody.voice_quality import voice_quality
from stream_engine.clock import RATE, samples
from stream_engine.events import Hypothesis, Language, Prosody, Rejected, Segment, Turn, Watermark
from stream_engine.testing import check_restart, chunked, run
from tests.speech import READING
from tests.spoken import decoded

FILLERS = packaged_fillers()
SECONDS = 40


class Audio:
    """A store of noise that notes what it is asked for."""

    def __init__(self, held: NDArray[np.float32] | None = None) -> None:
        noise = np.random.default_rng(1).normal(0, 0.1, SECONDS * RATE).astype(np.float32)
        self.samples = noise if held is None else held
        self.samples.flags.writeable = False
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, end: int) -> NDArray[np.float32]:
        self.asked.append((start, end))
        return self.samples[start:end]


AUDIO = Audio()


def operator(state: Any = None, audio: Any = AUDIO, **options: Any) -> Paralinguistics:
    options = {"voice": False, "language": "en", "fillers": FILLERS} | options
    return Paralinguistics(audio=audio, state=state, **options)


def made_up_frames(count: int, seed: int = 3) -> ProsodyFrames:
    """A voice that comes and goes."""
    noise = np.random.default_rng(seed)
    level = np.where(np.arange(count) // 40 % 3 == 2, -60.0, -20.0) + noise.normal(0, 1, count)
    pitch = np.where(level > -40, 150.0 + noise.normal(0, 10, count), 0.0)
    columns = (level, pitch, noise.random(count), 1000 + noise.normal(0, 50, count), noise.random(count))
    return ProsodyFrames(0, *(column.astype(np.float32) for column in columns))


FRAMES = made_up_frames(SECONDS * 100)


def pieces(sizes: list[int]) -> list[ProsodyFrames]:
    """The frames in pieces of these sizes; the last takes what is left."""
    found, at = [], 0
    for size in [*sizes, FRAMES.frames]:
        columns = [column[at : at + size] for column in FRAMES[1:]]
        if len(columns[0]):
            found.append(ProsodyFrames(at * HOP, *columns))
        at += size
    return found


def segment(
    id: int, start_s: float, end_s: float, text: str = "some words", *, final: bool = True
) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=final,
        start=samples(start_s),
        end=samples(end_s),
        speaker="A",
        text=text,
        words=None,
    )


def mark(at_s: float, source: str = "text") -> Watermark:
    return Watermark(source=source, at=samples(at_s))


def rejected(id: int, start_s: float, end_s: float) -> Rejected:
    return Rejected(id=id, start=samples(start_s), end=samples(end_s), speaker=None, reason="no words")


TEXT = [
    segment(0, 0.5, 3.01, "It was the, um, best of times."),
    mark(2),
    segment(1, 2.2, 2.4, "Yes."),
    rejected(2, 4, 5),
    segment(3, 4.5, 4.6, "   "),
    segment(4, 5, 9, "draft", final=False),
    Language(at=samples(9), code="de", probability=0.9),
    mark(5),
    segment(5, 6, 12.345, "Guten Morgen zusammen"),
    mark(20),
    segment(6, 30, 39.999, "bis zum Ende"),
    segment(7, 39, 40.008, "und weiter"),
]


def told(items: list[Any]) -> list[Any]:
    """What came of recognition, in its order, with the prosody."""
    return [item for item in items if not isinstance(item, Turn | Hypothesis)]


# --- what goes in and out ------------------------------------------------------------------------


def test_a_final_segment_is_followed_by_its_prosody_as_soon_as_frames_cover_it():
    one = operator()
    said = TEXT[0]
    assert list(one.feed(said)) == []
    assert list(one.feed(pieces([300])[0])) == []
    out = list(one.feed(pieces([300, 5])[1]))
    assert out[0] is said
    assert isinstance(out[1], Prosody)
    assert (out[1].segment, out[1].start, out[1].end, out[1].speaker) == (0, said.start, said.end, "A")
    assert (out[1].words, out[1].fillers, out[1].wpm) == (7, 1, round(60 * 7 / 2.51, 2))


def test_figures_are_those_of_the_frames_below_the_segment():
    *_, found = run(operator(), [FRAMES, segment(0, 1, 3)])
    expected = msgspec.structs.asdict(
        frame_statistics(ProsodyFrames(RATE, *(c[100:300] for c in FRAMES[1:])))
    )
    assert expected["pauses"] == 2
    assert {name: getattr(found, name) for name in expected} == expected


def test_the_shortest_pause_is_an_option():
    pauses = [
        run(operator(pause_min_ms=ms, long_pause_ms=600), [FRAMES, segment(0, 0, 10)])[-1].pauses
        for ms in (200, 500)
    ]
    assert pauses[0] > pauses[1] == 0
    with pytest.raises(ValueError, match="pause_min_ms=700"):
        operator(pause_min_ms=700)


def test_what_is_not_of_the_text_passes_at_once():
    one = operator()
    turn = Turn(id=1, revision=0, final=True, start=0, end=RATE, speaker="A")
    open_text = Hypothesis(id=1, revision=0, start=0, end=RATE, speaker="A", text="so")
    assert list(one.feed(TEXT[0])) == []
    for item in (turn, open_text, mark(3, "overlap")):
        (given,) = one.feed(item)
        assert given is item
    assert list(one.feed(mark(0.5))) == []  # of the text: behind the segment
    assert [type(item) for item in one.flush()] == [Segment, Prosody, Watermark]


def test_a_segment_without_words_touches_no_audio_and_waits_for_none():
    audio = Audio()
    one = operator(audio=audio, voice=True)
    for item in (
        segment(0, 0, 2, ""),
        segment(1, 2, 4, " ... "),
        rejected(2, 4, 6),
        segment(3, 6, 8, final=False),
    ):
        assert list(one.feed(item)) == [item]
    assert run(one, pieces([])) == []
    assert audio.asked == []
    run(one, [segment(4, 6, 8)])
    assert audio.asked == [(samples(6), samples(8))]


def test_without_voice_quality_no_audio_is_touched():
    audio = Audio()
    *_, found = run(operator(audio=audio), [FRAMES, segment(0, 1, 3)])
    assert audio.asked == []
    assert found.jitter_pct is None
    assert "voice: not asked for" in found.notes


def test_the_language_is_that_which_recognition_told_before():
    out = [item for item in run(operator(), [FRAMES, *TEXT]) if isinstance(item, Prosody)]
    assert [item.segment for item in out] == [0, 1, 5, 6, 7]
    assert [item.syllables for item in out] == [7, 1, None, None, None]
    assert out[2].fillers is None
    assert any("language de" in note for note in out[2].notes)


def test_nothing_that_is_not_a_number_reaches_an_event():
    silence = ProsodyFrames(0, *(np.full(200, value, np.float32) for value in (-120, 0, 0, 0, 0)))
    *_, found = run(
        operator(voice=True, audio=Audio(np.zeros(2 * RATE, np.float32))), [silence, segment(0, 0, 2)]
    )
    assert b"NaN" not in msgspec.json.encode(found)
    assert found.f0_median_hz is None
    assert found.jitter_pct is None
    assert [note for note in found.notes if "pitch" in note]
    assert [note for note in found.notes if "voice" in note]


# --- the end, and what came too late -------------------------------------------------------------


def test_at_the_end_a_segment_has_what_frames_there_are():
    out = run(operator(), [segment(0, 39, 40.5), *pieces([]), segment(1, 50, 51)])
    assert out[1].loudness_dbfs is not None
    assert (out[3].loudness_dbfs, out[3].words) == (None, 2)
    assert NO_FRAMES in out[3].notes


def test_text_that_comes_later_than_the_memory_has_no_frames_and_says_so():
    out = run(operator(memory_s=10), [FRAMES, segment(0, 29.9, 31), segment(1, 30, 31)])
    assert (out[1].loudness_dbfs, out[1].wpm) == (None, round(60 * 2 / 1.1, 2))
    assert TOO_LATE in out[1].notes
    assert out[3].loudness_dbfs is not None


@pytest.mark.parametrize("marked", [True, False])
def test_memory_is_that_of_the_frames_which_text_may_still_want(marked):
    one, largest = operator(memory_s=60), 0
    for minute in range(30):
        for column in pieces([50] * 80):
            moved = column._replace(start=column.start + minute * FRAMES.frames * HOP)
            for _ in one.feed(moved):
                pass
            if marked:
                list(one.feed(Watermark(source="text", at=moved.start)))
        largest = max(largest, len(msgspec.msgpack.encode(one.state)))
    assert largest < (5_000 if marked else 125_000)


# --- any order, restart --------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 900), max_size=12), st.randoms(use_true_random=False))
def test_neither_interleaving_nor_chunking_changes_what_is_said(sizes, chance):
    others = [Turn(id=i, revision=0, final=True, start=0, end=RATE, speaker="A") for i in range(3)]
    streams = [pieces(sizes), list(TEXT), list(others)]
    merged: list[Any] = []
    while any(streams):
        merged.append(chance.choice([stream for stream in streams if stream]).pop(0))
    out = run(operator(), merged)
    assert told(out) == told(run(operator(), [FRAMES, *TEXT]))
    assert [item for item in told(out) if not isinstance(item, Prosody)] == TEXT
    assert [item for item in out if isinstance(item, Turn)] == others


def test_a_restart_anywhere_changes_nothing():
    chance = random.Random(5)
    items: list[Any] = pieces([chance.randint(50, 400) for _ in range(15)])
    for place, item in zip(
        sorted(chance.sample(range(len(items)), len(TEXT)), reverse=True), TEXT[::-1], strict=True
    ):
        items.insert(place, item)
    check_restart(lambda state: operator(state), items)


# --- real speech ---------------------------------------------------------------------------------


@cache
def reading() -> tuple[NDArray[np.float32], list[ProsodyFrames]]:
    """10 s of a man who reads, and its frames."""
    audio = decoded(READING)[: 10 * RATE]
    spectra = run(Stft(), chunked(audio, [4000] * 40))
    return audio, run(FrameFeatures(), spectra)


SENTENCES = [
    segment(0, 0, 5, "It was the best of times, it was the worst of times."),
    segment(1, 5, 10, "It was the age of wisdom. It was the age of foolishness. It was the epoch of belief."),
]


def test_a_reading_has_the_figures_of_a_reading():
    audio, frames = reading()
    first, second = [
        item for item in run(operator(audio=Audio(audio)), [*SENTENCES, *frames]) if isinstance(item, Prosody)
    ]
    assert (first.words, first.syllables, first.wpm, first.syllables_per_s) == (12, 12, 144.0, 2.4)
    assert (second.words, second.syllables) == (18, 23)
    for found in (first, second):
        assert (found.fillers, found.repetitions, found.false_starts) == (0, 0, 0)
        assert 75 < found.f0_median_hz < 180
        assert 0.3 < found.voiced_ratio < 0.9
        assert found.pauses >= 1
        assert -60 < found.loudness_dbfs < -10  # the median, over the pauses too
        assert found.notes == ("voice: not asked for",)


def test_voice_quality_is_that_of_the_audio_below_the_segment():
    audio, frames = reading()
    store = Audio(audio)
    found = run(operator(audio=store, voice=True), [*frames, *SENTENCES, segment(2, 0.5, 1.05)])
    first, second, third = [item for item in found if isinstance(item, Prosody)]
    assert store.asked == [(one.start, one.end) for one in SENTENCES] + [(samples(0.5), samples(1.05))]
    for one in (first, second):
        expected = voice_quality(
            audio[one.start : one.end],
            np.concatenate([piece.f0_hz for piece in frames])[one.start // HOP : one.end // HOP],
        )
        assert (one.jitter_pct, one.shimmer_db, one.hnr_db, one.cpps_db, one.voice_reliable) == (
            expected.jitter_pct,
            expected.shimmer_db,
            expected.hnr_db,
            expected.cpps_db,
            expected.reliable,
        )
        assert 0 < one.jitter_pct < 5
        assert one.notes == ((expected.reason,) if expected.reason else ())
    assert third.jitter_pct is third.voice_reliable is None
    assert third.notes[-1] == "voice: shorter than 0.6 s"


def test_a_reading_in_other_chunks_and_merged_otherwise_has_the_same_figures():
    audio, frames = reading()
    spectra = run(Stft(), chunked(audio, [1237] * 200))
    again = run(FrameFeatures(), spectra)
    one = run(operator(audio=Audio(audio)), [*SENTENCES, *frames])
    other = run(operator(audio=Audio(audio)), [*again, *SENTENCES])
    for a, b in zip(one, other, strict=True):
        for name in a.__struct_fields__:
            x, y = getattr(a, name), getattr(b, name)
            if isinstance(x, float):  # rounded: float noise may move the last digit
                assert x == pytest.approx(y, abs=0.11), name
            else:
                assert x == y
