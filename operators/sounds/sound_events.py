"""The operator: windows of the shared transform through a tagger, and events out of the scores.

    cells      ├──────── window 0 ────────┤
               ├─ hop ─├──────── window 1 ────────┤
    calls      ├── as many windows as are worth one call ──┤        whatever the chunks are

`timeline` scores every window, and gives events. `global` scores every fourth, and keeps the means of the
labels only. `auto` does so, too, until the noise score of the last half minute reaches its threshold; from
that window on it is a timeline, which did not exist before, neither its rows nor its open events.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import msgspec
import numpy as np

from operators.audio.stft import HOP as CELL
from operators.audio.stft import Spectra
from operators.audio.tensor_chunks import restored, saved
from operators.sounds.event_detector import DetectorState, EventDetector, EventRules
from operators.sounds.tagger import Tagger
from stream_engine.clock import RATE, seconds, snap
from stream_engine.events import SoundEvent, Watermark
from stream_engine.state import Array

if TYPE_CHECKING:
    import torch

Mode = Literal["timeline", "global", "auto"]
SOURCE = "sounds"  # of the watermarks
EVERY = 4  # windows, of which one is scored where there is no timeline
MEMORY = 30 * RATE  # of the running noise score
TOP = 3


class SoundSummary(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard on the whole, without a look at any event."""

    tagger: str
    mode: str
    timeline: bool  # whether events were looked for; `auto` may have found no reason to
    windows: int  # scored
    top: tuple[tuple[str, float], ...]  # labels and their mean scores, highest first
    noise_score: float | None  # of the last half minute
    events: dict[str, int]  # per label
    seconds: dict[str, float]  # of these


class SoundEventsState(msgspec.Struct):
    """Memory between two items. `timeline` is None until there is one."""

    end: int = 0  # of the audio
    next: int = 0  # window to be scored
    first: int = 0  # cell that `features` begins with
    features: Array = Array("<f4", (0,), b"")  # [cells, features]
    windows: int = 0  # scored
    totals: Array = Array("<f8", (0,), b"")  # [classes], of their scores
    noise: float = 0.0
    timeline: DetectorState | None = None
    events: dict[str, int] = {}
    lengths: dict[str, int] = {}  # samples
    said: int = -1  # the last watermark


class SoundEvents:
    """Spectra in, sound events and the watermark `sounds` out.

    Lookahead of an event's end: half a window, `rules.median // 2` hops, the merge gap, and what is left of
    a call. Scores are rounded to 3 digits, events lie on the grid of windows: the same for any chunking.

    Args:
        window, hop, batch: samples, samples, windows; None: what the tagger is best with.
        threshold: the noise score from which `auto` keeps a timeline.

    Raises:
        ValueError: window or hop are no whole cells of 10 ms, or the hop leaves gaps.
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
        self._noise = np.array([label in tagger.noise for label in tagger.labels])
        self._heard = np.array([label not in tagger.speech for label in tagger.labels])
        self._state = msgspec.structs.replace(state) if state else SoundEventsState()
        self._events, self._lengths = dict(self._state.events), dict(self._state.lengths)
        self._totals = self._state.totals.numpy() if state else np.zeros(len(tagger.labels))
        self._parts: list[torch.Tensor] = [restored(state.features)] if state and state.features.data else []
        self._held = sum(map(len, self._parts))
        self._detector: EventDetector | None = None
        if mode == "timeline" or self._state.timeline is not None:
            self._detector = self._timeline(0, self._state.timeline)

    @property
    def state(self) -> SoundEventsState:
        return msgspec.structs.replace(
            self._state,
            features=saved(self._joined()) if self._held else Array("<f4", (0,), b""),
            totals=Array.of(self._totals),
            timeline=self._detector.state if self._detector else None,
            events=dict(self._events),
            lengths=dict(self._lengths),
        )

    @property
    def counts(self) -> dict[str, int]:
        """Events of each label so far."""
        return dict(self._events)

    @property
    def summary(self) -> SoundSummary:
        """What was heard so far."""
        means = self._totals / max(1, self._state.windows)
        best = np.argsort(-means, kind="stable")[:TOP] if self._state.windows else np.zeros(0, int)
        return SoundSummary(
            tagger=self._tagger.name,
            mode=self._mode,
            timeline=self._detector is not None,
            windows=self._state.windows,
            top=tuple((self._tagger.labels[one], round(float(means[one]), 3)) for one in best),
            noise_score=round(self._state.noise, 3) if self._state.windows else None,
            events=dict(self._events),
            seconds={label: seconds(length) for label, length in self._lengths.items()},
        )

    def feed(self, item: Spectra, /) -> Iterator[SoundEvent | Watermark]:
        self._state.end = item.end
        self._hold(item)
        while self._held >= self._in_a_call():
            yield from self._score(self._due())
            yield from self._mark(self._reached())

    def flush(self) -> Iterator[SoundEvent | Watermark]:
        state, end = self._state, snap(self._state.end)
        while self._held >= state.next * self._hop - state.first + self._window:
            yield from self._score(self._due())
        tail = self._tail()
        if tail is not None:
            yield from self._score(tail, end)
        if self._detector is not None:
            yield from self._counted(self._detector.flush(end))
        self._parts, self._held = [], 0
        if state.end:
            yield from self._mark(end)

    # --- cells and windows ---------------------------------------------------------------------------

    @property
    def _stride(self) -> int:
        """Cells between two windows that are scored."""
        return self._hop * (1 if self._detector else EVERY)

    @property
    def _windows(self) -> int:
        """Windows of a call. `auto` decides after each one, as long as it has to."""
        return 1 if self._mode == "auto" and self._detector is None else self._batch

    def _in_a_call(self) -> int:
        """Cells that are held when the next call is complete."""
        before = self._state.next * self._hop - self._state.first
        return before + (self._windows - 1) * self._stride + self._window

    def _hold(self, item: Spectra) -> None:
        """Keeps what windows to come want of it; what lies before them is not even looked at."""
        state, start = self._state, item.start // CELL
        if not self._held:
            state.first = max(start, state.next * self._hop)
        skipped = min(item.frames, max(0, state.first - start))
        if skipped:
            item = Spectra(
                (start + skipped) * CELL, item.samples[skipped * CELL :], item.spectrum[skipped:], item.end
            )
        if item.frames:
            self._parts.append(self._tagger.features(item))
            self._held += item.frames

    def _joined(self) -> torch.Tensor:
        import torch

        if len(self._parts) > 1:
            device = self._parts[-1].device
            self._parts = [torch.cat([part.to(device) for part in self._parts])]
        return self._parts[0]

    def _due(self) -> torch.Tensor:
        """The windows of the next call, or those of them that are complete: [windows, cells, features]."""
        offset = self._state.next * self._hop - self._state.first
        windows = self._joined()[offset:].unfold(0, self._window, self._stride)
        return windows[: self._windows].permute(0, 2, 1)

    def _tail(self) -> torch.Tensor | None:
        """The window that ends with the audio, where that is none of the others; a short one if it is first."""
        state = self._state
        last = state.end and -(-state.end // CELL)
        if not self._held or (self._detector is None and state.windows):
            return None
        scored = (state.next - 1) * self._hop + self._window if state.windows else 0
        if scored >= last:
            return None
        return self._joined()[max(0, last - self._window - state.first) :][None]

    def _forget(self) -> None:
        """Drops the cells that neither the next window nor a last one can want."""
        state = self._state
        wanted = state.next * self._hop - (self._hop if self._detector else 0)
        if (passed := min(self._held, wanted - state.first)) > 0:
            rest = self._joined()[passed:]
            self._parts = [rest.clone()] if len(rest) else []
            self._held -= passed
            state.first += passed

    # --- scores --------------------------------------------------------------------------------------

    def _score(self, windows: torch.Tensor, end: int | None = None) -> Iterator[SoundEvent]:
        """The next windows in order; or the last one, which stands for all up to `end`."""
        scores = self._tagger.scores(windows).astype(np.float64).round(3)
        state, first, count = self._state, self._state.next, len(scores)
        self._totals += scores.sum(0)
        for row in scores[:, self._noise].sum(1):
            state.windows += 1
            remembered = MEMORY // (self._stride * CELL)
            state.noise += (float(row) - state.noise) / min(state.windows, max(1, remembered))
        if self._mode == "auto" and self._detector is None and state.noise >= self._threshold:
            self._detector = self._timeline(first, None)
        state.next = first + count * (self._stride // self._hop)
        if self._detector is not None:
            ends = [self._begins(first + row + 1) for row in range(count)] if end is None else [end]
            yield from self._counted(self._detector.feed(scores, ends))
        if end is None:
            self._forget()

    def _timeline(self, first: int, state: DetectorState | None) -> EventDetector:
        return EventDetector(
            labels=self._tagger.labels,
            source=self._tagger.name,
            rules=self._rules,
            heard=None if self._heard.all() else self._heard,
            start=self._begins(first),
            state=state,
        )

    def _begins(self, window: int) -> int:
        """Where the stretch that a window stands for begins."""
        return (window * self._hop * 2 + self._window - self._hop) * CELL // 2 if window else 0

    def _counted(self, events: list[SoundEvent]) -> list[SoundEvent]:
        for event in events:
            self._events[event.label] = self._events.get(event.label, 0) + 1
            self._lengths[event.label] = self._lengths.get(event.label, 0) + event.end - event.start
        return events

    def _reached(self) -> int:
        if self._detector is not None:
            return self._detector.watermark
        return self._begins(self._state.next)

    def _mark(self, at: int) -> Iterator[Watermark]:
        if at > self._state.said:
            self._state.said = at
            yield Watermark(source=SOURCE, at=at)
