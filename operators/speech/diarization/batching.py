"""Batches that fit a device, filled by all who wait for it.

While the device runs one batch, the sessions that want something wait; whoever is next runs what all of them
want as one batch. A device that runs out of memory gets half as much at a time from then on.

    session A   |--- batch of A ---|           |
    session B        wants           runs B + C
    session C            wants       gets its answer
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Generic, TypeVar

from stream_engine.errors import BackendError

In = TypeVar("In")


class _Wanted(Generic[In]):
    """An item, and what became of it."""

    def __init__(self, item: In) -> None:
        self.item = item
        self.answer: Any = None
        self.error: BaseException | None = None

    @property
    def open(self) -> bool:
        return self.answer is None and self.error is None


class Batches(Generic[In]):
    """One model's calls, from any thread; an item's answer must not depend on what comes with it.

    Args:
        model: answers for items, in their order.
        size: most items in one call; 1 runs each by itself, and threads side by side.
    """

    def __init__(self, model: Callable[[list[In]], Iterable[Any]], *, size: int) -> None:
        if size < 1:
            raise ValueError(f"a batch has at least one item, got {size}")
        self._model = model
        self.size = size
        self.halved = 0  # how often a batch was too much, for the report
        self._waiting: deque[_Wanted[In]] = deque()
        self._device = threading.Lock()

    def run(self, items: Iterable[In]) -> list[Any]:
        """The answer to each item.

        Raises:
            BackendError: even one item is too much for the device.
        """
        mine = [_Wanted(item) for item in items]
        if self.size == 1:
            for wanted in mine:
                self._answer([wanted])
        else:
            self._waiting.extend(mine)  # atomic, and in one piece
            while any(wanted.open for wanted in mine):
                with self._device:
                    self._next_batch()
        for wanted in mine:
            if wanted.error is not None:
                raise wanted.error
        return [wanted.answer for wanted in mine]

    def _next_batch(self) -> None:
        """Runs what waits first; nothing may, if another thread has just done so."""
        batch: list[_Wanted[In]] = []
        while self._waiting and len(batch) < self.size:
            batch.append(self._waiting.popleft())
        if batch and not self._answer(batch):
            self._waiting.extendleft(reversed(batch))

    def _answer(self, batch: list[_Wanted[In]]) -> bool:
        """Whether the device had the memory for it."""
        import torch

        try:
            for wanted, answer in zip(batch, self._model([w.item for w in batch]), strict=True):
                wanted.answer = answer
            return True
        except torch.OutOfMemoryError as error:
            if self.size == 1:  # a batch may be filled up to the size, so one item is no small call
                batch[0].error = BackendError(
                    f"no memory on the device for one item: choose --device cpu ({error})"
                )
                return True
        except Exception as error:  # noqa: BLE001 - each of the threads that wait for this batch raises it
            for wanted in batch:
                wanted.error = error
            return True
        # Here the error is gone, and with it what it held.
        self.size //= 2
        self.halved += 1
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return False
