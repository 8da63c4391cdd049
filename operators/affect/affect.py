"""The affect of final segments, put into the stream right behind them.

    in    segment 1, prosody 1, rejected 2, segment 3, prosody 3, watermark
    out   segment 1, prosody 1, affect 1, rejected 2, segment 3, prosody 3, affect 3, watermark

By default the models are asked at once, so that text is not held back; with `hold_s`, segments wait for
company, and the models take them together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.affect.models import AffectModels
from operators.affect.segment_affect import SegmentAffect
from stream_engine.clock import samples
from stream_engine.events import Affect, Language, Prosody, Rejected, Segment, Watermark
from stream_engine.operator import Operator

SOURCE = "text"
CROWD = 4  # times the batch: items that wait at most, whatever they are

_Text = Segment | Rejected | Prosody | Watermark


class AffectState(msgspec.Struct, frozen=True):
    """What the operator remembers."""

    waiting: tuple[_Text, ...] = ()
    since: int = 0  # where the text was when the first of them came
    at: int = 0  # where it is
    language: str | None = None


class Affects(Operator[Any, Any]):
    """A merged stream, with an `Affect` behind each final segment that has text, or behind its `Prosody`.

    Text (`Segment`, `Rejected`, `Prosody`, watermarks of "text") keeps its order; everything else passes at
    once. Segments without text cost nothing. What is said of a segment does not depend on the batch that it
    was in, to 1e-4. State: at most `batch` segments and one, and 4 x `batch` items altogether.

    Args:
        models: what is at hand; the rest is None, and not `available`.
        audio: the session's samples of an interval; see `SegmentAffect`.
        language: of the session; None: a `Language` will tell, and until then it is not known.
        prosody: whether a `Prosody` directly follows each final segment that has text. A segment then waits
            for it, and no longer than until the next text.
        batch: segments that the models get at a time, at most.
        hold_s: how far the watermark of text may move on while segments wait for company. 0: none waits. One
            thread of a CPU gains little by company (benches/affect.py); a device that likes large calls does.
    """

    def __init__(
        self,
        *,
        models: AffectModels,
        audio: Callable[[int, int], NDArray[np.float32]],
        language: str | None = None,
        prosody: bool = False,
        batch: int = 8,
        hold_s: float = 0.0,
        state: AffectState | None = None,
    ) -> None:
        if batch < 1 or hold_s < 0:
            raise ValueError(f"batch={batch}, hold_s={hold_s}: want at least 1 and 0")
        self._affect = SegmentAffect(models=models, audio=audio)
        self._prosody = prosody
        self._batch = batch
        self._hold = samples(hold_s)
        state = state or AffectState(language=language)
        self._waiting = list(state.waiting)
        self._since, self._at, self._language = state.since, state.at, state.language

    @property
    def state(self) -> AffectState:
        return AffectState(tuple(self._waiting), self._since, self._at, self._language)

    def feed(self, item: Any, /) -> Iterator[Any]:
        match item:
            case Segment() | Rejected() | Prosody():
                yield from self._take(item)
            case Watermark(source="text"):
                self._at = max(self._at, item.at)
                yield from self._take(item)
            case Language():
                self._language = item.code
                yield item
            case _:
                yield item

    def flush(self) -> Iterator[Any]:
        yield from self._released(len(self._waiting))

    def _take(self, item: _Text) -> Iterator[Any]:
        self._waiting.append(item)
        open_end = self._prosody and _has_text(item)  # its prosody is the next to come
        ended = len(self._waiting) - open_end
        if self._due(ended):
            yield from self._released(ended)

    def _due(self, ended: int) -> bool:
        """Whether the first `ended` of those that wait wait no more."""
        count = sum(map(_has_text, self._waiting[:ended]))
        moved = self._at - self._since
        return not count or count >= self._batch or ended >= CROWD * self._batch or moved >= self._hold

    def _released(self, count: int) -> Iterator[Any]:
        items, self._waiting = self._waiting[:count], self._waiting[count:]
        self._since = self._at
        segments = [item for item in items if isinstance(item, Segment) and _has_text(item)]
        affects = iter(self._affect(segments, self._language) if segments else ())
        held: Affect | None = None
        for item in items:
            follows = held is not None and isinstance(item, Prosody) and item.segment == held.segment
            if held is not None and not follows:
                yield held
                held = None
            yield item
            if held is not None:
                yield held
                held = None
            if _has_text(item):
                held = next(affects)
        if held is not None:
            yield held


def _has_text(item: _Text) -> bool:
    return isinstance(item, Segment) and item.final and bool(item.text.strip())
