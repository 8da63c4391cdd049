"""The PCM store: a session's audio once, on disk, 16 kHz float32; grows at one end and is read anywhere.

    append ──► │ written │◄── follow, view
               0         frames

Written by `os.write`: a written memory map counts as our own memory until the kernel cleans it. Read as
read-only memory maps, zero copy: a view maps the pages it needs and unmaps them with its last reference, so
memory does not grow with the recording. Each mapping that is alive holds a file descriptor.

All methods belong to one event loop; `append` and `view` never wait, but for the disk.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable
from typing import Self

import anyio
import numpy as np
from numpy.typing import NDArray

from stream_engine.errors import StorageError
from stream_engine.events import Gap
from stream_engine.follower import Follower
from stream_engine.store_header import StoreHeader

SAMPLE_BYTES = 4
WINDOW_BYTES = 4 << 20  # what one mapping spans, a minute of mono: neighbouring views share it


class PcmStore:
    """The audio of one session, in an open file that the store owns.

    Args:
        descriptor: of a file whose first byte is the first sample.
        frames: how many are in it already.
        channels: 1: samples are `[frames]`; more: `[frames, channels]`.
        complete: nothing will be appended.
        ahead: how many frames may lie between the end and the slowest follower before `room` waits;
            None: any number.
        header: what is known of a store that was found complete.
        check: called with the first byte and the end of what is about to be mapped; raises where that is
            not what was written.
    """

    def __init__(
        self,
        descriptor: int,
        *,
        frames: int = 0,
        channels: int = 1,
        complete: bool = False,
        ahead: int | None = None,
        header: StoreHeader | None = None,
        check: Callable[[int, int], None] | None = None,
    ) -> None:
        self.frames = frames
        self.channels = channels
        self.complete = complete
        self.header = header
        self.gaps: list[Gap] = list(header.gaps) if header else []  # in order; grows with the store
        self._ahead = ahead
        self._check = check
        self._descriptor = descriptor
        self._frame_bytes = SAMPLE_BYTES * channels
        self._window: tuple[int, NDArray[np.float32]] | None = None  # first frame, samples
        self._followers: list[Follower] = []
        self._changed: anyio.Event | None = None  # there while somebody waits
        self._broken = False

    # --- the writing end ----------------------------------------------------------------------------

    def append(self, samples: NDArray[np.float32]) -> None:
        """Adds `[frames]` (or `[frames, channels]`) at the end.

        Raises:
            StorageError: the disk is full, or a limit is met; what was written before stays readable.
        """
        if self.complete:
            raise ValueError("append to a store that is complete")
        data = np.ascontiguousarray(samples, np.float32)
        if data.size % self.channels:
            raise ValueError(f"samples of shape {samples.shape} for {self.channels} channels")
        offset = self.frames * self._frame_bytes
        view = data.data.cast("B") if data.size else memoryview(b"")
        try:
            while view:
                written = os.pwrite(self._descriptor, view, offset)
                offset, view = offset + written, view[written:]
        except OSError as error:
            raise storage_error("the audio store", error) from None
        self.frames += data.size // self.channels
        self.wake()

    async def room(self) -> None:
        """Waits while the end is further ahead of the slowest follower than is allowed."""
        while self._ahead is not None and not self.complete:
            position = min((follower.position for follower in self._followers), default=0)
            wanted = max((follower.chunk for follower in self._followers), default=0)
            if self.frames - position < max(self._ahead, wanted):
                return
            await self.change()

    def finish(self) -> None:
        """No more will come: followers end when they have read all."""
        self.complete = True
        self.wake()

    def fail(self) -> None:
        """No more will come, for a reason: followers raise `anyio.BrokenResourceError`."""
        self._broken = True
        self.wake()

    def close(self) -> None:
        """Gives the file back; views stay valid. A store that was not finished is broken."""
        if self._descriptor >= 0:
            if not self.complete:
                self.fail()
            self._window = None
            os.close(self._descriptor)
            self._descriptor = -1

    # --- the reading end ----------------------------------------------------------------------------

    def view(self, start: int, end: int) -> NDArray[np.float32]:
        """The frames `[start, end)`, read-only, without copying.

        Raises:
            ValueError: part of it is not written yet.
            StorageError: it is not what was written: the disk has changed it.
        """
        if not 0 <= start <= end <= self.frames:
            raise ValueError(f"[{start}, {end}) is not within the {self.frames} frames that are stored")
        if start == end:
            return np.zeros((0,) if self.channels == 1 else (0, self.channels), np.float32)
        window = self._window  # recognition workers call this too, each with a window of its own in mind
        if window is None or start < window[0] or end > window[0] + len(window[1]):
            window = self._window = self._map(start, end)
        first, samples = window
        return samples[start - first : end - first]

    def _map(self, start: int, end: int) -> tuple[int, NDArray[np.float32]]:
        """The pages from `start` on: to `end`, and as far beyond as a window reaches and is written."""
        if self._descriptor < 0:
            raise ValueError("the store is closed")
        offset = start * self._frame_bytes
        page = offset - offset % mmap.ALLOCATIONGRANULARITY
        last = max(end * self._frame_bytes, min(page + WINDOW_BYTES, self.frames * self._frame_bytes))
        last -= (last - offset) % self._frame_bytes
        if self._check is not None:
            self._check(offset, last)
        mapped = mmap.mmap(self._descriptor, last - page, access=mmap.ACCESS_READ, offset=page)
        samples = np.frombuffer(mapped, np.float32, offset=offset - page)
        return start, samples if self.channels == 1 else samples.reshape(-1, self.channels)

    def follow(self, chunk: int, *, start: int = 0) -> Follower:
        """The stored audio from `start` on, as it grows: chunks of `chunk` frames, the last what is left."""
        follower = Follower(self, chunk, start, self._followers.remove)
        self._followers.append(follower)
        return follower

    async def change(self) -> None:
        """Waits until something is written, read or finished.

        Raises:
            anyio.BrokenResourceError: the store ended without being finished.
        """
        if self._broken:
            raise anyio.BrokenResourceError
        if self._changed is None:
            self._changed = anyio.Event()
        await self._changed.wait()
        if self._broken:
            raise anyio.BrokenResourceError

    def wake(self) -> None:
        """Lets those go on who wait for a change."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def storage_error(what: str, error: OSError) -> StorageError:
    """An error of the operating system as one line."""
    return StorageError(
        f"{what}: {error.strerror or error}; free some space, or choose another --cache folder"
    )
