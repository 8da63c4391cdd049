"""What a `with` times: a subprocess of a logger, or any block."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Protocol

from stream_engine.performance.spans import Span, checked
from stream_engine.tracer import Tracer

Metadata = dict[str, Any]


class Timings(Protocol):
    """What takes durations: a logger."""

    tracer: Tracer

    def record_timing(self, name: str, duration: float) -> None: ...


@contextmanager
def noted_on(error: BaseException | None) -> Generator[None]:
    """What fails within becomes a note on `error`, which passes already; it is raised where there is none."""
    try:
        yield
    except Exception as failure:
        if error is None:
            raise
        error.add_note(f"the performance logger failed, too: {said(failure)}")


def said(error: BaseException) -> str:
    """Kind and message of an error, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split()).removesuffix(":")


class TimedSubprocess:
    """The block of one subprocess; gives its metadata, to which the block may add.

    Raises:
        ValueError: it is entered again while it runs.
    """

    def __init__(
        self,
        begin: Callable[[], Span],
        end: Callable[[Span, BaseException | None], None],
        metadata: Metadata,
    ) -> None:
        self._begin = begin
        self._end = end
        self._metadata = metadata
        self._span: Span | None = None

    def __enter__(self) -> Metadata:
        if self._span is not None:
            raise ValueError(f"{self._span.node.name!r} runs already: each run wants a subprocess of its own")
        self._span = self._begin()
        return self._metadata

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        span, self._span = self._span, None
        assert span is not None
        self._end(span, error)


class PerformanceTimer:
    """A block whose seconds are in `elapsed`, and in the timings of a logger if there is one."""

    def __init__(self, name: str, logger: Timings | None = None) -> None:
        self.name = checked(name)
        self.logger = logger
        self._begun: list[int] = []  # of it and of what is entered within it
        self._clock = logger.tracer.clock if logger else time.perf_counter_ns
        self._elapsed: float | None = None

    @property
    def elapsed(self) -> float:
        """Seconds: of the last block that is over, or so far of the innermost."""
        if self._elapsed is not None:
            return self._elapsed
        return (self._clock() - self._begun[-1]) / 1e9 if self._begun else 0.0

    def __enter__(self) -> PerformanceTimer:
        self._elapsed = None
        self._begun.append(self._clock())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._elapsed = (self._clock() - self._begun.pop()) / 1e9
        if self.logger is not None:
            with noted_on(error):
                self.logger.record_timing(self.name, self._elapsed)
