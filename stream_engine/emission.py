"""The last stage of a session: what leaves the graph, stamped with the time at which it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec

from stream_engine.clock import RATE
from stream_engine.events import Event, Hypothesis, Segment, SessionEnd, SessionStart, Turn
from stream_engine.tracer import Tracer

LOGGED = get_args(Event)


class EmissionState(msgspec.Struct, frozen=True):
    """How far the session is."""

    elapsed_ns: int  # since it began, over all its runs
    started: bool
    first: dict[str, float]


class Emission:
    """Items of all branches in, stamped events out: `SessionStart` first, `SessionEnd` last.

    Not an operator in the strict sense: it reads the session's clock, and is the only stage that does.
    What is no event (a watermark, audio) ends here. The session begins when its audio is first asked for;
    that of live audio when the audio did, though not before `since` on the tracer's clock.
    `first` holds the time at which the first turn and the first text came, in seconds since then. Of `live`
    audio, which comes at `pace` times the speed of life, the tracer gets the lag of each final one: emission
    time minus the end of what was said; and of all audio, of each word, where its time went (see `lineage`).
    """

    def __init__(
        self,
        *,
        tracer: Tracer,
        start: SessionStart,
        end: Callable[[], SessionEnd],
        pace: float = 1.0,
        live: bool = False,
        since: int | None = None,
        state: EmissionState | None = None,
    ) -> None:
        self.first = dict(state.first) if state else {}
        self._nanoseconds_per_sample = 1e9 / RATE / pace
        self._tracer = tracer
        self._made = tracer.clock()
        self._before = state.elapsed_ns if state else 0
        self._start = None if state and state.started else start
        self._end = end
        self._live = live
        if live and tracer.lineage is not None:
            tracer.lineage.live(self._nanoseconds_per_sample, since=self._made if since is None else since)

    @property
    def state(self) -> EmissionState:
        return EmissionState(self._elapsed(self._tracer.clock()), self._start is None, dict(self.first))

    @property
    def _began(self) -> int:
        """When the audio did, in this run: it comes at its pace from its start in each."""
        lineage = self._tracer.lineage
        return self._made if lineage is None or lineage.began is None else lineage.began

    def _elapsed(self, now: int) -> int:
        """Nanoseconds since the session began, over all its runs."""
        return now - self._began + self._before

    def feed(self, item: Any, /) -> Iterator[Event]:
        if self._start is not None:
            start, self._start = self._start, None
            yield self._stamped(start)
        if isinstance(item, Hypothesis) and item.final and not (item.text or item.revision):
            return  # nothing was shown of the turn: of use inside the graph only
        if isinstance(item, LOGGED) and not isinstance(item, SessionStart):
            yield self._stamped(item)

    def flush(self) -> Iterator[Event]:
        yield from self.feed(None)
        yield self._stamped(self._end())

    def _stamped(self, event: Any) -> Event:
        now = self._tracer.clock()
        elapsed = self._elapsed(now)
        if isinstance(event, Segment) and event.final:
            self._explain(event, now)
        if isinstance(event, Hypothesis) and not event.final:
            self._observe("hypothesis", event.end, now)
        if isinstance(event, Turn | Segment):
            name = f"{'final' if event.final else 'provisional'} {event.__struct_config__.tag}"
            self.first.setdefault(name, elapsed / 1e9)
            if event.final and event.end > event.start:
                self._observe(name, event.end, now)
        return msgspec.structs.replace(event, emitted_at=round(elapsed / 1e9, 3))

    def _explain(self, segment: Segment, now: int) -> None:
        """Tells the tracer of each word where its latency comes from; without word times, of the last one."""
        lineage = self._tracer.lineage
        if lineage is None or not segment.text:
            return
        for end in [word.end for word in segment.words or ()] or [segment.end]:
            due = self._due(end) if self._live else None
            if parts := lineage.word(end, segment.end, segment, now, due):
                self._tracer.word(end, now, parts)

    def _observe(self, name: str, end: int, now: int) -> None:
        if self._live:
            self._tracer.observe(name, now - self._due(end))

    def _due(self, end: int) -> int:
        return self._began + round(end * self._nanoseconds_per_sample)


class Unchanged:
    """Passes events on as they were emitted before."""

    def feed(self, item: Event, /) -> Iterator[Event]:
        yield item

    def flush(self) -> Iterator[Event]:
        return iter(())
