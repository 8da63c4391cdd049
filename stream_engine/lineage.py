"""Where the time between a word and its text went: the way of each event from the audio that led to it.

    word ends ┄ its chunk comes ┄ the turn's last chunk comes ┄ the chunk that settled it comes ┄┄┄┄ text
    │ capture │     policy       │          lookahead           │ queueing, compute, batch, emission │

A stage notes for each event that it makes which item made it do so, how long that had waited, and how long
the work took. The way of an event is that of this item, and so on back to a chunk: so the parts add up to the
whole, and nothing is counted twice where branches run side by side. Audio, as samples or as spectra, is not
followed from stage to stage: its arrival is known, and an item that is followed is kept, with all that it
holds. What comes at the end of the stream came of its last chunk.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Any, NamedTuple

import msgspec

from stream_engine.events import Chunk, SourceChunk

AUDIO = Chunk, SourceChunk
FOLLOWED = 4096  # events at a time
ARRIVALS = 16_384  # chunks whose arrival is remembered, at least


def followed(item: object) -> bool:
    """Whether an item is an event, and not audio in some shape."""
    return isinstance(item, msgspec.Struct) and not isinstance(item, AUDIO)


class Way(NamedTuple):
    """From a chunk to an event; nanoseconds."""

    arrived: int  # on the tracer's clock: when the chunk came that led to it
    queued: int  # before stages, all together
    batched: int  # for the others of a batch
    computed: int
    left: int  # when the last stage was done with it


class WordLatency(NamedTuple):
    """Nanoseconds between the end of a word and its text."""

    capture: int  # until its chunk came
    policy: int  # until the end of its turn came: words are told together
    lookahead: int  # until what settled the turn came
    queueing: int
    batch: int
    compute: int
    emission: int  # from the last operator to the log

    @property
    def total(self) -> int:
        return sum(self)


class Lineage:
    """The ways of the newest events. All methods are called from the event loop's thread."""

    def __init__(self) -> None:
        self._ways: dict[int, tuple[object, Way]] = {}  # by identity of the event, which is kept with it
        self._order: deque[int] = deque()
        self._ends: list[int] = []  # of chunks, samples
        self._times: list[int] = []
        self.began: int | None = None  # when the audio did: when the first source of the graph was asked
        self._life: tuple[float, int] | None = None

    def live(self, nanoseconds_per_sample: float, *, since: int) -> None:
        """The audio comes at a pace, but not before `since`.

        What came while models were loading waits in pipes, so the audio began before it was asked for: as
        early as its chunks tell that have waited least.
        """
        self._life = nanoseconds_per_sample, since

    def arrived(self, chunk: Chunk, at: int) -> None:
        """A chunk has come from the source."""
        if self._life and self.began is not None:
            nanoseconds_per_sample, since = self._life
            self.began = min(self.began, max(since, at - round(chunk.end * nanoseconds_per_sample)))
        self._ends.append(chunk.end)
        self._times.append(at)
        if len(self._ends) > 2 * ARRIVALS:
            del self._ends[:ARRIVALS], self._times[:ARRIVALS]

    def arrival(self, position: int) -> int | None:
        """When the chunk came in which the samples before `position` end; None if that is long ago."""
        if not self._ends or (place := bisect_left(self._ends, position)) == len(self._ends):
            return self._times[-1] if self._ends else None
        return self._times[place]

    def made(self, result: Any, cause: Any, began: int, ended: int, *, share: int = 1) -> None:
        """A stage has made `result` of `cause` between two times, together with `share - 1` others."""
        if not followed(result) or id(result) in self._ways:
            return  # passed on as it is: it keeps its way
        before = self.way(cause)
        if before is None:
            return
        spent = ended - began
        own = spent // share
        way = Way(
            before.arrived,
            before.queued + max(0, began - before.left),
            before.batched + spent - own,
            before.computed + own,
            ended,
        )
        self._ways[id(result)] = (result, way)
        self._order.append(id(result))
        if len(self._order) > FOLLOWED:
            del self._ways[self._order.popleft()]

    def way(self, item: Any) -> Way | None:
        """How the item came about (None: the end of the stream); None if it is not known any more."""
        if followed(item):
            found = self._ways.get(id(item))
            return found[1] if found else None
        end = 1 << 62 if item is None else getattr(item, "end", None)
        at = None if end is None else self.arrival(end)
        return None if at is None else Way(at, 0, 0, 0, at)

    def word(self, end: int, said_until: int, event: Any, now: int, due: int | None) -> WordLatency | None:
        """The parts for a word that ends at `end`, in an event about audio up to `said_until`, told `now`.

        `due` is when its end was to come at the pace of the session; None: as fast as possible.
        """
        way, own, last = self.way(event), self.arrival(end), self.arrival(said_until)
        if way is None or own is None or last is None:
            return None
        last = max(own, min(last, way.arrived))
        return WordLatency(
            capture=max(0, own - due) if due is not None else 0,
            policy=last - own,
            lookahead=max(0, way.arrived - last),
            queueing=way.queued,
            batch=way.batched,
            compute=way.computed,
            emission=now - way.left,
        )
