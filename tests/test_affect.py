"""Affect in the stream: order, batches, views of the store, restarts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.affect.affect import Affects, AffectState
from operators.affect.choice import affect_files, affect_models
from operators.affect.models import AffectModels, Dimensions
from stream_engine.events import (
    Affect,
    Event,
    Hypothesis,
    Language,
    Overlap,
    Prosody,
    Rejected,
    Segment,
    Watermark,
)
from stream_engine.store import PcmStore
from stream_engine.testing import check_restart, run
from tests.spoken import call
from tests.tiny_affect import EMOTIONS, GO_EMOTIONS, MNLI, MSP_DIM, save_speech, save_text

TEXTS = [
    "yeah",
    "this is great",
    "",
    "what do you think ?",
    "no",
    " ",
    "i hate this plan",
    "thank you",
    "yeah",
]
TOLERANCE = 1.01e-4  # of figures of four digits


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> AffectModels:
    folder = tmp_path_factory.mktemp("affect")
    save_speech(folder / "emotion", EMOTIONS)
    save_speech(folder / "dimensions", MSP_DIM, hidden=True, scale=0.5)
    save_text(folder / "text", GO_EMOTIONS, problem="multi_label_classification")
    save_text(folder / "intent", MNLI)
    names = ("emotion", "dimensions", "text", "intent")
    return affect_models(affect_files(**{name: str(folder / name) for name in names}))  # pyright: ignore


def audio(start: int, end: int) -> NDArray[np.float32]:
    return call()[start:end]


def segment(number: int, text: str, *, final: bool = True) -> Segment:
    start = 16_000 * 7 + 32_000 * number
    end = start + 16_000 + 1600 * (number % 5)
    return Segment(
        id=number, revision=0, final=final, start=start, end=end, speaker="A", text=text, words=None
    )


def prosody(of: Segment) -> Prosody:
    return Prosody(segment=of.id, start=of.start, end=of.end, speaker=of.speaker, words=1)


def stream(*, with_prosody: bool = False, watermarks: bool = True) -> list[Any]:
    """Segments with and without text, what is rejected, and what is no text."""
    items: list[Any] = [Language(at=0, code="en", probability=0.9)]
    for number, text in enumerate(TEXTS):
        said = segment(number, text)
        items.append(said)
        if with_prosody and text.strip():
            items.append(prosody(said))
        items.append(Overlap(id=number, start=said.start, end=said.end, speakers=("A", "B")))
        if number % 3 == 1:
            items.append(
                Rejected(id=90 + number, start=said.start, end=said.end, speaker="A", reason="no words")
            )
        if watermarks:
            items.append(Watermark(source="text", at=said.start))
        items.append(Watermark(source="diarizer", at=said.end))
    return items


def is_text(item: Any) -> bool:
    return isinstance(item, Segment | Rejected | Prosody) or (
        isinstance(item, Watermark) and item.source == "text"
    )


def close(a: Affect, b: Affect) -> bool:
    """Whether all figures agree."""
    found, wanted = msgspec.structs.asdict(a), msgspec.structs.asdict(b)
    return found == {name: pytest.approx(value, abs=TOLERANCE) for name, value in wanted.items()}


# --- in the stream -------------------------------------------------------------------------------


@pytest.mark.parametrize("with_prosody", [False, True])
@pytest.mark.parametrize(("batch", "hold_s"), [(1, 0.0), (3, 0.0), (3, 60.0), (8, 5.0)])
def test_affect_comes_right_behind_its_segment_or_prosody_and_text_keeps_its_order(
    models: AffectModels, with_prosody: bool, batch: int, hold_s: float
) -> None:
    items = stream(with_prosody=with_prosody)
    out = run(Affects(models=models, audio=audio, prosody=with_prosody, batch=batch, hold_s=hold_s), items)
    assert [item for item in out if is_text(item)] == [item for item in items if is_text(item)]
    others = [item for item in out if not is_text(item) and not isinstance(item, Affect)]
    assert others == [item for item in items if not is_text(item)]
    text = [item for item in out if is_text(item) or isinstance(item, Affect)]
    for place, item in enumerate(text):
        if isinstance(item, Segment) and item.text.strip():
            behind = text[place + 1 + with_prosody]
            assert isinstance(behind, Affect)
            assert (behind.segment, behind.start, behind.end, behind.speaker) == (
                item.id,
                item.start,
                item.end,
                "A",
            )
    assert sum(isinstance(item, Affect) for item in out) == sum(bool(text.strip()) for text in TEXTS)


@settings(max_examples=25)
@given(batch=st.integers(1, 9), hold=st.integers(0, 40), watermarks=st.booleans(), with_prosody=st.booleans())
def test_what_is_said_of_a_segment_does_not_depend_on_its_company(
    models: AffectModels, batch: int, hold: int, watermarks: bool, with_prosody: bool
) -> None:
    operator = Affects(models=models, audio=audio, prosody=with_prosody, batch=batch, hold_s=hold)
    out = run(operator, stream(with_prosody=with_prosody, watermarks=watermarks))
    found = [item for item in out if isinstance(item, Affect)]
    wanted = [item for item in run(Affects(models=models, audio=audio), stream()) if isinstance(item, Affect)]
    assert len(found) == len(wanted)
    assert all(map(close, found, wanted))


def test_by_default_no_text_waits_and_everything_else_never(models: AffectModels) -> None:
    for with_prosody in (False, True):
        operator = Affects(models=models, audio=audio, prosody=with_prosody)
        said = segment(0, "yeah")
        first = [type(item) for item in operator.feed(said)]
        assert first == ([] if with_prosody else [Segment, Affect])
        other = Hypothesis(id=1, revision=0, start=0, end=16, speaker=None, text="so")
        assert list(operator.feed(other)) == [other]
        second = [type(item) for item in operator.feed(prosody(said))]
        assert second == ([Segment, Prosody, Affect] if with_prosody else [Prosody])


def test_a_prosody_that_does_not_come_is_not_waited_for_beyond_the_next_text(models: AffectModels) -> None:
    operator = Affects(models=models, audio=audio, prosody=True)
    assert list(operator.feed(segment(0, "yeah"))) == []
    assert [type(item) for item in operator.feed(segment(1, "no"))] == [Segment, Affect]
    assert [type(item) for item in operator.feed(Watermark(source="text", at=0))] == [
        Segment,
        Affect,
        Watermark,
    ]


def test_segments_wait_for_company_until_the_text_has_moved_on_or_the_batch_is_full(
    models: AffectModels,
) -> None:
    operator = Affects(models=models, audio=audio, batch=3, hold_s=10)
    assert list(operator.feed(segment(0, "yeah"))) == []
    assert list(operator.feed(Watermark(source="text", at=9 * 16_000))) == []
    assert len(list(operator.feed(Watermark(source="text", at=10 * 16_000)))) == 4
    assert list(operator.feed(segment(1, "no"))) == []
    assert list(operator.feed(segment(2, "no"))) == []
    assert len(list(operator.feed(segment(3, "no")))) == 6


def test_the_state_is_bounded_whatever_waits(models: AffectModels) -> None:
    operator = Affects(models=models, audio=audio, batch=4, hold_s=1000, prosody=True)
    for number in range(300):
        said = segment(number % 9, "yeah" if number % 40 == 0 else "", final=number % 2 == 0)
        list(operator.feed(said))
        list(operator.feed(Watermark(source="text", at=0)))
        assert len(operator.state.waiting) <= 16


@pytest.mark.parametrize("with_prosody", [False, True])
@pytest.mark.parametrize("hold_s", [0.0, 6.0])
def test_a_session_that_is_restarted_at_any_item_goes_on_the_same(
    models: AffectModels, with_prosody: bool, hold_s: float
) -> None:
    def make(state: AffectState | None) -> Affects:
        return Affects(models=models, audio=audio, prosody=with_prosody, batch=3, hold_s=hold_s, state=state)

    check_restart(make, stream(with_prosody=with_prosody))


def test_events_can_be_logged(models: AffectModels) -> None:
    decoder = msgspec.json.Decoder(Event)
    for item in run(Affects(models=models, audio=audio), stream()):
        if isinstance(item, Affect):
            assert decoder.decode(msgspec.json.encode(item)) == item


# --- what is asked of the models -----------------------------------------------------------------


class Asked:
    """Stands where any model may, and notes what it is given."""

    notes: tuple[str, ...] = ()
    range = (0.0, 1.0)

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[list[Any]] = []

    def __call__(self, items: Sequence[Any], *_: object) -> list[Any]:
        self.calls.append(list(items))
        return [self.answer for _ in items]


def test_clips_are_views_of_the_store_and_each_model_is_called_once_for_all(tmp_path: Path) -> None:
    dimensions, emotion = Asked(Dimensions(0.2, 0.8, 0.5)), Asked({"calm": 1.0})
    words, intent = Asked({"joy": 0.5}), Asked({"question": 0.7})
    models = AffectModels(dimensions=dimensions, emotion=emotion, text_emotion=words, intent=intent)
    descriptor = os.open(tmp_path / "store", os.O_RDWR | os.O_CREAT)
    with PcmStore(descriptor) as store:
        store.append(call())
        store.finish()
        whole = store.view(0, store.frames)
        run(Affects(models=models, audio=store.view, batch=20, hold_s=1000), stream())
        for model in (dimensions, emotion):
            (clips,) = model.calls
            assert len(clips) == 7
            assert all(np.shares_memory(clip, whole) for clip in clips)
    for model in (words, intent):
        assert model.calls == [[text for text in TEXTS if text.strip()]]


def test_segments_without_text_cost_nothing() -> None:
    def no_audio(start: int, end: int) -> NDArray[np.float32]:
        raise AssertionError(f"audio of {start} to {end} was asked for")

    models = AffectModels(dimensions=Asked(None), emotion=Asked(None), intent=Asked({}))
    items = [segment(0, ""), segment(1, "  "), segment(2, "so", final=False)]
    assert run(Affects(models=models, audio=no_audio), items) == items


def test_where_channels_are_apart_the_speaker_is_heard_on_the_own_one() -> None:
    both = np.stack([np.zeros(80_000, np.float32), np.ones(80_000, np.float32)], axis=1)
    emotion = Asked({"calm": 1.0})
    said = msgspec.structs.replace(segment(0, "yeah"), start=0, end=16_000, speaker="CHANNEL_2")
    run(Affects(models=AffectModels(emotion=emotion), audio=lambda start, end: both[start:end]), [said])
    ((clip,),) = emotion.calls
    assert clip.shape == (16_000,)
    assert clip.min() == 1
    assert np.shares_memory(clip, both)


def test_what_is_not_at_hand_is_none_and_not_available() -> None:
    items = [segment(0, "this is great")]
    (_, found) = run(Affects(models=affect_models(), audio=audio, language="en"), items)
    assert found.available == {
        "dimensions": False,
        "emotion": False,
        "text_emotion": False,
        "sentiment": True,
        "intent": False,
    }
    assert found.sentiment == 0.6249
    assert found.hint == "positive-words"
    rest = ("valence", "arousal", "dominance", "emotions", "low_confidence", "text_emotions", "intents")
    assert [getattr(found, name) for name in rest] == [None] * 7
    for language in (None, "de"):
        (_, found) = run(Affects(models=affect_models(), audio=audio, language=language), items)
        assert (found.sentiment, found.hint, found.available["sentiment"]) == (None, None, False)
    heard = [Language(at=0, code="en-GB", probability=1.0), *items]
    assert run(Affects(models=affect_models(), audio=audio), heard)[2].sentiment == 0.6249


def test_what_is_no_number_is_none() -> None:
    nan = float("nan")
    models = AffectModels(
        dimensions=Asked(Dimensions(nan, 0.5, None)),
        emotion=Asked({"calm": nan, "sad": nan}),
        text_emotion=Asked({"joy": float("inf")}),
        intent=Asked({"question": nan}),
    )
    (_, found) = run(Affects(models=models, audio=audio), [segment(0, "yeah")])
    assert (found.valence, found.arousal, found.dominance) == (None, 0.5, None)
    assert (found.emotions, found.low_confidence, found.text_emotions, found.intents) == (None,) * 4
    assert found.hint is None
