"""The last turns and what belongs to them: as long as the diarizer may still say that a turn is another's."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from operators.timeline.speaker_totals import Told
from operators.timeline.talk_time import NOBODY
from stream_engine.events import Affect, Backchannel, Interruption, Prosody, Relabel, Segment, Turn


class HeldTurn(msgspec.Struct):
    id: int
    start: int
    end: int
    speaker: str


class HeldClaim(msgspec.Struct):
    """An interruption or a back-channel, and the turns by which its speakers may be named again."""

    start: int
    by: str
    by_turn: int | None
    to: str
    to_turn: int | None
    successful: bool | None  # None: a back-channel


class HeldSegment(msgspec.Struct):
    id: int
    told: Told
    logged: str | None
    turns: tuple[int, ...]
    shares: dict[int, tuple[int, str]] = {}  # of known turns: samples of the segment, and the speaker

    def share(self, turn: HeldTurn) -> None:
        covered = min(self.told.end, turn.end) - max(self.told.start, turn.start)
        self.shares[turn.id] = (max(0, covered), turn.speaker)

    @property
    def speaker(self) -> str | None:
        """Who has most of the segment's time; the logged one where its turns do not say."""
        time: dict[str, int] = {}
        for turn in self.turns:
            if turn in self.shares:
                covered, name = self.shares[turn]
                time[name] = time.get(name, 0) + covered
        best = max(time, key=time.__getitem__, default=NOBODY)
        return (best or None) if time.get(best) else self.logged


class HeldTurns(msgspec.Struct):
    """All in order of start."""

    turns: list[HeldTurn] = []
    going: list[HeldTurn] = []  # held no longer, but somebody may yet cut in on them
    claims: list[HeldClaim] = []
    segments: list[HeldSegment] = []
    awaited: set[int] = set()  # turns that begin after a segment that they are of

    def turn(self, event: Turn) -> None:
        turn = HeldTurn(event.id, event.start, event.end, event.speaker or NOBODY)
        self.turns.append(turn)
        if turn.id in self.awaited:
            self.awaited.remove(turn.id)
            for segment in self.segments:
                if turn.id in segment.turns:
                    segment.share(turn)

    def claim(self, event: Interruption | Backchannel) -> None:
        """The interrupter's turn begins then, the other's goes on.

        They are known by their labels; or by being the only such turn, since the event may bear a label that
        its turn gets by a relabel still to come.
        """
        successful = event.successful if isinstance(event, Interruption) else None
        by, to = (
            (event.interrupter, event.interrupted)
            if isinstance(event, Interruption)
            else (event.speaker, event.to)
        )
        known = [*self.going, *self.turns]
        covering = [turn for turn in known if turn.start <= event.start < turn.end]
        first = _party(by, [turn for turn in covering if turn.start == event.start])
        second = _party(to, [turn for turn in covering if turn is not first and turn.start < event.start])
        self.claims.append(
            HeldClaim(
                event.start,
                first.speaker if first else by,
                first.id if first else None,
                second.speaker if second else to,
                second.id if second else None,
                successful,
            )
        )

    def segment(self, event: Segment, words: int) -> None:
        held = HeldSegment(event.id, Told(event.start, event.end, words), event.speaker, event.turns)
        awaited = set(event.turns)
        for turn in (*reversed(self.turns), *self.going):
            if not awaited:
                break
            if turn.id in awaited:
                held.share(turn)
                awaited.remove(turn.id)
        self.awaited |= awaited
        self.segments.append(held)

    def prosody(self, event: Prosody) -> bool:
        """Whether its segment is still held."""
        if (held := self._segment(event.segment)) is None:
            return False
        held.told.prosody = event
        held.told.words = event.words
        return True

    def affect(self, event: Affect) -> bool:
        """Whether its segment is still held."""
        if (held := self._segment(event.segment)) is None:
            return False
        held.told.affect = event
        return True

    def _segment(self, id: int) -> HeldSegment | None:
        return next((segment for segment in reversed(self.segments) if segment.id == id), None)

    def relabel(self, event: Relabel) -> None:
        named = set(event.turns)
        for turn in (*self.going, *self.turns):
            turn.speaker = _told(turn.speaker, turn.id, event, named)
        for claim in self.claims:
            claim.by = _told(claim.by, claim.by_turn, event, named)
            claim.to = _told(claim.to, claim.to_turn, event, named)
        for segment in self.segments:
            if segment.logged is not None and segment.logged == event.speaker:
                segment.logged = event.to
            for turn, (covered, name) in segment.shares.items():
                segment.shares[turn] = (covered, _told(name, turn, event, named))

    def take_turns(self, keep: int) -> list[HeldTurn]:
        """The oldest, so that `keep` are left."""
        beyond = max(0, len(self.turns) - keep)
        taken, self.turns = self.turns[:beyond], self.turns[beyond:]
        if taken or self.going:
            now = self.turns[-1].start if self.turns else taken[-1].start
            self.going = [turn for turn in (*self.going, *taken) if turn.end > now]
        return taken

    def take_claims(self, before: int) -> list[HeldClaim]:
        """Those that begin before."""
        count = next((i for i, c in enumerate(self.claims) if c.start >= before), len(self.claims))
        taken, self.claims = self.claims[:count], self.claims[count:]
        return taken

    def take_segments(self, before: int) -> list[HeldSegment]:
        """Those that end by then, and so do all in front of them."""
        count = next((i for i, s in enumerate(self.segments) if s.told.end > before), len(self.segments))
        taken, self.segments = self.segments[:count], self.segments[count:]
        for segment in taken:
            self.awaited.difference_update(segment.turns)
        return taken


def _party(name: str, turns: Iterable[HeldTurn]) -> HeldTurn | None:
    turns = list(turns)
    bearing = [turn for turn in turns if turn.speaker == name]
    if bearing:
        return bearing[-1]
    return turns[0] if len(turns) == 1 else None


def _told(name: str, turn: int | None, event: Relabel, named: set[int]) -> str:
    return event.to if turn in named or (name and name == event.speaker) else name
