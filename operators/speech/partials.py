"""Text of turns that are still open: what is shown while somebody speaks, and what of it will not change."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.speech.drafts import Draft, heir_of, owners
from operators.speech.local_agreement import agreed, honoured, said_within
from operators.speech.pauses import Pauses, PausesState
from operators.speech.recognition import Recogniser
from operators.speech.voice_activity import SOURCE as VOICE
from stream_engine.clock import samples
from stream_engine.events import Hypothesis, Relabel, Spoken, Turn, VoiceActivity, Watermark
from stream_engine.operator import Operator

_FromDiarizer = Turn | Relabel | Watermark
BEHIND = samples(0.1)  # voice activity may be so far behind the end of an open turn
LONGEST = samples(28.0)  # of a turn that no diarizer has cut by then, no more is shown: Whisper hears 30 s


class PartialsState(msgspec.Struct, frozen=True):
    """What is open."""

    pauses: PausesState
    heard: int  # voice activity is known up to here
    waiting: tuple[_FromDiarizer, ...]  # ahead of voice activity
    drafts: tuple[Draft, ...]
    turns: tuple[Turn, ...]  # provisional, as last seen
    ended: tuple[Turn, ...]  # since the last watermark


class Partials(Operator[_FromDiarizer | VoiceActivity, Hypothesis]):
    """Turns, provisional and final, and voice activity, merged in any order, to hypotheses.

    At each watermark of the diarizer, an open turn in which there are `every_s` of new audio is decoded
    from its start, if there is voice in it: a recogniser invents words where there is none. Turns grow on a
    grid of the audio, so what is decoded does not depend on chunks or pace. The words that two decodings
    agree on are committed. Every final turn is named by exactly one hypothesis that is `final`: its `turns`
    share the `committed` words, and no hypothesis of them follows.

    A diarizer may find out that what it showed as one turn are several. What is over then ends the draft; if
    the rest is still open, one more decoding, of what is over, tells which of the committed words go on to
    it. So no decoding is longer than the diarizer lets a turn become. State: the words of the open turns.

    Args:
        recogniser: any; word times are not needed.
        audio: gives the samples of a turn, [frames], float32, 16 kHz.
        every_s: new audio that is worth a decoding.
        shortest_s: audio that is enough for the first one.
        voiced_s: how much of it must be voice; None: voice activity is not looked at, and need not be fed.
    """

    def __init__(
        self,
        *,
        recogniser: Recogniser,
        audio: Callable[[Spoken], NDArray[np.float32]],
        every_s: float = 1.0,
        shortest_s: float = 1.0,
        voiced_s: float | None = None,
        state: PartialsState | None = None,
    ) -> None:
        if every_s <= 0 or shortest_s <= 0:
            raise ValueError(f"every_s={every_s}, shortest_s={shortest_s}: want both above 0")
        self._recogniser, self._audio = recogniser, audio
        self._every, self._shortest = samples(every_s), samples(shortest_s)
        self._voiced = None if voiced_s is None else samples(voiced_s)
        self._pauses = Pauses(state=state.pauses if state else None)
        self._heard = state.heard if state else 0
        self._waiting = deque(state.waiting if state else ())
        self._drafts = {draft.turn.id: draft for draft in state.drafts} if state else {}
        self._turns = {turn.id: turn for turn in state.turns} if state else {}
        self._ended = list(state.ended) if state else []

    @property
    def state(self) -> PartialsState:
        return PartialsState(
            self._pauses.state,
            self._heard,
            tuple(self._waiting),
            tuple(self._drafts.values()),
            tuple(self._turns.values()),
            tuple(self._ended),
        )

    def feed(self, item: _FromDiarizer | VoiceActivity, /) -> Iterator[Hypothesis]:
        if isinstance(item, VoiceActivity):
            self._pauses.add(item)
        elif isinstance(item, Watermark) and item.source == VOICE:
            self._heard = item.at
        else:
            self._waiting.append(item)
        while self._waiting and self._speaks_of(self._waiting[0]) <= self._heard:
            yield from self._take(self._waiting.popleft())

    def flush(self) -> Iterator[Hypothesis]:
        while self._waiting:
            yield from self._take(self._waiting.popleft())
        yield from self._close()

    def _take(self, item: _FromDiarizer) -> Iterator[Hypothesis]:
        if isinstance(item, Watermark):
            yield from self._close()
            yield from self._decode()
            self._pauses.forget(min([item.at, *(turn.start for turn in self._turns.values())]))
        elif isinstance(item, Turn) and item.final:
            self._turns.pop(item.id, None)
            self._ended.append(item)
        elif isinstance(item, Turn):
            self._turns[item.id] = item

    def _close(self) -> Iterator[Hypothesis]:
        """Ends the drafts of turns that are over."""
        ended, self._ended = self._ended, []
        owned = owners(ended, self._drafts.values(), self._turns)
        for draft, turns in owned:
            del self._drafts[draft.turn.id]
            free = [turn for turn in self._turns.values() if turn.id not in self._drafts]
            heir = heir_of(draft, turns, free)
            kept = len(draft.committed)
            goes_on = heir is not None and heir.id == draft.turn.id
            if heir is not None and (kept or goes_on):
                kept = self._said_before(heir.start, draft)
                rest = draft.committed[kept:]
                revision = draft.revision if goes_on else 0
                self._drafts[heir.id] = Draft(
                    turn=heir, heard=heir.start, revision=revision, committed=rest, words=rest
                )
            yield draft.closed(turns, kept, goes_on=goes_on)
        whose = {turn.id for _, turns in owned for turn in turns}
        for turn in ended:
            if turn.id not in whose and turn.end > turn.start:
                yield Draft(turn=turn, heard=turn.end).closed((turn,), 0)

    def _said_before(self, end: int, draft: Draft) -> int:
        """How many of the committed words of a draft were said before `end`."""
        over = msgspec.structs.replace(draft.turn, end=end)
        if over.end <= over.start or not draft.committed:
            return 0
        (found,) = self._recogniser.transcribe([self._audio(over)])
        return said_within(draft.committed, found.text.split())

    def _decode(self) -> Iterator[Hypothesis]:
        """Decodes the open turns that have grown enough, all at a time."""
        due = [turn for turn in self._turns.values() if self._due(turn, self._drafts.get(turn.id))]
        found = self._recogniser.transcribe([self._audio(turn) for turn in due]) if due else []
        for turn, transcript in zip(due, found, strict=True):
            before = self._drafts.get(turn.id) or Draft(turn=turn, heard=turn.start, revision=-1)
            words = tuple(honoured(before.committed, transcript.text.split()))
            committed = tuple(agreed(before.committed, before.words, words))
            self._drafts[turn.id] = draft = Draft(
                turn=turn, heard=turn.end, revision=before.revision + 1, committed=committed, words=words
            )
            if words or before.words:
                yield draft.shown()

    def _due(self, turn: Turn, draft: Draft | None) -> bool:
        new = turn.end - turn.start if draft is None else turn.end - draft.heard
        enough = self._shortest if draft is None else self._every
        if new < enough or turn.end - turn.start > LONGEST:
            return False
        return self._voiced is None or self._pauses.voiced(turn.start, turn.end - BEHIND) >= self._voiced

    def _speaks_of(self, item: _FromDiarizer) -> int:
        """Up to where voice activity must be known before the item is looked at."""
        return item.end - BEHIND if isinstance(item, Turn) and self._voiced is not None else 0
