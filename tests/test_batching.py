"""Batches that fit the device, filled by all sessions that wait for it."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from operators.speech.diarization.batching import Batches
from stream_engine.errors import BackendError


def test_out_of_memory_halves_the_batch_and_goes_on() -> None:
    import torch

    def small(items: Any) -> list[int]:
        if len(items) > 3:
            raise torch.OutOfMemoryError("too much")
        return [2 * item for item in items]

    batches = Batches(small, size=16)
    assert batches.run(range(10)) == [2 * item for item in range(10)]
    assert (batches.size, batches.halved) == (2, 3)

    def filled_up(items: Any) -> list[int]:
        return [2 * item for item in items] if padded.size <= 3 else small(range(padded.size))

    padded = Batches(filled_up, size=32)
    assert padded.run([1]) == [2]  # a single item of a live session
    assert padded.size == 2

    def full(_: Any) -> list[int]:
        raise torch.OutOfMemoryError("too much")

    with pytest.raises(BackendError, match="no memory on the device for one item"):
        Batches(full, size=4).run(range(10))


def test_sessions_that_wait_for_the_device_share_its_next_batch() -> None:
    """The first call is held until the others wait; then one more serves all of them."""
    sizes: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def model(items: list[int]) -> list[int]:
        sizes.append(len(items))
        begun.set()
        assert go_on.wait(10)
        return [2 * item for item in items]

    batches = Batches(model, size=64)
    with ThreadPoolExecutor(8) as sessions:
        first = sessions.submit(batches.run, [0])
        assert begun.wait(10)
        others = [sessions.submit(batches.run, range(number, number + 5)) for number in range(7)]
        while len(batches._waiting) < 35:
            time.sleep(0.001)
        go_on.set()
        assert first.result() == [0]
        for number, other in enumerate(others):
            assert other.result() == [2 * item for item in range(number, number + 5)]
    assert sizes == [1, 35]


def test_an_error_of_a_shared_batch_reaches_each_session() -> None:
    def broken(items: list[int]) -> list[int]:
        raise ValueError(f"{len(items)} items")

    batches = Batches(broken, size=4)
    with ThreadPoolExecutor(4) as sessions:
        for call_ in [sessions.submit(batches.run, [1, 2, 3]) for _ in range(4)]:
            with pytest.raises(ValueError, match="items"):
                call_.result()
