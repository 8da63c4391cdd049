"""The conformance kit: what every operator promises, as checks that anyone may import.

check_restart(lambda state: MyOperator(state=state), items)
assert run(MyOperator(), rechunk(chunks, sizes)) == run(MyOperator(), chunks)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.events import Chunk
from stream_engine.operator import Operator, Stateful

In = TypeVar("In")
Out = TypeVar("Out")


def run(operator: Operator[In, Out], items: Iterable[In]) -> list[Out]:
    """Everything that an operator gives for a stream."""
    out = [result for item in items for result in operator.feed(item)]
    out.extend(operator.flush())
    return out


def chunked(samples: NDArray[np.float32], sizes: Iterable[int]) -> list[Chunk]:
    """`samples` ([frames]) as chunks of the given sizes; the last takes what is left."""
    chunks: list[Chunk] = []
    start = 0
    for size in sizes:
        if start >= len(samples):
            break
        chunks.append(Chunk(start=start, samples=samples[start : start + size]))
        start += size
    if start < len(samples):
        chunks.append(Chunk(start=start, samples=samples[start:]))
    return chunks


def restarted(make: Callable[[Any], Operator[In, Out]], items: Sequence[In], at: int) -> list[Out]:
    """The output of a run that is saved before item `at`, rebuilt from bytes, and goes on."""
    first = make(None)
    out = [result for item in items[:at] for result in first.feed(item)]
    saved = cast("Stateful", first).state
    restored = msgspec.msgpack.decode(msgspec.msgpack.encode(saved), type=type(saved))
    out.extend(run(make(restored), items[at:]))
    return out


def check_restart(make: Callable[[Any], Operator[In, Out]], items: Sequence[In]) -> None:
    """Saving, rebuilding and going on at any item gives the output of an uninterrupted run.

    Raises:
        AssertionError: naming the item after which the outputs differ.
    """
    expected = run(make(None), items)
    for at in range(len(items) + 1):
        assert restarted(make, items, at) == expected, f"differs when restarted before item {at}"
