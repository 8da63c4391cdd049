"""Sessions on the back ends that users bring, in their true formats, and the choice between back ends."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stream_engine
from stream_engine.backends import Backends
from stream_engine.errors import BackendError
from stream_engine.events import Hypothesis, Language, Rejected, Segment, SessionStart, Turn
from stream_engine.log import read
from stream_engine.options import Options
from tests.fake_hub import fake_hub
from tests.speech import CALL
from tests.test_command_line import engine, finals, one_line
from tests.tiny_pyannote import pipeline_folder
from tests.tiny_whisper import save_tiny_whisper

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
NOTHING: dict[str, Any] = {"no_cache": True}


@pytest.fixture(scope="module")
def whisper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Whisper of many languages; beside it, `english`, one of one."""
    folder = tmp_path_factory.mktemp("whisper")
    save_tiny_whisper(folder / "english", english_only=True)
    return save_tiny_whisper(folder / "tiny")


@pytest.fixture(scope="module")
def pyannote(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pipeline_folder(tmp_path_factory.mktemp("pyannote") / "tiny")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight seconds of the call."""
    path = tmp_path_factory.mktemp("clip") / "clip.wav"
    subprocess.run(["ffmpeg", "-v", "error", "-ss", "6", "-i", CALL, "-t", "8", path], check=True)
    return path


def test_a_session_on_faster_whisper_has_words_with_times_probabilities_and_speakers(
    whisper: Path, clip: Path, tmp_path: Path
) -> None:
    result = stream_engine.transcribe(clip, out=tmp_path, asr=f"faster-whisper:{whisper}", **NOTHING)
    events = list(result.events)
    start = next(event for event in events if isinstance(event, SessionStart))
    assert start.recogniser == f"faster-whisper:{whisper}"
    assert "int8" in result.notes[0]
    said = [event for event in events if isinstance(event, Segment | Rejected)]
    assert said, "a recogniser of random weights says something, or what it says is not believed"
    speakers = {turn.speaker for turn in events if isinstance(turn, Turn)}
    for segment in (one for one in said if isinstance(one, Segment)):
        assert segment.words
        assert all(segment.start <= word.start <= word.end <= segment.end for word in segment.words)
        assert all(0 <= (word.probability or 0) <= 1 for word in segment.words)
        assert {speaker for word in segment.words for speaker in word.speakers} <= speakers


def test_the_language_is_heard_once_and_stated_before_the_text_that_it_is_taken_for(
    whisper: Path, clip: Path, tmp_path: Path
) -> None:
    result = stream_engine.transcribe(clip, out=tmp_path, asr=f"faster-whisper:{whisper}", **NOTHING)
    kinds = [event for event in result.events if isinstance(event, Language | Segment | Rejected)]
    assert [type(event) for event in kinds].count(Language) == 1
    assert isinstance(kinds[0], Language)
    assert 0 < kinds[0].probability <= 1
    given = stream_engine.transcribe(
        clip, out=tmp_path / "en", asr=f"faster-whisper:{whisper}", language="en", **NOTHING
    )
    assert not [event for event in given.events if isinstance(event, Language)]


def test_an_english_model_says_so_in_the_first_line(whisper: Path, clip: Path, tmp_path: Path) -> None:
    model = f"faster-whisper:{whisper.parent / 'english'}"
    run = engine("transcribe", clip, "--asr", model, "--diarizer", "none", "--out", tmp_path, "--no-cache")
    assert run.returncode == 0, run.stderr
    assert "English only" in run.stdout.splitlines()[0]
    manifest = json.loads((tmp_path / "clip" / "manifest.json").read_text())
    assert "English only" in manifest["notes"][0]


def test_a_language_that_the_model_does_not_know_is_exit_4(whisper: Path, clip: Path, tmp_path: Path) -> None:
    model = f"faster-whisper:{whisper.parent / 'english'}"
    run = engine("transcribe", clip, "--asr", model, "--language", "fr", "--out", tmp_path, "--no-cache")
    assert run.returncode == 4
    assert "English only" in one_line(run)


def test_a_session_on_a_pyannote_checkpoint_has_turns_and_names_its_weights(
    pyannote: Path, clip: Path, tmp_path: Path
) -> None:
    result = stream_engine.transcribe(
        clip, out=tmp_path, diarizer=f"pyannote:{pyannote}", asr="none", **NOTHING
    )
    assert any("weights" in note for note in result.notes)
    assert all(turn.speaker for turn in result.turns)
    start = next(iter(result.events))
    assert isinstance(start, SessionStart)
    assert start.diarizer == f"pyannote:{pyannote}"


def test_chunks_and_pace_change_no_final_event_on_these_back_ends(
    whisper: Path, pyannote: Path, clip: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"asr": f"faster-whisper:{whisper}", "language": "en", "partials": True}
    options["diarizer"] = f"pyannote:{pyannote}"
    logs = []
    for name, pace in (("free", None), ("paced", 8.0)):
        result = stream_engine.transcribe(clip, out=tmp_path / name, pace=pace, **options, **NOTHING)
        logs.append(finals(result.folder))
    assert logs[0] == logs[1]


def test_the_second_file_of_a_run_loads_no_model(
    whisper: Path, pyannote: Path, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = Options(asr=f"faster-whisper:{whisper}", diarizer=f"pyannote:{pyannote}", offline=True)
    backends = Backends()
    first = backends.load(backends.choose(options), options)
    monkeypatch.setattr(socket, "socket", None)  # nor is anything asked for
    loaded = dict(backends.models.load_s)
    assert loaded.keys() > backends.models.warm_s.keys() == {options.asr, options.diarizer}
    second = backends.load(backends.choose(options), options)
    assert second.recogniser is first.recogniser
    assert second.diarizer is first.diarizer
    assert second.measures.affect is first.measures.affect
    assert backends.models.load_s == loaded


def test_other_weights_in_the_same_place_are_another_choice(whisper: Path, tmp_path: Path) -> None:
    folder = save_tiny_whisper(tmp_path / "model")
    options = Options(asr=f"faster-whisper:{folder}")
    backends = Backends()
    before = backends.choose(options).versions
    first = backends.load(backends.choose(options), options).recogniser
    weights = (folder / "model.bin").read_bytes()
    (folder / "model.bin").write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert Backends().choose(options).versions != before
    assert backends.load(backends.choose(options), options).recogniser is not first


@pytest.mark.parametrize("asr", ["moonshine:large", "whatever", "faster-whisper:/nowhere"])
def test_a_back_end_that_is_not_there_is_refused_before_anything_is_decoded(asr: str) -> None:
    with pytest.raises(BackendError) as raised:
        Backends().choose(Options(asr=asr))
    assert raised.value.exit_code == 4


def test_words_of_open_turns_come_before_the_final_text_which_begins_with_what_was_committed(
    clip: Path, tmp_path: Path
) -> None:
    result = stream_engine.transcribe(clip, out=tmp_path, asr="moonshine", partials=True, **NOTHING)
    events = list(result.events)
    shown: dict[int, str] = {}
    for event in events:
        if isinstance(event, Hypothesis) and not event.final:
            assert event.text.startswith(event.committed)
            assert event.committed.startswith(shown.get(event.id, ""))
            shown[event.id] = event.committed
    first = [index for index, event in enumerate(events) if isinstance(event, Hypothesis)]
    final = [index for index, event in enumerate(events) if isinstance(event, Segment)]
    assert first
    assert first[0] < final[0]
    text = " ".join(segment.text for segment in result.segments)
    assert all(committed.split(" ")[0].strip(",.?!") in text for committed in shown.values() if committed)


def test_with_context_utterances_are_recognised_one_after_the_other_at_any_pace(
    whisper: Path, clip: Path, tmp_path: Path
) -> None:
    options = {"asr": f"faster-whisper:{whisper}", "context": True, **NOTHING}
    logs = []
    for name, pace in (("free", None), ("paced", 8.0)):
        result = stream_engine.transcribe(clip, out=tmp_path / name, pace=pace, **options)
        logs.append(finals(result.folder))
        assert [event for event in result.events if isinstance(event, Language)]
    assert logs[0] == logs[1]


# --- the command `models` ------------------------------------------------------------------------


@pytest.fixture
def hub(whisper: Path, tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a process that takes a server on this machine for the hub."""
    with fake_hub(whisper) as address:
        yield {**os.environ, "HF_ENDPOINT": address, "HF_HOME": str(tmp_path / "hub")}


def test_weights_are_pulled_listed_checked_used_offline_and_removed(
    hub: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    name = "faster-whisper:Systran/faster-whisper-mini"
    assert engine("models", "check", name, env=hub).returncode == 4
    pulled = engine("models", "pull", name, env=hub)
    assert (pulled.returncode, "99 languages" in pulled.stdout) == (0, True), pulled.stderr
    listed = engine("models", env=hub).stdout
    assert name in listed
    assert "moonshine tiny-en" in listed
    used = ["--asr", name, "--diarizer", "none", "--offline", "--no-cache", "--quiet", "--out", tmp_path]
    run = engine("transcribe", clip, *used, env={**hub, "HF_ENDPOINT": "http://127.0.0.1:9"})
    assert (run.returncode, run.stderr) == (0, "")
    assert any(isinstance(event, Language) for event in read(tmp_path / "clip" / "events.jsonl"))
    taken = engine("transcribe", clip, *used[2:7], "--out", tmp_path / "auto", env=hub)
    assert taken.returncode == 0, taken.stderr
    notes = json.loads((tmp_path / "auto" / "clip" / "manifest.json").read_text())["notes"]
    assert notes[0].startswith(f"recogniser {name} (cpu, int8; auto")
    assert "removed" in engine("models", "remove", name, env=hub).stdout
    gone = engine("models", "remove", name, env=hub)
    assert gone.returncode == 4
    assert "holds nothing" in one_line(gone)


def test_a_command_on_models_without_a_name_is_wrong_usage() -> None:
    run = engine("models", "pull")
    assert run.returncode == 2
    assert "faster-whisper:tiny.en" in run.stderr


# --- voices --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two speakers of the call, each by a cut of it."""
    folder = tmp_path_factory.mktemp("people")
    for name, start, duration in (("diane", "10.6", "4"), ("sheila", "21.8", "6")):
        cut = ["ffmpeg", "-v", "error", "-ss", start, "-i", CALL, "-t", duration, folder / f"{name}.wav"]
        subprocess.run(cut, check=True)
    return folder


def test_known_voices_give_names_and_what_speakers_sound_like_is_written_on_request_only(
    people: Path, tmp_path: Path
) -> None:
    options: dict[str, Any] = {"asr": "none", "voices": str(people), **NOTHING}
    result = stream_engine.transcribe(CALL, out=tmp_path / "a", formats="all,voices", **options)
    assert {turn.speaker for turn in result.turns} == {"diane", "sheila"}
    with np.load(result.paths["voices.npz"]) as voices:
        assert {name: voices[name].shape for name in voices} == {"diane": (256,), "sheila": (256,)}
    assert result.paths["voices.npz"].stat().st_mode & 0o077 == 0
    assert result.performance_metrics["vad_flips"] > 2
    assert result.performance_metrics["vad_unstable"] is False
    alone = result.exclusive_turns
    assert all(one.end <= other.start for one, other in pairwise(alone))
    plain = stream_engine.transcribe(CALL, out=tmp_path / "b", **options)
    assert "voices.npz" not in plain.outputs


@pytest.mark.parametrize(("files", "said"), [([], "no recording"), (["a.wav"], "a.wav"), (None, "No such")])
def test_a_folder_of_voices_that_cannot_be_used_is_exit_3_with_what_is_wrong(
    files: list[str] | None, said: str, clip: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "voices"
    if files is not None:
        folder.mkdir()
        for name in files:
            (folder / name).write_text("this is no recording")
    run = engine("transcribe", clip, "--voices", folder, "--asr", "none", "--out", tmp_path, "--no-cache")
    assert run.returncode == 3
    assert said in one_line(run)


def test_silence_gives_no_hypothesis(tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.wav"
    source = ["-f", "lavfi", "-i", "anoisesrc=amplitude=0.003:duration=8:sample_rate=16000"]
    subprocess.run(["ffmpeg", "-v", "error", *source, quiet], check=True)
    result = stream_engine.transcribe(quiet, out=tmp_path, asr="moonshine", partials=True, **NOTHING)
    assert not [event for event in result.events if isinstance(event, Hypothesis | Segment)]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"diarizer": "none", "speakers": 2}, "--speakers"),
        ({"diarizer": "channels", "partials": True}, "--partials"),
        ({"diarizer": "none", "voices": "people"}, "--voices"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(BackendError, match=said):
        Backends().choose(Options(**options))


def test_partials_of_a_recogniser_of_many_languages_want_to_know_which(whisper: Path) -> None:
    options = Options(asr=f"faster-whisper:{whisper}", partials=True, diarizer="community-1")
    backends = Backends()
    with pytest.raises(BackendError, match="--language en"):
        backends.load(backends.choose(options), options)


def test_a_folder_that_was_made_with_other_voices_is_not_taken_for_done(
    people: Path, clip: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "people"
    shutil.copytree(people, mine)
    options: dict[str, Any] = {"asr": "none", "voices": str(mine), **NOTHING}
    first = stream_engine.transcribe(clip, out=tmp_path, **options)
    again = stream_engine.transcribe(clip, out=tmp_path, **options)
    elsewhere = stream_engine.transcribe(clip, out=tmp_path / "elsewhere", **options)
    assert elsewhere.performance_metrics["models"]["load_s"] == {}  # they are there already
    assert (again.notes, again.outputs) == (first.notes, first.outputs)
    (mine / "sheila.wav").write_bytes((mine / "diane.wav").read_bytes())
    with pytest.raises(ValueError, match="another weights"):
        stream_engine.transcribe(clip, out=tmp_path, **options)


def test_two_recordings_of_one_name_are_exit_3(people: Path, clip: Path, tmp_path: Path) -> None:
    mine = tmp_path / "people"
    shutil.copytree(people, mine)
    shutil.copy(mine / "diane.wav", mine / "diane.wave")
    run = engine("transcribe", clip, "--voices", mine, "--asr", "none", "--out", tmp_path, "--no-cache")
    assert run.returncode == 3
    assert "two recordings of diane" in one_line(run)


def test_a_download_that_was_cut_off_is_taken_up_again_and_never_by_auto(
    hub: dict[str, str], clip: Path, tmp_path: Path
) -> None:
    name = "faster-whisper:Systran/faster-whisper-mini"
    assert engine("models", "pull", name, env=hub).returncode == 0
    for weights in (tmp_path / "hub").rglob("model.bin"):
        weights.unlink()
    assert name not in engine("models", env=hub).stdout
    options = ["--diarizer", "none", "--no-cache", "--quiet", "--out", tmp_path]
    assert engine("transcribe", clip, *options, env=hub).returncode == 0
    assert "run once without --offline" in one_line(engine("models", "check", name, env=hub))
    assert engine("models", "pull", name, env=hub).returncode == 0
