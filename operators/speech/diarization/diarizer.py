"""Who speaks when, while it is being said: windows, tracks, turns, voices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import msgspec
import numpy as np

from operators.speech.diarization.aggregation import Aggregation, AggregationState, Run
from operators.speech.diarization.clustering import unit
from operators.speech.diarization.foresight import Alike, Foreseen
from operators.speech.diarization.grouping import limits
from operators.speech.diarization.hearing import Hearing, Stretch
from operators.speech.diarization.known_voices import KnownVoice, Names, SpeakerVoice
from operators.speech.diarization.models import Activity, Embedding, Segmentation
from operators.speech.diarization.stretches import modulated, same_voice
from operators.speech.diarization.turns import OpenTurn, OpenTurns, TurnsState
from operators.speech.diarization.voices import Correction, Voices, VoicesState
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
        self._longest = int(max_turn * RATE / step)
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
            yield from self._settle(frontier=_NEVER)
        yield from self._relabels(self._voices.regroup(end=True), snap(self._windows.end))
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
        yield from self._settle(frontier=_NEVER if end else seen - self._latency)

    def _settle(self, *, frontier: int) -> Iterator[Turn | Relabel | Watermark]:
        ended, going = self._aggregation.decide(frontier)
        turns = self._turns.follow(ended + going, len(ended))
        for run, turn in zip(ended, turns[: len(ended)], strict=True):
            yield from self._finish(run, turn)
        for run, turn in zip(going, turns[len(ended) :], strict=True):
            yield from self._go_on(run, turn, frontier)
        for turn in self._turns.lost:
            yield from self._withdraw(turn)
        if frontier < _NEVER:
            yield Watermark(source="diarizer", at=self._time(max(self._aggregation.settled, 0)))

    def _finish(self, run: Run, turn: OpenTurn) -> Iterator[Turn | Relabel]:
        """A run has ended: it is one turn, or several if it is several voices."""
        if self._time(run.end) - self._time(run.start) < _SHRED or not modulated(self._hearing.audio(run)):
            yield from self._withdraw(turn)
            return
        turn.stretches = self._hearing.listen(run, turn.stretches, over=True)
        groups = same_voice(turn.stretches)
        start = run.start
        for number, group in enumerate(groups):
            if number > 0:
                turn = OpenTurn(self._turns.new_id(), start, run.end)
            whole = len(groups) == 1 and not turn.part
            yield from self._conclude(run.track, turn, start, group, whole=whole)
            start = group[-1].end

    def _go_on(self, run: Run, turn: OpenTurn, frontier: int) -> Iterator[Turn | Relabel]:
        """A run goes on: shown; but what another voice has followed, or what is too long, is over."""
        turn.stretches = self._hearing.listen(run, turn.stretches, over=False)
        groups = same_voice(turn.stretches)
        if len(groups) == 1 and run.end - run.start > self._longest:
            over = [stretch for stretch in turn.stretches[:-1] if stretch.end < frontier]
            if over and 2 * (over[-1].end - run.start) > self._longest:
                groups = [over, turn.stretches[len(over) :]]
        start = run.start
        while len(groups) > 1 and groups[0][-1].end < frontier:
            group = groups.pop(0)
            if modulated(self._hearing.audio(msgspec.structs.replace(run, start=start))):
                yield from self._conclude(run.track, turn, start, group, whole=False)
            else:
                yield from self._withdraw(turn)
            start = group[-1].end
            self._aggregation.fix(run, start)
            turn = self._turns.split(turn, start, [stretch for rest in groups for stretch in rest])
        yield from self._show(msgspec.structs.replace(run, start=start), turn)

    def _conclude(
        self, track: int, turn: OpenTurn, first: int, group: list[Stretch], *, whole: bool
    ) -> Iterator[Turn | Relabel]:
        """A turn is over: final, with the name that its voice has now."""
        start, end = self._time(first), self._time(group[-1].end)
        seconds = np.array([stretch.seconds for stretch in group])
        vectors = np.stack([stretch.vector.numpy() for stretch in group])
        speaker, corrections = self._voices.add(
            turn=turn.id,
            track=track,
            start=start,
            end=end,
            seconds=float(seconds.sum()),
            vector=vectors.T @ seconds,
            whole=whole,
        )
        yield Turn(
            id=turn.id,
            revision=turn.revision,
            final=True,
            start=start,
            end=end,
            speaker=self._names.label(speaker),
        )
        yield from self._relabels(corrections, self._heard())

    def _show(self, run: Run, turn: OpenTurn) -> Iterator[Turn]:
        """An open turn is shown as soon as it can be named."""
        start, end = self._time(run.start), min(self._time(run.end), self._heard())
        if turn.speaker is None and modulated(self._hearing.audio(run)):
            turn.speaker = self._guess(run, turn)
        if turn.speaker is None or (start, end, turn.speaker) == (turn.start, turn.end, turn.shown):
            return
        turn.start, turn.end, turn.shown = start, end, turn.speaker
        yield Turn(
            id=turn.id,
            revision=turn.revision,
            final=False,
            start=start,
            end=end,
            speaker=self._names.label(turn.speaker),
        )
        turn.revision += 1

    def _guess(self, run: Run, turn: OpenTurn) -> int | None:
        """Who it is by the first stretch, or, while there is none, by the track."""
        for stretch in turn.stretches:
            if stretch.seconds > 0:
                return self._voices.guess(stretch.vector.numpy(), stretch.seconds)
        return self._voices.last(run.track)

    def _withdraw(self, turn: OpenTurn) -> Iterator[Turn]:
        """A turn that turned out to be nothing; if nobody was shown it, nothing needs to be said."""
        if turn.shown is not None:
            at, speaker = turn.start, self._names.label(turn.shown)
            yield Turn(id=turn.id, revision=turn.revision, final=True, start=at, end=at, speaker=speaker)

    def _relabels(self, corrections: list[Correction], as_of: int) -> Iterator[Relabel]:
        for correction in corrections:
            speaker = None if correction.speaker is None else self._names.label(correction.speaker)
            to = self._names.label(correction.to)
            yield Relabel(to=to, as_of=as_of, turns=correction.turns, speaker=speaker)
        if self._names:
            for old, new in self._names.update(*self._voices.heard()):
                yield Relabel(to=new, as_of=as_of, speaker=old)

    def _heard(self) -> int:
        return self._time(self._aggregation.seen)

    def _time(self, frame: int) -> int:
        return self._hearing.time(frame)


_NEVER = 1 << 60
_SHRED = RATE // 10
