"""Affect back ends on tiny models in the true ONNX layouts: labels, batches, masks, caches."""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from operators.affect.intent import TEMPLATE, OnnxIntent
from operators.affect.known_texts import KnownTexts
from operators.affect.models import INTENTS, Dimensions
from operators.affect.onnx_files import SPEECH, TEXT, OnnxFiles, find
from operators.affect.onnx_model import batches
from operators.affect.speech_dimensions import OnnxSpeechDimensions
from operators.affect.speech_emotion import OnnxSpeechEmotion
from operators.affect.text_emotion import OnnxTextEmotion
from operators.affect.waveforms import LONGEST, normalised
from operators.speech.diarization.pyannote_hub import Hub
from stream_engine.clock import RATE
from tests.spoken import call
from tests.tiny_affect import EMOTIONS, GO_EMOTIONS, MNLI, MSP_DIM, save_audonnx, save_speech, save_text

TOLERANCE = 1e-5  # between a padded batch and one by one
CLIPS = [
    call()[start * RATE : start * RATE + size] for start, size in enumerate((9000, 41234, 16000, 5000, 88), 7)
]
TEXTS = [
    "yeah",
    "what do you think of this plan ?",
    "no",
    "thank you",
    "i hate the plan this is great",
    "yeah",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("affect")
    save_speech(folder / "emotion", EMOTIONS)
    save_speech(folder / "msp_dim", MSP_DIM, hidden=True, scale=0.5)
    save_audonnx(folder / "audonnx")
    save_text(folder / "go_emotions", GO_EMOTIONS, problem="multi_label_classification")
    save_text(folder / "mnli", MNLI)
    return folder


def speech(path: Path) -> OnnxFiles:
    return find(str(path), hub=Hub(offline=True, what="affect model"), wanted=SPEECH)


def text(path: Path) -> OnnxFiles:
    return find(str(path), hub=Hub(offline=True, what="affect model"), wanted=TEXT, needed=TEXT)


def same(found: list[Any], wanted: list[Any]) -> bool:
    """Whether lists of scores agree."""
    return len(found) == len(wanted) and all(
        (a is None) == (b is None) and (a is None or (list(a) == list(b) and close(a, b)))
        for a, b in zip(found, wanted, strict=True)
    )


def close(a: Any, b: Any) -> bool:
    rows = [list(one.values()) if isinstance(one, dict) else list(one) for one in (a, b)]
    return bool(np.allclose(*rows, rtol=0, atol=TOLERANCE))


# --- voices --------------------------------------------------------------------------------------


def test_emotions_have_the_names_of_the_config_and_are_those_of_a_plain_call(folder: Path) -> None:
    emotion = OnnxSpeechEmotion(speech(folder / "emotion"))
    clip = CLIPS[1]
    session = onnxruntime.InferenceSession(str(folder / "emotion" / "model.onnx"))
    values = ((clip - clip.mean()) / np.sqrt(clip.var() + 1e-7))[None].astype(np.float32)
    mask = np.ones(values.shape, np.int64)
    logits: Any = session.run(["logits"], {"input_values": values, "attention_mask": mask})[0]
    wanted = np.exp(logits[0]) / np.exp(logits[0]).sum()
    (found,) = emotion([clip])
    assert found is not None
    assert tuple(found) == EMOTIONS
    assert np.allclose(list(found.values()), wanted, atol=TOLERANCE)
    assert abs(sum(found.values()) - 1) < 1e-5
    assert all(type(value) is float for value in found.values())


@pytest.mark.parametrize("masked", [True, False])
@pytest.mark.parametrize("norm", ["layer", "group"])
@pytest.mark.parametrize("normalise", [True, False])
def test_a_batch_of_clips_is_heard_as_one_by_one(
    tmp_path: Path, masked: bool, norm: str, normalise: bool
) -> None:
    emotion = OnnxSpeechEmotion(
        speech(save_speech(tmp_path, EMOTIONS, masked=masked, norm=norm, normalise=normalise))
    )
    clips = [*CLIPS, CLIPS[0]]
    alone = [emotion([clip])[0] for clip in clips]
    assert alone[4] is None  # shorter than 0.1 s
    assert len({str(one) for one in alone}) == len(set(map(len, clips)))  # so that a mix-up would be seen
    assert same(emotion(clips), alone)
    assert same(emotion(clips[::-1]), alone[::-1])


def test_a_model_that_does_not_say_how_it_normalises_is_not_filled_up(tmp_path: Path) -> None:
    save_speech(tmp_path, EMOTIONS, norm="group")
    config = json.loads((tmp_path / "config.json").read_text())
    del config["feat_extract_norm"]  # what is as by default may be left out, and over time is
    (tmp_path / "config.json").write_text(json.dumps(config))
    emotion = OnnxSpeechEmotion(speech(tmp_path))
    assert same(emotion(CLIPS), [emotion([clip])[0] for clip in CLIPS])


def test_clips_of_like_length_are_one_call_where_the_model_takes_a_mask(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emotion: Any = OnnxSpeechEmotion(speech(folder / "emotion"))
    model = emotion._waveforms._model
    shapes: list[tuple[int, ...]] = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda feeds: shapes.append(feeds["input_values"].shape) or run(feeds))
    emotion([CLIPS[2], CLIPS[0], CLIPS[2][:15_000], CLIPS[0][:8_000], CLIPS[2]])
    assert shapes == [(2, 9000), (3, 16_000)]


def test_only_the_first_twenty_seconds_are_heard(folder: Path) -> None:
    emotion = OnnxSpeechEmotion(speech(folder / "emotion"))
    assert emotion([call()]) == emotion([call()[:LONGEST]])
    assert emotion([call()]) != emotion([call()[: LONGEST - 8000]])


def test_dimensions_are_taken_by_label_and_not_by_place(folder: Path, tmp_path: Path) -> None:
    found = OnnxSpeechDimensions(speech(folder / "msp_dim"))(CLIPS)
    other = tmp_path / "renamed"
    shutil.copytree(folder / "msp_dim", other)
    settings = json.loads((other / "config.json").read_text())
    settings["id2label"] = {"0": "Valence", "1": "arousal", "2": "tension"}
    (other / "config.json").write_text(json.dumps(settings))
    renamed = OnnxSpeechDimensions(speech(other))(CLIPS)
    for a, b in zip(found, renamed, strict=True):
        assert (a is None) == (b is None)
        if a is not None and b is not None:
            assert b == Dimensions(valence=a.arousal, arousal=a.dominance, dominance=None)


def test_an_export_of_audeering_is_opened_as_it_is_published(folder: Path) -> None:
    dimensions = OnnxSpeechDimensions(speech(folder / "audonnx"))
    session = onnxruntime.InferenceSession(str(folder / "audonnx" / "model.onnx"))
    for clip, found in zip(CLIPS[:4], dimensions(CLIPS[:4]), strict=True):
        logits: Any = session.run(["logits"], {"signal": clip[None]})[0]
        assert found is not None
        wanted = dict(zip(MSP_DIM, logits[0], strict=True))
        assert close({name: getattr(found, name) for name in wanted}, wanted)


def test_the_notes_tell_range_and_licence(folder: Path, tmp_path: Path) -> None:
    (note,) = OnnxSpeechDimensions(speech(folder / "audonnx")).notes
    assert "about 0 to 1" in note
    assert "CC BY-NC-SA 4.0, for research only" in note
    shutil.copytree(folder / "msp_dim", tmp_path / "carded")
    (tmp_path / "carded" / "README.md").write_text("---\nlicense: cc-by-nc-sa-4.0\n---\n# A model\n")
    (note,) = OnnxSpeechDimensions(speech(tmp_path / "carded"), range=(-1, 1)).notes
    assert "about -1 to 1; licence cc-by-nc-sa-4.0" in note


def test_a_lone_clip_reaches_the_network_without_a_copy(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dimensions: Any = OnnxSpeechDimensions(speech(folder / "audonnx"))
    model = dimensions._waveforms._model
    given: list[NDArray[np.float32]] = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda feeds: given.append(feeds["signal"]) or run(feeds))
    dimensions(CLIPS)
    assert len(given) == 4
    assert all(np.shares_memory(values, call()) for values in given)


def test_normalising_leaves_the_clip_as_it_was() -> None:
    clip = call()[7 * RATE : 8 * RATE]
    found = normalised(clip)
    assert abs(found.mean()) < 1e-4
    assert abs(found.std() - 1) < 1e-2
    assert not clip.flags.writeable


# --- words ---------------------------------------------------------------------------------------


def test_a_batch_of_texts_is_understood_as_one_by_one(folder: Path) -> None:
    emotion = OnnxTextEmotion(text(folder / "go_emotions"), known=0)
    alone = [emotion([one])[0] for one in TEXTS]
    assert len({str(one) for one in alone}) == len(set(TEXTS))
    assert same(emotion(TEXTS), alone)
    assert same(emotion(TEXTS[::-1]), alone[::-1])


def test_emotions_of_words_are_a_sigmoid_each_where_several_may_apply(folder: Path, tmp_path: Path) -> None:
    several = OnnxTextEmotion(text(folder / "go_emotions"))
    unsaid = OnnxTextEmotion(text(save_text(tmp_path / "unsaid", GO_EMOTIONS)))
    one = OnnxTextEmotion(
        text(save_text(tmp_path / "one", GO_EMOTIONS, problem="single_label_classification"))
    )
    few = OnnxTextEmotion(text(save_text(tmp_path / "few", EMOTIONS)))
    assert (several.multi_label, unsaid.multi_label, one.multi_label, few.multi_label) == (1, 1, 0, 0)
    (scores,), (shares,) = several(["great"]), one(["great"])
    assert tuple(scores) == GO_EMOTIONS
    logits = np.log(list(shares.values()))
    odds = [np.log(score / (1 - score)) for score in scores.values()]
    assert np.allclose(np.diff(logits), np.diff(odds), atol=1e-3)  # the same network, read in two ways
    assert abs(sum(shares.values()) - 1) < 1e-5
    assert abs(sum(scores.values()) - 1) > 1e-2


def test_of_a_long_text_the_first_128_tokens_are_read(folder: Path) -> None:
    emotion = OnnxTextEmotion(text(folder / "go_emotions"), known=0)
    words = ["a b c d"[2 * (n % 4)] for n in range(400)]
    assert emotion([" ".join(words)]) == emotion([" ".join(words[:126])])  # two are marks
    assert emotion([" ".join(words)]) != emotion([" ".join(words[:125])])


def test_texts_are_filled_up_with_the_token_that_the_config_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emotion: Any = OnnxTextEmotion(text(folder / "go_emotions"))
    model = emotion._model._model
    given: list[list[int]] = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda feeds: given.extend(feeds["input_ids"].tolist()) or run(feeds))
    emotion(["yeah no", "yeah"])
    assert given == [[0, 4, 2, 1], [0, 4, 5, 2]]  # the shorter first; 1 is <pad>


@pytest.mark.parametrize("types", [True, False])
def test_intents_are_those_of_one_pass_per_label(tmp_path: Path, types: bool) -> None:
    import tokenizers

    intent = OnnxIntent(text(save_text(tmp_path, MNLI, types=types)))
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"))
    tokenizer = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    for said, found in zip(TEXTS, intent(TEXTS, INTENTS), strict=True):
        assert tuple(found) == INTENTS
        for label in INTENTS:
            pair = tokenizer.encode(said, TEMPLATE.format(label.replace("_", " ")))
            feeds = {"input_ids": [pair.ids], "attention_mask": [[1] * len(pair.ids)]}
            feeds |= {"token_type_ids": [pair.type_ids]} if types else {}
            logits: Any = session.run(["logits"], {n: np.array(v, np.int64) for n, v in feeds.items()})[0]
            no, _, yes = np.exp(logits[0])
            assert abs(found[label] - yes / (no + yes)) < TOLERANCE


def test_contradiction_and_entailment_are_found_by_name(folder: Path, tmp_path: Path) -> None:
    wanted = OnnxIntent(text(folder / "mnli"))(TEXTS, INTENTS)
    shutil.copytree(folder / "mnli", tmp_path / "turned")
    settings = json.loads((tmp_path / "turned" / "config.json").read_text())
    settings["id2label"] = {"0": "ENTAILMENT", "1": "neutral", "2": "contradiction"}
    (tmp_path / "turned" / "config.json").write_text(json.dumps(settings))
    turned = OnnxIntent(text(tmp_path / "turned"))(TEXTS, INTENTS)
    for a, b in zip(wanted, turned, strict=True):
        assert np.allclose([1 - score for score in a.values()], list(b.values()), atol=TOLERANCE)


def test_all_labels_of_all_texts_are_one_call_and_none_is_asked_twice(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    intent: Any = OnnxIntent(text(folder / "mnli"))
    model = intent._model._model
    rows: list[int] = []
    run = model.run
    monkeypatch.setattr(model, "run", lambda feeds: rows.append(len(feeds["input_ids"])) or run(feeds))
    first = intent(TEXTS, INTENTS)
    assert rows == [4 * 15, 15]  # two calls, by length; "yeah" is there twice
    assert intent(TEXTS, INTENTS) == first
    assert rows == [4 * 15, 15]
    intent(["hello", "yeah"], INTENTS)
    intent(["yeah"], ("question",))
    assert rows[2:] == [15, 1]
    assert (intent.known.asked, intent.known.new) == (15, 7)


def test_the_cache_keeps_the_texts_that_were_asked_last_and_is_bounded() -> None:
    known: KnownTexts[int] = KnownTexts(3)
    asked: list[int] = []

    def answer(keys: list[int]) -> list[dict[str, float]]:
        asked.extend(keys)
        return [{"n": float(key)} for key in keys]

    for key in (1, 2, 3, 1, 4, 1, 2):
        assert known.answers([key], answer) == [{"n": float(key)}]
    assert asked == [1, 2, 3, 4, 2]  # 1 was asked again before 4 came, and so 2 was forgotten
    assert len(known._known) == 3
    assert known.answers([5, 6, 7, 8, 9], answer) == [{"n": float(key)} for key in (5, 6, 7, 8, 9)]
    assert len(known._known) == 3


def test_batches_hold_all_items_within_their_size() -> None:
    lengths = [int(length) for length in np.random.default_rng(0).integers(1, 50, 200)]
    for slack in (1.0, 1.5, 100.0):
        found = list(batches(lengths, most=120, slack=slack))
        assert sorted(place for batch in found for place in batch) == list(range(200))
        for batch in found:
            sizes = [lengths[place] for place in batch]
            assert len(batch) == 1 or len(batch) * max(sizes) <= 120
            assert max(sizes) <= slack * min(sizes)


def test_threads_that_ask_at_once_get_the_same_as_one_alone(folder: Path) -> None:
    emotion = OnnxSpeechEmotion(speech(folder / "emotion"))
    intent = OnnxIntent(text(folder / "mnli"))
    heard, meant = emotion(CLIPS), OnnxIntent(text(folder / "mnli"), known=0)(TEXTS, INTENTS)

    def ask(number: int) -> bool:
        turned = number % len(TEXTS)
        said = intent(TEXTS[turned:] + TEXTS[:turned], INTENTS)
        return same(emotion(CLIPS), heard) and same(said, meant[turned:] + meant[:turned])

    with ThreadPoolExecutor(4) as threads:
        assert all(threads.map(ask, range(40)))
