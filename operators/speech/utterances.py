"""Cutting turns into utterances: what a recogniser is given, and when.

    turns      A ├──────┤ ├────┤          ├─┤            B ├──────────────────────────────────┤
                        gap <= join                                     quietest
    utterances A ├─────────────┤          too short      B ├───────────────┤├──────────────────┤

Turns of one speaker are joined over short gaps, until there is enough for good recognition; what is longer
than a recogniser likes is cut where voice activity is lowest; what is too short or has too little voice in
it is left out, for a recogniser invents words there. Nothing is padded. Where two speak at once, each is
heard from the start to the end of the own turns.

Measured on nine clips (457 words) with machine turns: joining over 0.2 s until there are 1.5 s, to 3 s at
most, has the cpWER (0.348) of joining over 0.5 s until there are 3 s, to 8 s at most, and text comes 3.1 s
of audio after a turn's end instead of 5.9 s (p95, recognition not counted). Joining over 0.8 s loses 2 to 3
points; 10, 12 or 20 s for the longest loses 0.4 to 1.5; cutting overlaps in half, at the quietest place, or
to one of both gains up to 1.5 in the mean and loses up to 2 on single sets, and would wait for the other's
turn, so they are left as they are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import msgspec

from operators.speech.pauses import Pauses, PausesState
from operators.speech.stretches import Joining, Stretch, span, split
from operators.speech.voice_activity import SOURCE as VOICE
from stream_engine.clock import samples
from stream_engine.events import Relabel, Turn, Utterance, VoiceActivity, Watermark
from stream_engine.operator import Operator

TEXT = "text"  # the source of the watermarks that go with utterances, and then with their text
QUIET = samples(5.0)  # between two watermarks, while nothing is uttered
REACH = samples(0.25)  # either side of a cut is listened to for so long

_FromDiarizer = Turn | Relabel | Watermark


class UtteranceState(msgspec.Struct, frozen=True):
    """What the cutter remembers."""

    pauses: PausesState
    heard: int  # voice activity is known up to here
    waiting: tuple[_FromDiarizer, ...]  # ahead of voice activity
    watermark: int
    open: tuple[Turn, ...]
    closed: tuple[Turn, ...]
    next_id: int
    said: int = 0


class UtteranceCutter(Operator[Turn | Relabel | VoiceActivity | Watermark, Utterance | Watermark]):
    """Final turns and voice activity, merged in any order, to utterances.

    The order in which the two sources are merged does not matter: each event of the diarizer waits until
    voice activity is known up to the end of what it speaks of, and only that much of it is looked at. An
    utterance goes out as soon as no later turn can be joined to it; from then on its label follows by
    `Relabel` of its turns. Lookahead: `join_s` of watermark. Watermarks of "text" say before which time no
    utterance will begin any more; they follow the utterances through recognition.
    """

    def __init__(
        self,
        *,
        join_s: float = 0.2,
        enough_s: float = 1.5,
        joined_s: float = 3.0,
        shortest_s: float = 0.3,
        longest_s: float = 14.0,
        voiced_s: float = 0.25,
        state: UtteranceState | None = None,
    ) -> None:
        if not 0 < shortest_s <= longest_s / 2:
            message = f"shortest_s={shortest_s}, longest_s={longest_s}: want 0 < shortest_s <= longest_s / 2"
            raise ValueError(message)
        self._joining = Joining(gap=samples(join_s), enough=samples(enough_s), longest=samples(joined_s))
        self._shortest = samples(shortest_s)
        self._longest = samples(longest_s)
        self._voiced = samples(voiced_s)
        self._pauses = Pauses(state=state.pauses if state else None)
        self._heard = state.heard if state else 0
        self._waiting = deque(state.waiting if state else ())
        self._watermark = state.watermark if state else 0
        self._open = {turn.id: turn for turn in state.open} if state else {}
        self._closed = list(state.closed) if state else []  # final, not yet uttered; cut ones are shortened
        self._next_id = state.next_id if state else 0
        self._said = state.said if state else 0  # the last watermark given

    @property
    def state(self) -> UtteranceState:
        return UtteranceState(
            self._pauses.state,
            self._heard,
            tuple(self._waiting),
            self._watermark,
            tuple(self._open.values()),
            tuple(self._closed),
            self._next_id,
            self._said,
        )

    def feed(self, item: Turn | Relabel | VoiceActivity | Watermark, /) -> Iterator[Utterance | Watermark]:
        if isinstance(item, VoiceActivity):
            self._pauses.add(item)
        elif isinstance(item, Watermark) and item.source == VOICE:
            self._heard = item.at
        else:
            self._waiting.append(item)
        while self._waiting and _speaks_of(self._waiting[0]) <= self._heard:
            yield from self._take(self._waiting.popleft())

    def flush(self) -> Iterator[Utterance | Watermark]:
        while self._waiting:
            yield from self._take(self._waiting.popleft())
        self._open.clear()
        yield from self._release(everything=True)

    def _take(self, item: _FromDiarizer) -> Iterator[Utterance | Watermark]:
        if isinstance(item, Watermark):
            self._watermark = max(self._watermark, item.at)
        elif isinstance(item, Relabel):
            self._open = {turn.id: _relabelled(turn, item) for turn in self._open.values()}
            self._closed = [_relabelled(turn, item) for turn in self._closed]
        elif not item.final:
            self._open[item.id] = item
        else:
            self._open.pop(item.id, None)
            if item.end > item.start:
                self._closed.append(item)
        before = self._next_id
        yield from self._release()
        begun = [turn.start for turn in (*self._closed, *self._open.values())]
        at = min([self._watermark, *begun])
        if at > self._said and (self._next_id > before or at - self._said >= QUIET):
            self._said = at
            yield Watermark(source=TEXT, at=at)

    def _release(self, *, everything: bool = False) -> Iterator[Utterance]:
        kept: list[Turn] = []
        for stretch, is_newest in self._joining.stretches(self._closed):
            left = stretch
            while left and (end := self._end_of_next(left, is_newest and not everything)) is not None:
                now, left = split(left, end)
                yield from self._utter(now)
            kept.extend(left)
        self._closed = kept
        self._pauses.forget(min([self._watermark, *(turn.start for turn in kept)]))

    def _end_of_next(self, stretch: Stretch, may_grow: bool) -> int | None:
        """Where the next utterance of a stretch ends; None while that is open."""
        start, end = span(stretch)
        if end - start > self._longest:
            latest = min(start + self._longest, end - self._longest // 4)
            return self._pauses.quietest(start + self._longest // 2, latest, reach=REACH)
        return None if may_grow and self._may_be_joined(stretch[0].speaker, start, end) else end

    def _may_be_joined(self, speaker: str | None, start: int, end: int) -> bool:
        """Whether a turn can still come that a stretch of `speaker` would take in.

        The watermark tells; and where an open turn of somebody else holds it back, how far that one has
        been followed.
        """
        if end - start >= self._joining.enough:
            return False
        opened = self._open.values()
        if any(
            _may_be_one(turn.speaker, speaker) and self._joining.takes_in(start, end, turn.start, turn.end)
            for turn in opened
        ):
            return True
        return max([self._watermark, *(turn.end for turn in opened)]) <= end + self._joining.gap

    def _utter(self, turns: Stretch) -> Iterator[Utterance]:
        start, end = span(turns)
        if end - start < self._shortest or self._pauses.voiced(start, end) < self._voiced:
            return
        ids = tuple(dict.fromkeys(turn.id for turn in turns))
        yield Utterance(id=self._next_id, start=start, end=end, speaker=turns[0].speaker, turns=ids)
        self._next_id += 1


def _speaks_of(item: _FromDiarizer) -> int:
    """Up to where voice activity must be known before the item is looked at."""
    return item.end if isinstance(item, Turn) and item.final else 0


def _relabelled(turn: Turn, relabel: Relabel) -> Turn:
    if turn.id in relabel.turns or (relabel.speaker is not None and turn.speaker == relabel.speaker):
        return msgspec.structs.replace(turn, speaker=relabel.to)
    return turn


def _may_be_one(a: str | None, b: str | None) -> bool:
    return a is None or b is None or a == b
