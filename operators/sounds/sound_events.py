"""The operator: windows of the shared transform through a tagger, and events out of the scores.

    cells      ├──────── window 0 ────────┤
               ├─ hop ─├──────── window 1 ────────┤
    calls      ├── as many windows as are worth one call ──┤        whatever the chunks are

`timeline` scores every window, and gives events. `global` scores every fourth, and keeps the means of the
labels only. `auto` does so, too, until the noise score of the last half minute reaches its threshold; from
that window on it is a timeline, of which there was nothing before, neither rows nor open events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from operators.audio.stft import HOP as CELL
from operators.audio.stft import Spectra
from operators.sounds.cell_buffer import CellBuffer, CellBufferState
from operators.sounds.event_detector import DetectorState, EventDetector
from operators.sounds.event_rules import EventRules
from operators.sounds.tagger import Tagger
from operators.sounds.tally import SoundSummary, Tally, TallyState
from stream_engine.clock import snap
from stream_engine.events import SoundEvent, Watermark

if TYPE_CHECKING:
    import torch

Mode = Literal["timeline", "global", "auto"]
SOURCE = "sounds"  # of the watermarks
EVERY = 4  # windows, of which one is scored where there is no timeline


class SoundEventsState(msgspec.Struct):
    """Memory between two items. `timeline` is None until there is one."""

    end: int = 0  # of the audio
    next: int = 0  # window to be scored
    said: int = -1  # the last watermark
    cells: CellBufferState = CellBufferState()
    tally: TallyState = msgspec.field(default_factory=TallyState)
    timeline: DetectorState | None = None


class SoundEvents:
    """Spectra in, sound events and the watermark `sounds` out.

    Lookahead of an event's end: half a window, `rules.median // 2` hops, the merge gap, and what is left of
    a call. Scores are rounded to 3 digits, events lie on the grid of windows: the same for any chunking.

    Args:
        window, hop, batch: samples, samples, windows; None: what the tagger is best with.
        threshold: the noise score from which `auto` keeps a timeline.

    Raises:
        ValueError: window or hop are no whole cells of 10 ms, or the hop leaves gaps; the rules name a label
            that the tagger does not have.
    """

    def __init__(
        self,
        *,
        tagger: Tagger,
        mode: Mode = "timeline",
        window: int | None = None,
        hop: int | None = None,
        batch: int | None = None,
        rules: EventRules | None = None,
        threshold: float = 0.30,
        state: SoundEventsState | None = None,
    ) -> None:
        window, hop = window or tagger.window, hop or tagger.hop
        if window % CELL or hop % CELL or not 0 < hop <= window:
            raise ValueError(f"0 < hop <= window, in whole cells of {CELL} samples; got {hop} and {window}")
        self._tagger, self._mode, self._threshold = tagger, mode, threshold
        self._window, self._hop, self._batch = window // CELL, hop // CELL, batch or tagger.batch
        self._rules = rules or EventRules()
        self._rules.check(tagger.labels)
        self._state = msgspec.structs.replace(state) if state else SoundEventsState()
        self._cells = CellBuffer(state=self._state.cells)
        self._tally = Tally(tagger=tagger, state=self._state.tally)
        self._detector: EventDetector | None = None
        if mode == "timeline" or self._state.timeline is not None:
            self._detector = self._timeline(0, self._state.timeline)

    @property
    def state(self) -> SoundEventsState:
        return msgspec.structs.replace(
            self._state,
            cells=self._cells.state,
            tally=self._tally.state,
            timeline=self._detector.state if self._detector else None,
        )

    @property
    def counts(self) -> dict[str, int]:
        """Events of each label so far."""
        return dict(self._tally.events)

    @property
    def summary(self) -> SoundSummary:
        """What was heard so far."""
        return self._tally.summary(mode=self._mode, timeline=self._detector is not None)

    def feed(self, item: Spectra, /) -> Iterator[SoundEvent | Watermark]:
        self._state.end = item.end
        self._hold(item)
        while self._cells.end >= self._first + (self._at_once - 1) * self._step + self._window:
            yield from self._score_next()
            yield from self._mark(self._reached())

    def flush(self) -> Iterator[SoundEvent | Watermark]:
        state, end = self._state, snap(self._state.end)
        while self._cells.end >= self._first + self._window:
            yield from self._score_next()
        if self._has_tail():
            yield from self._score(self._cells.last(self._window), [end])
        if self._detector is not None:
            yield from self._tally.count(self._detector.flush(end))
        if state.end:
            yield from self._mark(end)

    @property
    def _at_once(self) -> int:
        """Windows of a call. `auto` decides after each one, as long as it has to."""
        return 1 if self._mode == "auto" and self._detector is None else self._batch

    @property
    def _step(self) -> int:
        """Cells between two windows that are scored."""
        return self._hop * (1 if self._detector else EVERY)

    @property
    def _first(self) -> int:
        """Cell at which the next window begins."""
        return self._state.next * self._hop

    def _hold(self, item: Spectra) -> None:
        """Keeps what windows to come want of it; what lies before them is not even looked at."""
        start = item.start // CELL
        self._cells.begin(max(start, self._first))
        skipped = min(item.frames, self._cells.end - start)
        if skipped:
            at, samples, spectrum = item.start + skipped * CELL, item.samples[skipped * CELL :], item.spectrum
            item = Spectra(at, samples, spectrum[skipped:], item.end)
        if item.frames:
            self._cells.append(self._tagger.features(item))

    def _score_next(self) -> Iterator[SoundEvent]:
        """The windows of a call, or those of them that are complete."""
        windows = self._cells.windows(self._first, size=self._window, step=self._step, most=self._at_once)
        first = self._state.next
        yield from self._score(windows, [self._begins(first + row + 1) for row in range(len(windows))])
        # The window before the next is kept in part, for one that ends with the audio.
        self._cells.forget(self._first - (self._hop if self._detector else 0))

    def _score(self, windows: torch.Tensor, ends: list[int]) -> list[SoundEvent]:
        """Windows, and where the stretches that they stand for end."""
        scores = self._tagger.scores(windows).astype(np.float64).round(3)
        self._tally.score(scores, step=self._step * CELL)
        first = self._state.next
        if self._mode == "auto" and self._detector is None and self._tally.noise_score >= self._threshold:
            self._detector = self._timeline(first, None)
        self._state.next = first + len(scores) * (self._step // self._hop)
        return self._tally.count(self._detector.feed(scores, ends)) if self._detector else []

    def _has_tail(self) -> bool:
        """Whether cells are left that no window has heard; without a timeline, if there was no window."""
        if self._detector is None and self._tally.windows:
            return False
        heard = self._first - self._hop + self._window if self._tally.windows else 0
        return -(-self._state.end // CELL) > heard

    def _timeline(self, first: int, state: DetectorState | None) -> EventDetector:
        tagger = self._tagger
        return EventDetector(
            labels=tagger.labels,
            source=tagger.name,
            rules=self._rules,
            heard=np.array([label not in tagger.speech for label in tagger.labels]),
            start=self._begins(first),
            state=state,
        )

    def _begins(self, window: int) -> int:
        """Where the stretch that a window stands for begins: a hop around its middle."""
        return (window * self._hop * 2 + self._window - self._hop) * CELL // 2 if window else 0

    def _reached(self) -> int:
        if self._detector is not None:
            return self._detector.watermark
        scored = (self._first - self._step + self._window) * CELL  # the next one may lie beyond the audio
        return min(scored, self._begins(self._state.next))

    def _mark(self, at: int) -> Iterator[Watermark]:
        if at > self._state.said:
            self._state.said = at
            yield Watermark(source=SOURCE, at=at)
