"""Recognition with the real recogniser: text from speech, and not one word from anything else."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
from numpy.typing import NDArray

from operators.speech.moonshine import Moonshine
from operators.speech.recognition import Recognition, Transcript
from operators.speech.speech_turns import SpeechTurns
from operators.speech.utterances import UtteranceCutter
from operators.speech.voice_activity import VoiceActivityDetector, load_silero
from stream_engine.clock import RATE, samples
from stream_engine.errors import BackendError
from stream_engine.events import Rejected, Segment, Turn, Utterance, Word
from stream_engine.testing import chunked, run
from tests.spoken import call, decoded

SESSION = load_silero()


@pytest.fixture(scope="module")
def moonshine() -> Iterator[Moonshine]:
    recogniser = Moonshine()
    yield recogniser
    recogniser.close()


def utterances(audio: NDArray[np.float32], turns: list[Turn] | None = None) -> list[Utterance]:
    voice = run(VoiceActivityDetector(session=SESSION), chunked(audio, [RATE] * 100))
    items = [*voice, *(turns if turns is not None else run(SpeechTurns(), voice))]
    return [one for one in run(UtteranceCutter(), items) if isinstance(one, Utterance)]


def heard(recogniser: Moonshine, audio: NDArray[np.float32], turns: list[Turn] | None = None) -> list[str]:
    recognise = Recognition(recogniser=recogniser, audio=lambda one: audio[one.start : one.end])
    return [segment.text for one in utterances(audio, turns) for segment in recognise([one])[0]]


def test_the_call_is_understood(moonshine: Moonshine) -> None:
    text = " ".join(heard(moonshine, call())).lower()
    for words in ("this is diane in new jersey", "neither did i", "originally from chicago"):
        assert words in text


def test_a_segment_carries_the_interval_and_the_turns_of_its_utterance() -> None:
    class Echo:
        name = "echo"
        languages = None
        batch = 2
        word_times = True

        def transcribe(self, clips: Sequence[NDArray[np.float32]], /, **_: object) -> list[Transcript]:
            word = Word(start=160, end=len(clips[0]) + 5000, text=f"{len(clips[0])}")
            return [Transcript(f"  {len(clips[0])}\n samples ", (word,))]

    recognise = Recognition(recogniser=Echo(), audio=lambda one: np.zeros(one.end - one.start, np.float32))
    utterance = Utterance(id=7, start=1600, end=3200, speaker="A", turns=(3, 5))
    (segments,) = recognise([utterance])
    assert list(segments) == [
        Segment(
            id=7,
            revision=0,
            final=True,
            start=1600,
            end=3200,
            speaker="A",
            text="1600 samples",
            words=(Word(start=1760, end=3200, text="1600", speakers=("A",)),),
            turns=(3, 5),
        )
    ]


def test_no_text_is_no_segment_and_a_reason() -> None:
    class Mute:
        name = "mute"
        languages = None
        batch = 1
        word_times = False

        def transcribe(self, clips: Sequence[NDArray[np.float32]], /, **_: object) -> list[Transcript]:
            return [Transcript(" ") for _ in clips]

    recognise = Recognition(recogniser=Mute(), audio=lambda one: np.zeros(one.end - one.start, np.float32))
    assert recognise([Utterance(id=0, start=0, end=1600, speaker=None, turns=(0,))]) == [
        (Rejected(id=0, start=0, end=1600, speaker=None, reason="no words", turns=(0,)),)
    ]


# --- nothing out of nothing ----------------------------------------------------------------------


def _noise(color: str) -> NDArray[np.float32]:
    spectrum = np.fft.rfft(np.random.default_rng(1).normal(size=12 * RATE))
    if color == "pink":
        spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum)
    return (0.2 * noise / np.abs(noise).max()).astype(np.float32)


def _tone(hertz: float) -> NDArray[np.float32]:
    return (0.3 * np.sin(2 * np.pi * hertz * np.arange(8 * RATE) / RATE)).astype(np.float32)


SILENT = {
    "digital silence": np.zeros(12 * RATE, np.float32),
    "white noise": _noise("white"),
    "pink noise": _noise("pink"),
    "tone of 100 Hz": _tone(100),
    "tone of 440 Hz": _tone(440),
    "tone of 1 kHz": _tone(1000),
    "clicks": np.where(np.arange(8 * RATE) % 4000 == 0, np.float32(0.9), np.float32(0)),
}


@pytest.mark.parametrize("kind", SILENT)
def test_not_one_word_on_what_is_no_speech(moonshine: Moonshine, kind: str) -> None:
    audio = SILENT[kind]
    everything = [Turn(id=0, revision=0, final=True, start=0, end=len(audio), speaker="A")]
    assert heard(moonshine, audio) == []
    assert heard(moonshine, audio, everything) == []  # not even where a diarizer saw a turn


def test_not_one_word_on_the_recordings_without_speech(moonshine: Moonshine, data: Path) -> None:
    for path in sorted((data / "nospeech").glob("*.wav")):
        audio = decoded(path)
        everything = [Turn(id=0, revision=0, final=True, start=0, end=len(audio) // 16 * 16, speaker="A")]
        assert heard(moonshine, audio) == [], path.name
        assert heard(moonshine, audio, everything) == [], path.name


# --- the back end --------------------------------------------------------------------------------


def test_threads_at_once_give_the_same_text_as_one(moonshine: Moonshine) -> None:
    cuts = [(samples(7 + i), samples(10 + i)) for i in range(0, 18, 2)]
    clips = [call()[start:end] for start, end in cuts]
    alone = moonshine.transcribe(clips)
    with ThreadPoolExecutor(3) as threads:
        assert [said for (said,) in threads.map(moonshine.transcribe, zip(clips))] == alone


TOGETHER = """
from concurrent.futures import ThreadPoolExecutor
import numpy as np
from operators.speech.moonshine import Moonshine
moonshine = Moonshine()
with ThreadPoolExecutor(4) as threads:
    print(len(list(threads.map(moonshine.transcribe, [[np.zeros(16000, np.float32)]] * 4))))
moonshine.close()
"""


def test_the_first_calls_may_come_from_several_threads_at_once() -> None:
    done = subprocess.run([sys.executable, "-c", TOGETHER], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "4\n", "")


def test_threads_that_come_and_go_share_one_transcriber() -> None:
    moonshine = Moonshine()
    opened = []
    clip = call()[: RATE // 2]
    for _ in range(3):
        with ThreadPoolExecutor(1) as thread:
            thread.submit(moonshine.transcribe, [clip]).result()
        opened.append(psutil.Process().memory_info().rss >> 20)
    moonshine.close()
    assert opened[2] - opened[0] < 50  # one is 110 MB


def test_a_clip_is_not_changed_and_may_be_read_only_or_empty(moonshine: Moonshine) -> None:
    clip = call()[: 2 * RATE]
    assert not clip.flags.writeable
    assert moonshine.transcribe([clip, clip[:0]])[1] == Transcript("")


@pytest.mark.parametrize("language", ["en", "EN", "en-GB", None])
def test_english_is_known(language: str | None) -> None:
    Moonshine(language=language)


@pytest.mark.parametrize("language", ["fr", "de-CH"])
def test_another_language_is_a_missing_back_end_with_one_line_what_to_do(language: str) -> None:
    with pytest.raises(BackendError, match="English only") as raised:
        Moonshine(language=language)
    assert raised.value.exit_code == 4
    assert "--asr" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_missing_package_is_a_missing_back_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moonshine_voice", None)
    with pytest.raises(BackendError, match="pip install"):
        Moonshine()


QUIET = """
import socket, sys
def refuse(*args): raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
from operators.speech.moonshine import Moonshine
moonshine = Moonshine()
moonshine.transcribe([(0.1 * np.random.default_rng(0).normal(size=32000)).astype(np.float32)])
moonshine.close()
"""


def test_it_prints_nothing_and_needs_no_network() -> None:
    done = subprocess.run([sys.executable, "-c", QUIET], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


LEAK = """
import os, psutil, sys
import numpy as np
from operators.speech.moonshine import Moonshine
clip = np.zeros(16000, np.float32)
process = psutil.Process()
used = []
for turn in range(6):
    moonshine = Moonshine()
    moonshine.transcribe([clip])
    moonshine.close()
    used.append((process.memory_info().rss >> 20, process.num_threads(), process.num_fds()))
print(used[-1][0] - used[2][0], used[-1][1] - used[2][1], used[-1][2] - used[2][2])
"""


def test_closing_gives_memory_threads_and_files_back() -> None:
    done = subprocess.run([sys.executable, "-c", LEAK], capture_output=True, text=True, check=True)
    megabytes, threads, files = map(int, done.stdout.split())
    assert megabytes < 30  # one set of weights is 43 MB
    assert threads == files == 0
