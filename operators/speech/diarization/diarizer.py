"""Who speaks when, while it is being said: windows, tracks, turns, voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
import numpy as np

from operators.speech.diarization.aggregation import Aggregation, AggregationState
from operators.speech.diarization.clustering import unit
from operators.speech.diarization.foresight import Alike, Foreseen
from operators.speech.diarization.grouping import limits
from operators.speech.diarization.hearing import Hearing
from operators.speech.diarization.known_voices import KnownVoice, Names, SpeakerVoice
from operators.speech.diarization.models import Activity, Embedding, Segmentation
from operators.speech.diarization.turn_taking import NEVER, TurnTaking
from operators.speech.diarization.turns import OpenTurns, TurnsState
from operators.speech.diarization.voices import Voices, VoicesState
from operators.speech.diarization.windows import Windows, WindowsState
from stream_engine.clock import RATE, snap
from stream_engine.events import Chunk, Relabel, Turn, Watermark
from stream_engine.state import Array


class DiarizerState(msgspec.Struct):
    windows: WindowsState
    aggregation: AggregationState
    turns: TurnsState
    voices: VoicesState
    names: dict[int, str] = {}


class Diarizer:
    """Audio to turns, each of them provisional while it is open and final `latency` after its end.

    Args:
        segmentation: activity of local speakers in a window.
        embedding: the voice in a stretch of speech.
        latency: seconds after the end of a turn that its boundaries may wait for.
        hop: seconds from window to window, on the segmentation's frame grid.
        max_turn: seconds after which a turn without a pause is cut.
        batch: windows in one call of the segmentation, where as many are due; a GPU is faster with more.
        speakers: how many there are, if that is known; else from `min_speakers` to `max_speakers`.
        known: voices with names; who is like none of them is `SPEAKER_00` and so on.
        state: of an earlier run, to go on from.
    """

    def __init__(
        self,
        *,
        segmentation: Segmentation,
        embedding: Embedding,
        latency: float = 1.5,
        hop: float = 0.5,
        max_turn: float = 10.0,
        batch: int = 1,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        known: Sequence[KnownVoice] = (),
        state: DiarizerState | None = None,
    ) -> None:
        if latency < 0 or hop <= 0 or max_turn < 1 or batch < 1:
            given = f"{latency}, {hop}, {max_turn}, {batch}"
            raise ValueError(f"latency >= 0, hop > 0, max_turn >= 1, batch >= 1, got {given}")
        self._batch = batch  # more are no faster on a CPU, and memory for the most is kept for good
        self._segmentation = segmentation
        step = segmentation.step
        self._latency = round(latency * RATE / step)
        self._hop = max(1, round(hop * RATE / step))
        self._windows = Windows(
            window=segmentation.window,
            hop=self._hop * step,
            step=step,
            memory=int((max_turn + latency + 2 * hop + 4) * RATE),
            state=state.windows if state else None,
        )
        self._embedding = Foreseen(embedding)
        self._hearing = Hearing(windows=self._windows, segmentation=segmentation, embedding=self._embedding)
        self._scout = partial(
            Diarizer, segmentation=segmentation, latency=latency, hop=hop, max_turn=max_turn
        )
        self._aggregation = Aggregation(
            frames=(segmentation.window - segmentation.width) // step + 1,
            frame_seconds=step / RATE,
            state=state.aggregation if state else None,
        )
        self._turns = OpenTurns(state=state.turns if state else None)
        self._voices = Voices(
            dimension=embedding.dimension,
            limits=limits(speakers, min_speakers, max_speakers),
            state=state.voices if state else None,
        )
        self._names = Names(known=known, given=state.names if state else None)
        self._taking = TurnTaking(
            hearing=self._hearing,
            aggregation=self._aggregation,
            turns=self._turns,
            voices=self._voices,
            names=self._names,
            longest=int(max_turn * RATE / step),
        )

    @property
    def state(self) -> DiarizerState:
        return DiarizerState(
            self._windows.state,
            self._aggregation.state,
            self._turns.state,
            self._voices.state,
            dict(self._names.given),
        )

    @property
    def voices(self) -> dict[str, SpeakerVoice]:
        """The voice of each speaker so far, by label: kept apart from the turns."""
        heard = zip(*self._voices.heard(), strict=True)
        return {
            self._names.label(speaker): SpeakerVoice(Array.of(unit(total).astype(np.float32)), float(seconds))
            for speaker, total, seconds in heard
        }

    def feed(self, item: Chunk, /) -> Iterator[Turn | Relabel | Watermark]:
        self._windows.feed(item)
        while True:
            index = self._windows.index
            due = self._windows.due(self._batch)
            if not due:
                return
            activities = self._segmentation(np.stack(due))
            if len(due) > 1:
                self._foresee(index, activities)
            for number, activity in enumerate(activities):
                yield from self._hear(index + number, activity)
            self._windows.forget()

    def flush(self) -> Iterator[Turn | Relabel | Watermark]:
        index = self._windows.index
        last = self._windows.last()
        if last is not None:
            yield from self._hear(index, self._segmentation(last[None])[0], end=True)
        elif index:
            yield from self._taking.settle(frontier=NEVER)
        yield from self._taking.relabels(self._voices.regroup(end=True), snap(self._windows.end))
        yield Watermark(source="diarizer", at=snap(self._windows.end))

    def _foresee(self, index: int, activities: Activity) -> None:
        """Has embedded in one call what these windows will ask for one by one (see `foresight`)."""
        alike, state = Alike(self._embedding), self.state
        state.turns, state.voices = alike.turns(state.turns), alike.nobody()
        scout = self._scout(embedding=alike, state=state)
        for number, activity in enumerate(activities):
            for _ in scout._hear(index + number, activity):
                pass
        self._embedding.foresee(alike.asked)

    def _hear(
        self, index: int, activity: Activity, *, end: bool = False
    ) -> Iterator[Turn | Relabel | Watermark]:
        start = self._windows.first_sample(index) // self._segmentation.step
        self._aggregation.observe(start, activity)
        seen = start + len(activity)
        yield from self._taking.settle(frontier=NEVER if end else seen - self._latency)
