"""From runs of activity to turns: which of them are over, shown, cut, withdrawn, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from operators.speech.diarization.aggregation import Aggregation, Run
from operators.speech.diarization.hearing import Hearing, Stretch
from operators.speech.diarization.known_voices import Names
from operators.speech.diarization.stretches import modulated, same_voice
from operators.speech.diarization.turns import OpenTurn, OpenTurns
from operators.speech.diarization.voices import Correction, Voices
from stream_engine.clock import RATE
from stream_engine.events import Relabel, Turn, Watermark

NEVER = 1 << 60  # the frontier when nothing follows


class TurnTaking:
    """Tells of turns; all memory is with the parts that it is given."""

    def __init__(
        self,
        *,
        hearing: Hearing,
        aggregation: Aggregation,
        turns: OpenTurns,
        voices: Voices,
        names: Names,
        longest: int,
    ) -> None:
        self._hearing = hearing
        self._aggregation = aggregation
        self._turns = turns
        self._voices = voices
        self._names = names
        self._longest = longest  # frames after which a run without a pause is cut

    def settle(self, *, frontier: int) -> Iterator[Turn | Relabel | Watermark]:
        """What is final now that nothing before frame `frontier` can change, and what goes on there."""
        ended, going = self._aggregation.decide(frontier)
        turns = self._turns.follow(ended + going, len(ended))
        for run, turn in zip(ended, turns[: len(ended)], strict=True):
            yield from self._finish(run, turn)
        for run, turn in zip(going, turns[len(ended) :], strict=True):
            yield from self._go_on(run, turn, frontier)
        for turn in self._turns.lost:
            yield from self._withdraw(turn)
        if frontier < NEVER:
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
        yield from self.relabels(corrections, self._heard())

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

    def relabels(self, corrections: Sequence[Correction], as_of: int) -> Iterator[Relabel]:
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


_SHRED = RATE // 10
