"""Batches that fit: a device that runs out of memory gets half as much at a time from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from stream_engine.errors import BackendError


class Items(Protocol):
    """A list, or an array whose first axis is the batch."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice[Any, Any, Any], /) -> Any: ...


Out = TypeVar("Out")


class Batches:
    """How many items a model takes in one call, learnt from what its device can hold.

    `halved` counts how often it was too much, for the report.
    """

    def __init__(self, size: int) -> None:
        if size < 1:
            raise ValueError(f"a batch has at least one item, got {size}")
        self.size = size
        self.halved = 0

    def run(self, model: Callable[[Any], Out], items: Items) -> list[Out]:
        """The model's answer for each batch of the items, in order.

        Raises:
            BackendError: even one item is too much for the device.
        """
        import torch

        answers: list[Out] = []
        start = 0
        while start < len(items):
            size = self.size
            try:
                answers.append(model(items[start : start + size]))
            except torch.OutOfMemoryError:
                fits = False  # what the error holds is let go before memory is given back
            else:
                fits = True
                start += size
            if not fits:
                self._halve(size)
        return answers

    def _halve(self, size: int) -> None:
        import torch

        if size == 1:
            raise BackendError("the device has no memory for one item at a time: choose --device cpu")
        self.size = min(self.size, size // 2)
        self.halved += 1
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
