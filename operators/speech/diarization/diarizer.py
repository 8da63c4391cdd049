"""Who speaks when, while it is being said: windows, tracks, turns, voices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import msgspec
import numpy as np

from operators.speech.diarization.aggregation import Aggregation, AggregationState, Run
from operators.speech.diarization.models import Activity, Embedding, Samples, Segmentation
from operators.speech.diarization.stretches import modulated, quiet_cuts, same_voice
from operators.speech.diarization.turns import OpenTurn, OpenTurns, TurnsState
from operators.speech.diarization.voices import Correction, Limits, Voices, VoicesState, unit
from operators.speech.diarization.windows import Windows, WindowsState
from stream_engine.clock import RATE, snap
from stream_engine.events import Chunk, Relabel, Turn, Watermark


class DiarizerState(msgspec.Struct):
    windows: WindowsState
    aggregation: AggregationState
    turns: TurnsState
    voices: VoicesState


class Diarizer:
    """Audio to turns, each of them provisional while it is open and final `latency` after its end.

    Args:
        segmentation: activity of local speakers in a window.
        embedding: the voice in a stretch of speech.
        latency: seconds after the end of a turn that its boundaries may wait for.
        hop: seconds from window to window, on the segmentation's frame grid.
        max_turn: seconds after which a turn without a pause is cut.
        speakers: how many there are, if that is known; else from `min_speakers` to `max_speakers`.
        state: of an earlier run, to go on from.
    """

    def __init__(
        self,
        *,
        segmentation: Segmentation,
        embedding: Embedding,
        latency: float = 1.5,
        hop: float = 0.5,
        max_turn: float = 20.0,
        speakers: int | None = None,
        min_speakers: int | None = None,
        max_speakers: int | None = None,
        state: DiarizerState | None = None,
    ) -> None:
        if latency < 0 or hop <= 0 or max_turn < 1:
            raise ValueError(f"latency >= 0, hop > 0, max_turn >= 1, got {latency}, {hop}, {max_turn}")
        self._segmentation = segmentation
        self._embedding = embedding
        step = segmentation.step
        self._latency = round(latency * RATE / step)
        self._hop = max(1, round(hop * RATE / step))
        self._windows = Windows(
            window=segmentation.window,
            hop=self._hop * step,
            step=step,
            memory=int((max_turn + latency + 2 * hop + 1) * RATE),
            state=state.windows if state else None,
        )
        self._aggregation = Aggregation(
            frames=(segmentation.window - segmentation.width) // step + 1,
            frame_seconds=step / RATE,
            longest=int(max_turn * RATE / step),
            state=state.aggregation if state else None,
        )
        self._turns = OpenTurns(state=state.turns if state else None)
        self._voices = Voices(
            dimension=embedding.dimension,
            limits=_limits(speakers, min_speakers, max_speakers),
            state=state.voices if state else None,
        )

    @property
    def state(self) -> DiarizerState:
        return DiarizerState(
            self._windows.state, self._aggregation.state, self._turns.state, self._voices.state
        )

    def feed(self, item: Chunk, /) -> Iterator[Turn | Relabel | Watermark]:
        self._windows.feed(item)
        while True:
            index = self._windows.index
            due = self._windows.due(_BATCH)
            if not due:
                return
            for activity in self._segmentation(np.stack(due)):
                yield from self._hear(index, activity)
                index += 1
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

    def _hear(
        self, index: int, activity: Activity, *, end: bool = False
    ) -> Iterator[Turn | Relabel | Watermark]:
        start = self._windows.first_sample(index) // self._segmentation.step
        self._aggregation.observe(start, activity)
        seen = start + len(activity)
        yield from self._settle(frontier=_NEVER if end else seen - self._latency)

    def _settle(self, *, frontier: int) -> Iterator[Turn | Relabel | Watermark]:
        as_of = self._heard()
        ended, going = self._aggregation.decide(frontier)
        turns = self._turns.follow(ended + going, len(ended))
        for run, turn in zip(ended, turns[: len(ended)], strict=True):
            yield from self._finish(run, turn, as_of)
        for run, turn in zip(going, turns[len(ended) :], strict=True):
            yield from self._show(run, turn)
        for turn in self._turns.lost:
            yield from self._withdraw(turn)
        if frontier < _NEVER:
            yield Watermark(source="diarizer", at=self._time(max(self._aggregation.settled, 0)))

    def _finish(self, run: Run, turn: OpenTurn, as_of: int) -> Iterator[Turn | Relabel]:
        """A run has ended: its voice is embedded and named. It is several turns if it is several voices."""
        start, end = self._time(run.start), self._time(run.end)
        if end - start < _SHRED or not modulated(self._windows.crop(start, end)):
            yield from self._withdraw(turn)
            return
        pieces = self._stretches(run)
        spoken = [piece.audio for piece in pieces if len(piece.audio) >= self._embedding.shortest]
        embedded = iter(self._embedding(spoken) if spoken else ())
        vectors = np.zeros((len(pieces), self._embedding.dimension))
        seconds = np.zeros(len(pieces))
        for index, piece in enumerate(pieces):
            if len(piece.audio) >= self._embedding.shortest:
                vectors[index] = unit(next(embedded))
                seconds[index] = len(piece.audio) / RATE
        groups = same_voice(vectors, seconds)
        for number, group in enumerate(groups):
            identity, revision = (turn.id, turn.revision) if number == 0 else (self._turns.new_id(), 0)
            start, end = pieces[group[0]].start, pieces[group[-1]].end
            speaker, corrections = self._voices.add(
                turn=identity,
                track=run.track,
                start=start,
                end=end,
                seconds=float(seconds[group].sum()),
                vector=vectors[group].T @ seconds[group],
                whole=len(groups) == 1,
            )
            yield Turn(
                id=identity, revision=revision, final=True, start=start, end=end, speaker=_name(speaker)
            )
            yield from self._relabels(corrections, as_of)

    def _show(self, run: Run, turn: OpenTurn) -> Iterator[Turn]:
        """A turn goes on: shown as soon as it can be named."""
        start, end = self._time(run.start), min(self._time(run.end), self._heard())
        if turn.speaker is None:
            turn.speaker = self._first_guess(run, start, end)
        speaker = turn.speaker
        if speaker is None or (start, end, speaker) == (turn.start, turn.end, turn.shown):
            return
        turn.start, turn.end, turn.shown = start, end, speaker
        yield Turn(
            id=turn.id, revision=turn.revision, final=False, start=start, end=end, speaker=_name(speaker)
        )
        turn.revision += 1

    def _withdraw(self, turn: OpenTurn) -> Iterator[Turn]:
        """A turn that turned out to be nothing; if nobody was shown it, nothing needs to be said."""
        if turn.shown is not None:
            at, speaker = turn.start, _name(turn.shown)
            yield Turn(id=turn.id, revision=turn.revision, final=True, start=at, end=at, speaker=speaker)

    def _first_guess(self, run: Run, start: int, end: int) -> int | None:
        """Whom an open turn is shown as: the track's speaker, else the voice of its first second."""
        crop = self._alone(run, start, end, _GUESS)
        if not modulated(crop):
            return None
        known = self._voices.last(run.track)
        if known is not None:
            return known
        return self._voices.guess(self._embedding([crop])[0], _GUESS / RATE) if len(crop) >= _GUESS else None

    def _stretches(self, run: Run) -> list[Stretch]:
        """A run cut at its quietest moments, with the speech that nobody else talks into."""
        start, end = self._time(run.start), self._time(run.end)
        cuts = [start + cut for cut in quiet_cuts(self._windows.crop(start, end))]
        edges = list(pairwise([start, *cuts, end]))
        return [Stretch(first, last, self._alone(run, first, last)) for first, last in edges]

    def _alone(self, run: Run, start: int, end: int, most: int = 1 << 60) -> Samples:
        """Up to `most` samples of `[start, end)` in which only this track is active."""
        pieces: list[Samples] = []
        for first, last in run.alone:
            begin, stop = max(self._time(first), start), min(self._time(last), end)
            if stop - begin >= _SHRED and most > 0:
                pieces.append(self._windows.crop(begin, min(stop, begin + most)))
                most -= stop - begin
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _relabels(self, corrections: list[Correction], as_of: int) -> Iterator[Relabel]:
        for correction in corrections:
            speaker = None if correction.speaker is None else _name(correction.speaker)
            to = f"SPEAKER_{correction.to:02d}"
            yield Relabel(to=to, as_of=as_of, turns=correction.turns, speaker=speaker)

    def _heard(self) -> int:
        return self._time(self._aggregation.seen)

    def _time(self, frame: int) -> int:
        """Where the middle of a frame lies, on the millisecond; the session's start for frame 0."""
        middle = frame * self._segmentation.step + self._segmentation.width // 2
        return snap(min(middle, self._windows.end)) if frame > 0 else 0


class Stretch(msgspec.Struct, frozen=True):
    """Samples `[start, end)` of a turn, and what of them is embedded."""

    start: int
    end: int
    audio: Samples


def _limits(speakers: int | None, fewest: int | None, most: int | None) -> Limits:
    for number in (speakers, fewest, most):
        if number is not None and number < 1:
            raise ValueError(f"a number of speakers is at least 1, got {number}")
    limits = Limits(speakers or fewest or 1, speakers or most)
    if limits.most is not None and limits.fewest > limits.most:
        raise ValueError(f"at least {limits.fewest} speakers and at most {limits.most} contradict each other")
    return limits


def _name(speaker: int | None) -> str | None:
    return None if speaker is None else f"SPEAKER_{speaker:02d}"


_BATCH = 16
_NEVER = 1 << 60
_SHRED = RATE // 10
_GUESS = RATE
