"""A store that is being written, and how it becomes one that later runs find."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream_engine.cache_root import CacheRoot, PartialState
from stream_engine.errors import StorageError
from stream_engine.inputs import Input
from stream_engine.store import PcmStore, storage_error
from stream_engine.store_blocks import BlockDigests
from stream_engine.store_header import SCHEMA, StoreHeader, digest_of, identity_of, key_of


class NewStore(PcmStore):
    """A store that is being written. `keep` makes it visible to later runs; closing it without does not.

    One that is cut short, by a kill or a stop, is gone on with by the next run that decodes the same file,
    from its last whole block; it begins with `frames` above 0 then, and takes what it has without writing it.
    """

    def __init__(
        self,
        root: CacheRoot,
        descriptor: int,
        source: Input,
        temporary: Path | None,
        channels: int,
        ahead: int | None,
        frames: int = 0,
    ) -> None:
        super().__init__(descriptor, frames=frames, channels=channels, ahead=ahead)
        self.sound: Callable[[], bool] = lambda: False  # whether another run may go on with it
        self._there = frames  # left by an earlier run; appended again, and not written again
        self._came = 0
        self._resumable = frames > 0
        self._root = root
        self._source = source
        self._temporary = temporary
        self._digests = BlockDigests()
        path = source.path
        self._identity = identity_of(path) if temporary and path else ""

    def append(self, samples: NDArray[np.float32]) -> None:
        there = max(0, min(len(samples), self._there - self._came))
        self._came += len(samples)
        try:
            super().append(samples[there:])
        except StorageError:
            self._resumable = False  # a full disk is not kept full
            raise
        if self._temporary is not None and samples.size:
            whole = self._digests.whole
            self._digests.update(np.ascontiguousarray(samples, np.float32).data.cast("B"))
            if self._digests.whole > whole and self._came > self._there:
                self._resumable = self.sound()
                state = PartialState(self._identity, self._digests.all()[: self._digests.whole])
                self._root.note(self._temporary, state if self._resumable else None)

    def forget(self) -> None:
        """Gives up what an earlier run has left."""
        self.frames = self._there = 0
        self._resumable = False
        self._window = None
        os.ftruncate(self._descriptor, 0)
        if self._temporary is not None:
            self._root.note(self._temporary, None)

    def keep(
        self,
        *,
        resample: str,
        promised_s: float | None,
        damage: str | None,
        health: dict[str, float | int | None],
    ) -> StoreHeader | None:
        """Finishes, and publishes the store; reads the whole input once more for its digest.

        Blocking: call it on a worker thread. Gives None where the store is not to be kept, or the input
        has changed meanwhile. Raises StorageError where the disk refuses.
        """
        path = self._source.path
        if self._temporary is None or path is None:
            return None
        try:
            header = StoreHeader(
                schema=SCHEMA,
                frames=self.frames,
                channels=self.channels,
                resample=resample,
                promised_s=promised_s,
                damage=damage,
                health=health,
                sha256=digest_of(path),
                seen=(self._identity,),
                gaps=tuple(self.gaps),
                blocks=self._digests.all(),
            )
            key = key_of(path, resample)
            if identity_of(path) != self._identity:
                return None
            os.fsync(self._descriptor)
            self._root.publish(key, self._temporary, header)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(str(self._root.path), error) from None
        self._root.note(self._temporary, None)
        self._temporary = None
        return header

    def close(self) -> None:
        if self._temporary is not None and not self._resumable:
            self._root.drop(self._temporary)
        self._temporary = None
        super().close()
