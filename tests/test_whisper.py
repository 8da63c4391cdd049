"""Recognition with faster-whisper on tiny checkpoints in the true format: loading, batches, times, guards."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from operators.speech.context import ContextState, RecognitionInContext
from operators.speech.recognition import Recognition, Transcript
from operators.speech.whisper import Whisper
from operators.speech.whisper_guards import Guards
from stream_engine.clock import MILLISECOND, RATE
from stream_engine.errors import BackendError
from stream_engine.events import Rejected, Segment, Utterance, Word
from stream_engine.testing import check_restart, run
from tests.spoken import call
from tests.tiny_whisper import save_tiny_whisper

OFF = Guards(no_speech=None, lost=None, compression=None, silence=None)  # what random weights say is noise
CLIPS = [call()[2 * RATE * i : 2 * RATE * i + RATE * (1 + i % 4)] for i in range(6)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whisper")
    save_tiny_whisper(folder / "multilingual")
    save_tiny_whisper(folder / "english", english_only=True)
    save_tiny_whisper(folder / "endless", end=0)
    return folder


@pytest.fixture
def whisper(models: Path) -> Callable[..., Whisper]:
    def open_it(name: str = "multilingual", **options: Any) -> Whisper:
        return Whisper(**{"model": str(models / name), "guards": OFF, "beam": 1, **options})

    return open_it


# --- what is said --------------------------------------------------------------------------------


@pytest.mark.parametrize("beam", [1, 5])
@pytest.mark.parametrize("compute_type", ["int8", "float32"])
def test_a_clip_is_understood_the_same_alone_and_in_any_company(
    whisper: Callable[..., Whisper], beam: int, compute_type: str
) -> None:
    recogniser = whisper(language="en", beam=beam, compute_type=compute_type)
    alone = [recogniser.transcribe([clip])[0] for clip in CLIPS]
    assert len({one.text for one in alone}) > 4  # so that a mix-up would be seen
    assert len({len(one.text.split()) for one in alone}) > 2
    assert recogniser.transcribe(CLIPS) == alone
    assert recogniser.transcribe(CLIPS[::-1]) == alone[::-1]


def test_words_have_times_on_whole_milliseconds_inside_the_clip_and_probabilities(
    whisper: Callable[..., Whisper],
) -> None:
    clips = [clip[: len(clip) - 7] for clip in CLIPS]
    for clip, said in zip(clips, whisper(language="en").transcribe(clips), strict=True):
        assert said.words
        assert " ".join(word.text for word in said.words) == said.text
        for word in said.words:
            assert 0 <= word.start < word.end <= len(clip)
            assert word.start % MILLISECOND == word.end % MILLISECOND == 0
            assert type(word.probability) is float
            assert 0 <= word.probability <= 1
        assert [word.start for word in said.words] == sorted(word.start for word in said.words)


def test_a_segment_of_it_can_be_logged(whisper: Callable[..., Whisper]) -> None:
    recognise = Recognition(recogniser=whisper(language="en"), audio=lambda one: call()[one.start : one.end])
    utterance = Utterance(id=1, start=RATE, end=3 * RATE, speaker="A", turns=(4,))
    ((segment,),) = recognise([utterance])
    assert isinstance(segment, Segment)
    assert msgspec.json.decode(msgspec.json.encode(segment), type=Segment) == segment
    assert segment.words
    assert all(RATE <= word.start < word.end <= 3 * RATE for word in segment.words)


def test_threads_at_once_give_the_same_as_one(whisper: Callable[..., Whisper]) -> None:
    recogniser = whisper(language="en", workers=2)
    alone = [recogniser.transcribe([clip]) for clip in CLIPS]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(recogniser.transcribe, [[clip] for clip in CLIPS])) == alone


def test_clips_may_be_empty_very_short_or_read_only_but_not_too_long(whisper: Callable[..., Whisper]) -> None:
    recogniser = whisper(language="en")
    clip = call()[:RATE]
    assert not clip.flags.writeable
    empty, short, whole = recogniser.transcribe([clip[:0], clip[:100], clip])
    assert empty == Transcript("", ())
    assert all(word.end <= 100 for word in short.words or ())
    assert whole == recogniser.transcribe([clip])[0]
    with pytest.raises(ValueError, match="at most 30 s"):
        recogniser.transcribe([np.zeros(31 * RATE, np.float32)])


def test_a_prompt_is_heard_before_every_clip(whisper: Callable[..., Whisper]) -> None:
    plain = whisper(language="en").transcribe(CLIPS)
    prompted = whisper(language="en", prompt="Diane, New Jersey").transcribe(CLIPS)
    assert prompted != plain
    assert prompted[3] == whisper(language="en", prompt="Diane, New Jersey").transcribe(CLIPS[3:4])[0]


def test_what_was_said_before_is_the_prompt_of_the_next(whisper: Callable[..., Whisper]) -> None:
    recogniser = whisper(language="en")
    utterances = [
        Utterance(id=at, start=2 * RATE * at, end=2 * RATE * at + RATE, speaker="A", turns=(at,))
        for at in range(5)
    ]

    def in_context(state: ContextState | None = None) -> RecognitionInContext:
        return RecognitionInContext(
            recogniser=recogniser, audio=lambda one: call()[one.start : one.end], words=6, state=state
        )

    found = run(in_context(), utterances)
    texts = [one.text for one in found if isinstance(one, Segment)]
    assert len(texts) == 5
    for index, one in enumerate(utterances):
        before = " ".join(" ".join(texts[:index]).split()[-6:])
        (said,) = recogniser.transcribe([call()[one.start : one.end]], prompt=before)
        assert said.text == texts[index]
    check_restart(in_context, utterances)


def test_what_was_not_believed_is_no_prompt(whisper: Callable[..., Whisper]) -> None:
    recogniser = whisper(language="en", guards=Guards())
    context = RecognitionInContext(recogniser=recogniser, audio=lambda one: call()[one.start : one.end])
    (found,) = context.feed(Utterance(id=0, start=0, end=2 * RATE, speaker="A", turns=(0,)))
    assert isinstance(found, Rejected)
    assert context.state == ContextState(())


@pytest.mark.needs_gpu
@pytest.mark.parametrize("compute_type", ["float32", "float16", "bfloat16"])
def test_a_gpu_understands_a_clip_the_same_in_any_company(
    whisper: Callable[..., Whisper], compute_type: str
) -> None:
    recogniser = whisper(language="en", device="cuda", compute_type=compute_type)
    alone = [recogniser.transcribe([clip])[0].text for clip in CLIPS]
    assert [one.text for one in recogniser.transcribe(CLIPS)] == alone
    if compute_type == "float32":
        on_cpu = whisper(language="en", compute_type="float32").transcribe(CLIPS)
        assert alone == [one.text for one in on_cpu]


# --- languages -----------------------------------------------------------------------------------


def test_the_language_is_that_given_for_the_clip_or_heard_in_it(whisper: Callable[..., Whisper]) -> None:
    recogniser = whisper()
    heard = [recogniser.detect(clip)[0] for clip in CLIPS]
    assert all(0 < recogniser.detect(clip)[1] <= 1 for clip in CLIPS)
    assert recogniser.transcribe(CLIPS) == recogniser.transcribe(CLIPS, languages=heard)
    mixed = ["en", "de"] * 3
    by_itself = {code: whisper(language=code).transcribe(CLIPS) for code in ("en", "de")}
    assert by_itself["en"] != by_itself["de"]
    assert recogniser.transcribe(CLIPS, languages=mixed) == [
        by_itself[code][index] for index, code in enumerate(mixed)
    ]


def test_an_english_only_model_says_so(whisper: Callable[..., Whisper]) -> None:
    recogniser = whisper("english")
    assert recogniser.languages == {"en"}
    assert recogniser.detect(CLIPS[0]) == ("en", 1.0)
    assert whisper("english", language="en-GB").transcribe(CLIPS) == recogniser.transcribe(CLIPS)
    assert len(whisper().languages or ()) == 99


@pytest.mark.parametrize(
    ("name", "language"), [("english", "fr"), ("multilingual", "yue"), ("multilingual", "xx")]
)
def test_a_language_that_it_does_not_know_is_a_missing_back_end(
    whisper: Callable[..., Whisper], name: str, language: str
) -> None:
    with pytest.raises(BackendError, match="choose another model") as raised:
        whisper(name, language=language)
    assert raised.value.exit_code == 4
    assert "\n" not in str(raised.value)


# --- what is not believed ------------------------------------------------------------------------


def test_a_text_that_repeats_itself_is_dropped_and_the_reason_kept(whisper: Callable[..., Whisper]) -> None:
    endless = whisper("endless", language="en", guards=Guards(no_speech=None, lost=None))
    for said in endless.transcribe(CLIPS[:2]):
        assert (said.text, said.words) == ("", ())
        assert said.dropped is not None
        assert said.dropped.startswith("repetition (compression ratio")


def test_a_text_that_the_model_is_lost_in_is_dropped_and_the_reason_kept(
    whisper: Callable[..., Whisper],
) -> None:
    (said,) = whisper(language="en", guards=Guards()).transcribe(CLIPS[:1])
    assert said.text == ""
    assert said.dropped is not None
    assert said.dropped.startswith("unsure (mean log probability -")


def test_a_text_where_nobody_speaks_is_dropped_and_the_reason_kept(whisper: Callable[..., Whisper]) -> None:
    careful = Guards(no_speech=0.0, lost=None)  # random weights give each token a probability above 0
    (said,) = whisper(language="en", guards=careful).transcribe(CLIPS[:1])
    assert said.text == ""
    assert said.dropped is not None
    assert said.dropped.startswith("no speech (probability 0.")


def test_speech_that_is_sure_passes_the_guards() -> None:
    said = "And I thought, you know, I heard of the, this is Diane in New Jersey."
    assert Guards().against(said, no_speech=0.9, log_probability=-0.3) is None
    assert Guards().against(said, no_speech=0.1, log_probability=-1.2) is None
    assert Guards().against("", no_speech=0.1, log_probability=-0.2) is None


def _words(text: str, step: int) -> tuple[Word, ...]:
    return tuple(
        Word(start=index * step, end=(index + 1) * step, text=word) for index, word in enumerate(text.split())
    )


def test_sentences_repeated_over_silence_are_echoes_and_those_over_speech_are_not() -> None:
    words = _words("Thank you. thank you! Thank you, all.", RATE // 2)
    speech = np.random.default_rng(0).normal(0, 0.1, 4 * RATE).astype(np.float32)
    silent = np.where(np.arange(4 * RATE) < RATE, speech, np.float32(0))
    assert Guards().echoes(words, silent) == [2, 3]
    assert Guards().echoes(words, speech) == []
    assert Guards(silence=None).echoes(words, silent) == []


def test_an_echo_is_cut_out_of_the_text_and_the_reason_kept() -> None:
    words = _words("Thank you. Thank you.", RATE // 2)
    silent = np.where(np.arange(2 * RATE) < RATE, np.float32(0.1), np.float32(0))
    said = Guards().believed(" Thank you. Thank you.", words, silent, no_speech=0.0, log_probability=-0.1)
    assert said == Transcript("Thank you.", words[:2], dropped="repetition over silence: Thank you.")


# --- memory --------------------------------------------------------------------------------------


class Small:
    """The model on a device that has memory for `most` clips; it fails as CTranslate2 does."""

    def __init__(self, model: Any, most: int) -> None:
        self._model, self._most = model, most

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def encode(self, features: Any, **options: Any) -> Any:
        if features.shape[0] > self._most:
            raise RuntimeError("CUDA failed with error out of memory")
        return self._model.encode(features, **options)


def test_where_memory_is_short_the_batch_is_halved_and_nothing_is_lost(
    whisper: Callable[..., Whisper],
) -> None:
    recogniser = whisper(language="en", batch=8)
    expected = recogniser.transcribe(CLIPS)
    loaded: Any = recogniser._model  # pyright: ignore[reportPrivateUsage]
    loaded.model = Small(loaded.model, 1)
    assert recogniser.transcribe(CLIPS) == expected
    assert (recogniser.batch, recogniser.halved) == (1, 2)
    loaded.model = Small(loaded.model, 0)
    with pytest.raises(RuntimeError, match="out of memory"):
        recogniser.transcribe(CLIPS[:1])


# --- checkpoints ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "line"),
    [
        ("", "wants a model"),
        ("/no/such/folder", "no folder /no/such/folder"),
        ("tiniest", "expected one of: tiny.en"),
        ("tiny.en", "run once without --offline"),
        ("nobody/nothing", "run once without --offline"),
    ],
)
def test_a_model_that_is_not_there_is_a_missing_back_end(
    model: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(BackendError, match=line) as raised:
        Whisper(model=model, offline=True)
    assert raised.value.exit_code == 4
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json", "config.json"])
def test_a_folder_that_lacks_a_file_is_a_missing_back_end(models: Path, tmp_path: Path, name: str) -> None:
    for file in (models / "english").iterdir():
        if file.name != name:
            (tmp_path / file.name).symlink_to(file)
    with pytest.raises(BackendError, match=f"lacks {name}"):
        Whisper(model=str(tmp_path))


def test_a_damaged_model_and_an_impossible_device_are_missing_back_ends(models: Path, tmp_path: Path) -> None:
    for file in (models / "english").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes()[: 1000 if file.name == "model.bin" else None])
    several: list[dict[str, Any]] = [
        {"model": str(tmp_path)},
        {"model": str(models / "english"), "device": "tpu"},
        {"model": str(models / "english"), "compute_type": "int3"},
    ]
    for options in several:
        with pytest.raises(BackendError, match="does not open on") as raised:
            Whisper(**options)
        assert "\n" not in str(raised.value)


NO_NETWORK = """
import socket, sys
tried = []
def refuse(*args, **options):
    tried.append(args)
    raise OSError("no network")
socket.socket.connect = socket.getaddrinfo = socket.create_connection = refuse
import numpy as np
from operators.speech.whisper import Whisper
from stream_engine.errors import BackendError
clip = (0.1 * np.random.default_rng(0).normal(size=32000)).astype(np.float32)
for offline in (True, False):
    whisper = Whisper(model="tiny.en", offline=offline)
    whisper.transcribe([clip])
    whisper.close()
assert not tried, tried
try:
    Whisper(model="tiny", offline=False)
except BackendError as error:
    assert "cannot be fetched" in str(error), error
assert tried
"""


def test_a_model_in_the_hubs_cache_opens_by_name_without_a_socket_and_prints_nothing(
    models: Path, tmp_path: Path
) -> None:
    cached = tmp_path / "hub" / "models--Systran--faster-whisper-tiny.en"
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text("0" * 40)
    (cached / "snapshots").mkdir()
    (cached / "snapshots" / ("0" * 40)).symlink_to(models / "english")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK],
        env={**environment, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_TELEMETRY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
