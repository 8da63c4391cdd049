"""Which voices are one: agglomeration with a threshold that follows the evidence, and names that stay."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from operators.speech.diarization.clustering import agglomerate, unit
from operators.speech.diarization.grouping import Item, Limits, grouped
from operators.speech.diarization.voices import Voices
from stream_engine.clock import RATE

DIMENSION = 128


def stretches(
    speakers: list[int], seconds: list[float], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Directions of speakers with noise that falls with the length, as measured on real speech."""
    random = np.random.default_rng(seed)
    voices = np.linalg.qr(random.standard_normal((DIMENSION, 8)))[0].T
    noise = random.standard_normal((len(speakers), DIMENSION)) / np.sqrt(DIMENSION)
    spoken = np.array(seconds)
    return np.stack([unit(v) for v in voices[speakers] + noise * np.sqrt(1.1 / spoken)[:, None]]), spoken


def same(labels: NDArray[np.intp], speakers: list[int]) -> bool:
    truth = np.array(speakers)
    return bool(((labels[:, None] == labels) == (truth[:, None] == truth)).all())


@pytest.mark.parametrize("seed", range(5))
def test_long_and_short_turns_are_grouped_by_voice_without_a_number(seed: int) -> None:
    random = np.random.default_rng(seed)
    speakers = random.integers(0, 4, 60).tolist()
    vectors, seconds = stretches(speakers, random.uniform(1.0, 6.0, 60).tolist(), seed)
    assert same(agglomerate(vectors, seconds, np.zeros((60, 60), bool)), speakers)


def test_two_who_talk_at_once_are_two_however_alike() -> None:
    vectors, seconds = stretches([0, 0], [5.0, 5.0], 1)
    apart = np.array([[False, True], [True, False]])
    assert len(set(agglomerate(vectors, seconds, apart).tolist())) == 2
    assert len(set(agglomerate(vectors, seconds, apart, most=1).tolist())) == 1


def test_turns_at_the_same_time_are_kept_apart_by_their_times() -> None:
    def item(turn: int, start_s: float, end_s: float, seconds: float = 5.0) -> Item:
        return Item(turn, turn, int(start_s * RATE), int(end_s * RATE), seconds, speaker=turn)

    vectors, _ = stretches([0, 0], [5.0, 5.0], 1)
    for start_s, groups in ((1, 2), (4.7, 2), (4.9, 1), (6, 1)):  # more than a fifth of a second is at once
        items = [item(0, 0, 5), item(1, start_s, start_s + 5)]
        assert len(set(grouped(items, vectors, Limits(), end=True))) == groups
    vectors, _ = stretches([0, 1, 0], [5.0, 5.0, 5.0], 1)
    for start_s, group in (
        (2, 1),
        (8, 0),
    ):  # too little to count, and like the first: not while that one talks
        items = [item(0, 0, 5), item(1, 10, 15), item(2, start_s, start_s + 1, seconds=0.3)]
        assert grouped(items, vectors, Limits(), end=True) == [0, 1, group]


@pytest.mark.parametrize("wanted", [1, 2, 5, 9])
def test_the_number_of_groups_can_be_forced(wanted: int) -> None:
    vectors, seconds = stretches([0, 1, 2] * 5, [2.0] * 15, 2)
    labels = agglomerate(vectors, seconds, np.zeros((15, 15), bool), fewest=wanted, most=wanted)
    assert len(set(labels.tolist())) == wanted


def test_a_newcomer_after_hours_is_a_speaker_within_a_few_turns() -> None:
    voices = Voices(dimension=DIMENSION, limits=Limits(), capacity=40)
    speakers = [index % 2 for index in range(1500)] + [2] * 3
    vectors, _ = stretches(speakers, [3.0] * len(speakers), 4)
    name = -1
    for turn, vector in enumerate(vectors):
        at = turn * 4 * RATE
        name, _ = voices.add(turn=turn, track=turn, start=at, end=at + 3 * RATE, seconds=3.0, vector=vector)
    assert voices.guess(vectors[-1], 3.0) == 2
    assert name == 2


def test_names_stay_and_memory_is_bounded() -> None:
    voices = Voices(dimension=DIMENSION, limits=Limits(), capacity=20)
    speakers = [index % 3 for index in range(300)]
    vectors, _ = stretches(speakers, [3.0] * 300, 3)
    named: list[int] = []
    for turn, vector in enumerate(vectors):
        start = turn * 4 * RATE
        speaker, corrections = voices.add(
            turn=turn, track=turn, start=start, end=start + 3 * RATE, seconds=3.0, vector=vector
        )
        assert not corrections
        named.append(speaker)
    assert named == speakers
    assert len(voices.state.items) == 23


def test_two_speakers_that_turn_out_to_be_one_become_one_by_name() -> None:
    """One voice from two rooms, and then on the way from one to the other."""
    voices = Voices(dimension=DIMENSION, limits=Limits(), capacity=4)
    axes = np.eye(DIMENSION)
    rooms = [axes[0]] * 8 + [unit(0.45 * axes[0] + 0.9 * axes[1])] * 8
    between = [unit(axes[0] + 0.9 * axes[1])] * 30
    labels: dict[int, int] = {}
    whole: list[tuple[int | None, int]] = []
    for turn, vector in enumerate(rooms + between):
        start = turn * 4 * RATE
        speaker, corrections = voices.add(
            turn=turn, track=turn, start=start, end=start + 3 * RATE, seconds=3.0, vector=vector
        )
        labels[turn] = speaker
        for correction in corrections:
            moved = correction.turns or [t for t, s in labels.items() if s == correction.speaker]
            labels |= dict.fromkeys(moved, correction.to)
            whole += [(correction.speaker, correction.to)] if correction.speaker is not None else []
    assert set(labels.values()) == {0}
    assert whole == [(1, 0)]
