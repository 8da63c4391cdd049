"""What an operator and a sink are: synchronous, without clock, input, output or tracer of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar, runtime_checkable

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


class Operator(Protocol[In, Out]):
    """A state machine over one stream; the instance is the session's state.

    Constructed with keywords only, weights passed in. One that remembers anything also has a
    readable `state`, a msgspec-serialisable struct that the constructor takes back as `state=`.
    """

    def feed(self, item: In, /) -> Iterable[Out]:
        """Takes one item; gives what is ready. The item is not changed."""
        ...

    def flush(self) -> Iterable[Out]:
        """The end of the stream: gives the tail. Called once, last."""
        ...


class Stateful(Protocol):
    """An operator whose memory can be saved between two items."""

    @property
    def state(self) -> object: ...


def remembers(operator: object) -> bool:
    """Whether it is `Stateful`, without reading the state, which may be large."""
    return hasattr(type(operator), "state")


class Sink(Protocol[In]):
    """Where a stream ends. Exactly one of `commit` and `discard` is called, last."""

    def write(self, item: In, /) -> None: ...

    def commit(self) -> None:
        """All items came: make the result visible."""
        ...

    def discard(self) -> None:
        """The session failed: leave nothing that looks complete."""
        ...


@runtime_checkable
class Resumable(Protocol):
    """A sink that can be continued where it was."""

    def checkpoint(self) -> object:
        """Brings what was written to the disk; gives the place from which to go on."""
        ...


class _Chain(Operator[A, C]):
    def __init__(self, first: Operator[A, B], second: Operator[B, C]) -> None:
        self._first = first
        self._second = second

    def feed(self, item: A, /) -> Iterator[C]:
        for between in self._first.feed(item):
            yield from self._second.feed(between)

    def flush(self) -> Iterator[C]:
        for between in self._first.flush():
            yield from self._second.feed(between)
        yield from self._second.flush()

    @property
    def state(self) -> tuple[object, object]:
        return getattr(self._first, "state", None), getattr(self._second, "state", None)


def chain(first: Operator[A, B], second: Operator[B, C]) -> Operator[A, C]:
    """Two operators as one, so that cheap neighbours share a stage."""
    return _Chain(first, second)
