"""Sound events: the state machine against a whole-file oracle, and the operator for any chunking."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import median_filter

from operators.sounds.event_detector import DetectorState, EventDetector
from operators.sounds.event_rules import EventRules
from operators.sounds.sound_events import SoundEvents, SoundEventsState
from stream_engine.clock import samples
from stream_engine.events import SoundEvent, Watermark
from stream_engine.testing import check_restart, run
from tests.scripted_tagger import ScriptedTagger, script, spectra

HOP = samples(0.5)
LABELS = ("Music", "Applause")
Row = tuple[str, float, float, float]  # label, start, end, score


def rows(items: list) -> list[Row]:
    """Events in seconds, by label and time."""
    events = [item for item in items if isinstance(item, SoundEvent)]
    return sorted((e.label, e.start / 16_000, e.end / 16_000, e.score) for e in events)


def detected(scores: np.ndarray, rules: EventRules, batches: list[int]) -> tuple[list, list[int]]:
    """Events of rows of one hop each, fed in batches; and the watermark before each event."""
    detector = EventDetector(labels=LABELS, source="test", rules=rules)
    events: list[SoundEvent] = []
    marks: list[int] = []
    at = 0
    for count in (*batches, len(scores)):
        mark = detector.watermark
        part = scores[at : at + count]
        if len(part):
            given_now = detector.feed(part, [(at + row + 1) * HOP for row in range(len(part))])
            events += given_now
            marks += [mark] * len(given_now)
        at += len(part)
    mark = detector.watermark
    last = detector.flush(len(scores) * HOP)
    return events + last, marks + [mark] * len(last)


def whole_file(scores: np.ndarray, rules: EventRules) -> list[Row]:
    """The definition, over all rows at once: filter, hysteresis, drop, join."""
    smooth = median_filter(scores, size=(rules.median, 1), mode="nearest")
    found: list[Row] = []
    for label, column in zip(LABELS, smooth.T, strict=True):
        events: list[list[float]] = []
        start = None
        for row, score in enumerate([*column, 0.0]):
            if start is None and score >= rules.enter and row < len(column):
                start = row
            elif start is not None and score <= rules.exit:
                events.append([start / 2, row / 2, max(column[start:row])])
                start = None
        joined: list[list[float]] = []
        for event in events:
            if event[1] - event[0] < rules.min_dur_of.get(label, rules.min_dur):
                continue
            if joined and event[0] - joined[-1][1] <= rules.merge_gap:
                joined[-1][1:] = [event[1], max(joined[-1][2], event[2])]
            else:
                joined.append(event)
        found += [(label, start, end, round(score, 3)) for start, end, score in joined]
    return sorted(found)


scores_of_rows = st.lists(
    st.tuples(*[st.sampled_from([0.0, 0.2, 0.35, 0.4, 0.5, 0.51, 0.9, 1.0])] * 2), min_size=1, max_size=40
)
rules = st.builds(
    EventRules,
    median=st.sampled_from([1, 3, 5, 7]),
    min_dur=st.sampled_from([0.0, 0.3, 1.0]),
    min_dur_of=st.sampled_from([{}, {"Music": 2.0}]),
    merge_gap=st.sampled_from([0.0, 0.2, 0.5, 1.0, 2.5]),
)


@settings(max_examples=200)
@given(scores_of_rows, rules, st.lists(st.integers(1, 9), max_size=12))
def test_events_are_those_of_the_whole_file_in_any_batches(scores, rules, batches):
    events, marks = detected(np.array(scores), rules, batches)
    assert rows(events) == whole_file(np.array(scores), rules)
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert all(event.start >= mark for event, mark in zip(events, marks, strict=True)), "behind the watermark"


def test_one_label_does_not_keep_the_pieces_of_another_apart():
    """The old join looked at the event before in order of time, of whatever label."""
    music = [1, 1, 1, 0, 1, 1, 1, 0, 0, 0]
    applause = [0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    events, _ = detected(np.array([music, applause], float).T, EventRules(median=1, merge_gap=0.5), [])
    assert rows(events) == [("Applause", 0.5, 2.0, 1.0), ("Music", 0.0, 3.5, 1.0)]


def test_a_long_event_is_given_in_pieces_that_abut():
    scores = np.zeros((40, 2))
    scores[3:28, 0] = 0.8
    scores[27, 0] = 0.9
    events, marks = detected(scores, EventRules(median=1, longest=5.0, min_dur=1.0), [1] * 40)
    assert rows(events) == [
        ("Music", 1.5, 6.5, 0.8),
        ("Music", 6.5, 11.5, 0.8),
        ("Music", 11.5, 14.0, 0.9),
    ]
    assert all(event.end - mark <= samples(5.5) for event, mark in zip(events, marks, strict=True))


def test_what_is_left_of_a_long_event_is_kept_however_short():
    scores = np.zeros((40, 2))
    scores[0:11, 0] = 1
    events, _ = detected(scores, EventRules(median=1, longest=5.0, min_dur=1.0), [])
    assert rows(events) == [("Music", 0.0, 5.0, 1.0), ("Music", 5.0, 5.5, 1.0)]


@pytest.mark.parametrize(
    "wrong",
    [
        {"median": 4},
        {"enter": 0.3},
        {"exit": 0.0},
        {"merge_gap": -1.0},
        {"longest": 1.0},
        {"longest": float("inf")},
        {"enter": 1.5},
    ],
)
def test_rules_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match=r"."):
        EventRules(**wrong)


def test_a_minimum_for_a_label_that_there_is_not_is_refused_at_once():
    rules = EventRules(min_dur_of={"Musik": 1.0})
    with pytest.raises(ValueError, match="no label Musik; there are Music, Applause"):
        EventDetector(labels=LABELS, source="test", rules=rules)
    with pytest.raises(ValueError, match="no label Musik"):
        SoundEvents(tagger=ScriptedTagger(*LABELS), rules=rules, mode="auto")


# --- the operator --------------------------------------------------------------------------------

AUDIO = script(
    31.37,
    music=[(4.0, 9.0, 0.9), (9.1, 12.0, 0.6), (26.0, 31.37, 0.7)],
    applause=[(5.0, 6.5, 0.8), (20.0, 20.3, 1.0)],
    talk=[(0.0, 31.0, 1.0)],
)


def operator(state: SoundEventsState | None = None, **options) -> SoundEvents:
    tagger = ScriptedTagger("Music", "Applause", "Speech", noise=("Music", "Applause"), speech=("Speech",))
    return SoundEvents(tagger=tagger, state=state, **options)


def test_events_begin_and_end_where_their_sounds_do():
    out = run(operator(), spectra(AUDIO, []))
    assert rows(out) == [
        ("Applause", 4.75, 6.75, 0.8),
        ("Music", 3.75, 12.25, 0.9),
        ("Music", 25.75, 31.37, 0.7),
    ], "windows of a second hear a sound a quarter of a second early and late; nobody hears 0.3 s of applause"
    assert out[-1] == Watermark(source="sounds", at=len(AUDIO) // 16 * 16)


@pytest.mark.parametrize("mode", ["timeline", "global", "auto"])
@settings(max_examples=8)
@given(cells=st.lists(st.integers(1, 700), max_size=30))
def test_any_chunking_gives_the_same(mode, cells):
    whole, pieces = operator(mode=mode), operator(mode=mode)
    assert run(pieces, spectra(AUDIO, cells)) == run(whole, spectra(AUDIO, []))
    assert pieces.summary == whole.summary


@pytest.mark.parametrize("mode", ["timeline", "global", "auto"])
def test_a_restart_changes_nothing(mode):
    check_restart(lambda state: operator(state, mode=mode), spectra(AUDIO, [37, 100, 1, 200] * 8))


def test_windows_are_scored_in_batches():
    engine = operator()
    run(engine, spectra(AUDIO, [2] * 1500))
    calls = engine._tagger.calls
    assert sum(calls) == 62  # 61 whole ones, and one that ends with the audio
    assert calls[:15] == [4] * 15


def test_speech_is_heard_and_no_event():
    engine = operator()
    assert all(label != "Speech" for label, *_ in rows(run(engine, spectra(AUDIO, []))))
    assert engine.summary.dominant_label == "Speech"


def test_counts_are_kept_apart_from_events():
    engine = operator()
    run(engine, spectra(AUDIO, [100] * 30))
    assert engine.counts == {"Applause": 1, "Music": 2}
    assert engine.summary.seconds == {"Applause": 2.0, "Music": 14.12}


def test_global_has_labels_and_no_events():
    engine = operator(mode="global")
    out = run(engine, spectra(AUDIO, [100] * 30))
    assert rows(out) == []
    assert engine.state.timeline is None
    assert [label for label, _ in engine.summary.top] == ["Speech", "Music", "Applause"]
    assert 0 < engine.summary.windows < 20
    assert isinstance(out[-1], Watermark), "nobody has to wait"


def test_auto_has_no_timeline_below_its_threshold():
    engine = operator(mode="auto")
    for item in spectra(script(60, music=[(0, 60, 0.29)], applause=[], talk=[(0, 60, 1.0)]), [50] * 120):
        assert list(engine.feed(item)) == [] or engine.state.timeline is None
        assert engine.state.timeline is None
        assert (engine.state.cells.features is None) or engine.state.cells.features.shape[0] <= 100
    assert list(engine.flush()) == [Watermark(source="sounds", at=samples(60))]
    assert not engine.summary.timeline
    assert engine._tagger.cells == pytest.approx(3000, abs=100), "every other second is not even looked at"


def test_auto_begins_where_the_noise_does():
    quiet_then_loud = script(60, music=[(30, 60, 0.9)], applause=[], talk=[(0, 60, 1.0)])
    engine = operator(mode="auto")
    (event,) = [e for e in run(engine, spectra(quiet_then_loud, [50] * 120)) if isinstance(e, SoundEvent)]
    assert samples(30) <= event.start <= samples(45)
    assert event.end == samples(60)
    assert engine.summary.timeline


@pytest.mark.parametrize("length", [0.005, 0.3, 1.0, 1.2])
def test_short_recordings_are_one_window(length):
    audio = script(2, music=[(0, 2, 1.0)], applause=[], talk=[])[: round(length * 16_000)]
    out = run(operator(rules=EventRules(min_dur=0)), spectra(audio, []))
    assert rows(out) == [("Music", 0.0, length, 1.0)]


def test_no_audio_has_no_events():
    assert run(operator(), []) == []
    assert operator().summary.noise_score is None


def test_the_state_does_not_grow():
    def size(seconds: int) -> int:
        engine = operator()
        busy = script(seconds, music=[(t, t + 2, 1) for t in range(0, seconds, 5)], applause=[], talk=[])
        for item in spectra(busy, [100] * seconds):
            list(engine.feed(item))
        return len(msgspec.msgpack.encode(engine.state))

    assert size(1000) < size(100) + 100


@pytest.mark.parametrize("wrong", [{"window": 1000}, {"hop": samples(2)}, {"hop": 161}])
def test_windows_that_leave_gaps_are_refused(wrong):
    with pytest.raises(ValueError, match="hop"):
        operator(**wrong)


def test_the_detector_is_restored():
    scores = np.random.default_rng(1).random((60, 2))
    rules = EventRules(median=3, merge_gap=1.0)
    whole, _ = detected(scores, rules, [1] * 60)
    state: DetectorState | None = None
    events: list[SoundEvent] = []
    for row in range(60):
        detector = EventDetector(labels=LABELS, source="test", rules=rules, state=state)
        events += detector.feed(scores[row : row + 1], [(row + 1) * HOP])
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(detector.state), type=DetectorState)
    events += EventDetector(labels=LABELS, source="test", rules=rules, state=state).flush(60 * HOP)
    assert events == whole
