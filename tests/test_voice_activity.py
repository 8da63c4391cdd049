"""Voice activity on real speech: the same values for any chunking, and across a restart."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.speech.pauses import Pauses
from operators.speech.speech_turns import SpeechTurns
from operators.speech.voice_activity import VoiceActivityDetector, load_silero
from stream_engine.events import Turn, VoiceActivity, Watermark
from stream_engine.testing import check_restart, chunked, run
from tests.spoken import call

SESSION = load_silero()
SPEECH = call()[6 * 16000 : 12 * 16000]


def _probabilities(out: list[VoiceActivity | Watermark]) -> list[float]:
    return [value for item in out if isinstance(item, VoiceActivity) for value in item.probabilities]


def _detected(samples: NDArray[np.float32], sizes: list[int]) -> list[VoiceActivity | Watermark]:
    return run(VoiceActivityDetector(session=SESSION), chunked(samples, sizes))


WHOLE = _probabilities(_detected(SPEECH, []))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, 40_000), max_size=30))
def test_any_chunking_gives_the_same_probabilities_bit_for_bit(sizes: list[int]) -> None:
    assert _probabilities(_detected(SPEECH, sizes)) == WHOLE


def test_saving_and_going_on_gives_the_same_probabilities() -> None:
    chunks = chunked(SPEECH[:16000], [1, 700, 3000, 64, 512, 5000])
    check_restart(lambda state: VoiceActivityDetector(session=SESSION, state=state), chunks)


def test_it_gives_what_the_package_that_ships_the_weights_gives() -> None:
    from faster_whisper.vad import get_vad_model

    whole = SPEECH[: len(SPEECH) // 512 * 512]
    ours = np.array(_probabilities(_detected(whole, [10_000])), np.float32)
    theirs = get_vad_model()(whole.copy()).reshape(-1)
    np.testing.assert_array_equal(ours[:-1], theirs[:-1])  # it wipes the end of the last frame


def test_frames_and_watermarks_cover_the_audio_and_the_last_partial_frame() -> None:
    out = _detected(SPEECH[:1500], [600, 900])
    assert [(item.start, item.end) for item in out if isinstance(item, VoiceActivity)] == [
        (0, 512),
        (512, 1024),
        (1024, 1536),
    ]
    # the last one says where the audio ends, on a whole millisecond
    assert [item.at for item in out if isinstance(item, Watermark)] == [512, 1024, 1488]


def test_no_audio_gives_nothing() -> None:
    assert run(VoiceActivityDetector(session=SESSION), []) == []


def test_read_only_audio_is_taken_and_left_as_it_is() -> None:
    audio = SPEECH[:5000].copy()
    audio.flags.writeable = False
    _detected(audio, [1234])
    np.testing.assert_array_equal(audio, SPEECH[:5000])


def test_the_weights_are_found_without_importing_the_package_that_carries_them() -> None:
    code = (
        "import sys; from operators.speech.voice_activity import load_silero; load_silero();"
        "print('faster_whisper' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


# --- turns out of voice activity alone -----------------------------------------------------------


def _activity(levels: list[float], sizes: list[int]) -> list[VoiceActivity]:
    items: list[VoiceActivity] = []
    at = 0
    for size in [*sizes, len(levels)]:
        part = tuple(levels[at : at + size])
        if part:
            items.append(VoiceActivity(start=at * 512, hop=512, probabilities=part))
        at += size
    return items


LEVELS = st.lists(st.sampled_from([0.02, 0.4, 0.6, 0.97]), min_size=1, max_size=200)


@settings(deadline=None)
@given(LEVELS, st.lists(st.integers(1, 60), max_size=20))
def test_any_grouping_of_frames_gives_the_same_turns_and_watermarks(
    levels: list[float], sizes: list[int]
) -> None:
    expected = run(SpeechTurns(longest_s=1.6), _activity(levels, []))
    assert run(SpeechTurns(longest_s=1.6), _activity(levels, sizes)) == expected


@settings(deadline=None, max_examples=30)
@given(LEVELS)
def test_a_restarted_turn_maker_gives_the_same_turns(levels: list[float]) -> None:
    items = _activity(levels, [7] * 40)
    check_restart(lambda state: SpeechTurns(longest_s=1.6, state=state), items)


@settings(deadline=None)
@given(LEVELS, st.lists(st.integers(1, 60), max_size=20))
def test_turns_of_voice_activity_keep_the_promise_of_the_watermark(
    levels: list[float], sizes: list[int]
) -> None:
    end = at = 0
    for item in run(SpeechTurns(longest_s=1.6), _activity(levels, sizes)):
        if isinstance(item, Watermark):
            assert item.at >= at
            at = item.at
        else:
            assert item.start >= max(at, end)
            assert item.end - item.start <= 1.6 * 16000 + 512
            end = item.end


def test_turns_begin_and_end_with_the_voice() -> None:
    levels = [0.0] * 10 + [0.9] * 20 + [0.0] * 30 + [0.9] * 4 + [0.0] * 30
    turns = [item for item in run(SpeechTurns(), _activity(levels, [])) if isinstance(item, Turn)]
    assert [(turn.start, turn.end, turn.speaker) for turn in turns] == [(10 * 512, 30 * 512, None)]


def test_thresholds_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="begin="):
        SpeechTurns(begin=0.3, end=0.5)


@settings(deadline=None)
@given(LEVELS, st.integers(0, 90), st.integers(1, 90))
def test_the_quietest_place_does_not_depend_on_what_was_forgotten(
    levels: list[float], first: int, wide: int
) -> None:
    reach = 8 * 512
    kept, trimmed = Pauses(), Pauses()
    for item in _activity(levels, [9] * 30):
        kept.add(item)
        trimmed.add(item)
    start, end = first * 512, (first + wide) * 512
    trimmed.forget(start - reach)
    assert trimmed.quietest(start, end, reach=reach) == kept.quietest(start, end, reach=reach)
    assert trimmed.voiced(start, end) == kept.voiced(start, end)
