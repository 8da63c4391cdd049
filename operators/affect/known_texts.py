"""What was said of a text before need not be asked again: people say "yeah" often."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

from operators.affect.models import Scores

Key = TypeVar("Key", bound=Hashable)
SIZE = 4096  # texts: some 8 MB of 28 scores each


class KnownTexts(Generic[Key]):
    """The answers to the texts that were asked last, for all threads and sessions of a model."""

    def __init__(self, size: int = SIZE) -> None:
        if size < 0:
            raise ValueError(f"size={size}: want 0 (none is kept) or more")
        self._size = size
        self._known: OrderedDict[Key, Scores] = OrderedDict()
        self._lock = threading.Lock()
        self.asked = 0
        self.new = 0  # of these, for the model

    def answers(self, keys: Sequence[Key], answer: Callable[[list[Key]], Sequence[Scores]]) -> list[Scores]:
        """The answer to each key: `answer` is called once, with those that are not known, each once."""
        found: dict[Key, Scores] = {}
        with self._lock:
            for key in keys:
                if key in self._known:
                    self._known.move_to_end(key)
                    found[key] = self._known[key]
        new = [key for key in dict.fromkeys(keys) if key not in found]
        found |= zip(new, answer(new) if new else (), strict=True)
        with self._lock:
            self.asked += len(keys)
            self.new += len(new)
            self._known.update((key, found[key]) for key in new)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return [dict(found[key]) for key in keys]
