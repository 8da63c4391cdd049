"""One folder of PCM stores: each complete or invisible.

KEY.f32         the samples, from the first byte on
KEY.json        what is known of them; its arrival by rename makes the store visible
*.part          being written; its writer holds a lock on it, so one without is left over and swept away
*.partial       of the *.part of that name: whose audio it is, and digests of its whole blocks. For a week
                a run that decodes the same file goes on with it
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import threading
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn

import msgspec

from stream_engine.errors import StorageError
from stream_engine.store import SAMPLE_BYTES, PcmStore
from stream_engine.store_blocks import BLOCK_BYTES, BlockCheck
from stream_engine.store_header import StoreHeader, digest_of, identity_of, read_header

SPARE_BYTES = 256 << 20  # must be left free on the disk when a session begins
WEEK_S = 7 * 86_400
PATIENCE_S = 0.5  # a folder that does not answer within it is left alone by this process
_silent: set[Path] = set()
_answered: set[Path] = set()


class PartialState(msgspec.Struct, frozen=True):
    """What is known of a store that is not complete."""

    identity: str  # of the input
    blocks: tuple[str, ...]  # digests of those that are whole


class CacheRoot:
    """A folder of stores, made with mode 0700 where it is missing and something is to be written.

    Above `cap_bytes`, the stores that were not used for longest are removed.
    """

    def __init__(self, path: Path, cap_bytes: int) -> None:
        self.path = path
        self._cap_bytes = cap_bytes

    def answers(self) -> bool:
        """Whether the folder is there: a network that hangs is waited for once in a process, and not long."""
        if self.path in _silent | _answered:
            return self.path in _answered
        found: list[bool] = []
        asking = threading.Thread(target=lambda: found.append(self.path.is_dir()), daemon=True)
        asking.start()
        asking.join(PATIENCE_S)
        if not found:
            _silent.add(self.path)
        elif found[0]:
            _answered.add(self.path)
        return bool(found and found[0])

    # --- reading ------------------------------------------------------------------------------------

    def open(self, key: str, path: Path) -> PcmStore | None:
        """The complete store of this name, if it is of the recording in `path`."""
        header = read_header(self.path / f"{key}.json")
        if header is None:
            return None
        identity = identity_of(path)
        if identity not in header.seen:
            if digest_of(path) != header.sha256:
                return None
            header = msgspec.structs.replace(header, seen=(*header.seen, identity)[-8:])
            with suppress(OSError):  # of a root that may only be read
                self._write_header(key, header)
        descriptor = os.open(self.path / f"{key}.f32", os.O_RDONLY | os.O_CLOEXEC)
        check = BlockCheck(descriptor, header.blocks, partial(self._remove_damaged, key))
        size = header.frames * header.channels * SAMPLE_BYTES
        try:
            if os.fstat(descriptor).st_size != size:
                self._remove_damaged(key)
            check.check(0, min(1, size))
        except StorageError:
            os.close(descriptor)
            return None
        with suppress(OSError):
            os.utime(self.path / f"{key}.json")
        return PcmStore(
            descriptor,
            frames=header.frames,
            channels=header.channels,
            complete=True,
            header=header,
            check=check.check,
        )

    def stores(self) -> list[tuple[Path, StoreHeader]]:
        """All complete stores, those used last first."""
        found = [(path, read_header(path)) for path in self.path.glob("*.json")]
        known = [(path.with_suffix(".f32"), header) for path, header in found if header is not None]
        return sorted(known, key=lambda row: -row[0].with_suffix(".json").stat().st_mtime)

    # --- writing ------------------------------------------------------------------------------------

    def begin(self, need: int, key: str = "", identity: str = "") -> tuple[int, Path, int]:
        """A file for `need` bytes, under a temporary name, locked by us for as long as it is open.

        With `key` and `identity` it may be one that a run which was cut short has left: the last number is
        its length in bytes, all of them checked.

        Raises:
            StorageError: the disk has no room for it.
            OSError: the folder cannot be made or written.
        """
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.sweep()
        if key and (left := self._left(key, identity)) is not None:
            return left
        self._evict(need)
        free = shutil.disk_usage(self.path).free
        if free < need + SPARE_BYTES:
            raise StorageError(
                f"{self.path}: {(need + SPARE_BYTES) >> 20} MB are needed and {free >> 20} MB are free; "
                "free some space, or choose another folder with --cache"
            )
        return *self._new_file(key), 0

    def _left(self, key: str, identity: str) -> tuple[int, Path, int] | None:
        for path in self.path.glob(f"{key}-*.part"):
            with suppress(OSError, msgspec.MsgspecError):
                state = msgspec.json.decode(path.with_suffix(".partial").read_bytes(), type=PartialState)
                descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    size = len(state.blocks) * BLOCK_BYTES
                    if state.identity == identity and os.fstat(descriptor).st_size >= size > 0:
                        BlockCheck(descriptor, state.blocks, partial(self._refuse, path)).check(0, size)
                        os.ftruncate(descriptor, size)
                        if os.fstat(descriptor).st_nlink:
                            return descriptor, path, size
                    os.close(descriptor)
                except OSError:
                    os.close(descriptor)
        return None

    def _refuse(self, temporary: Path) -> NoReturn:
        self.drop(temporary)
        raise OSError(errno.EIO, "not what was written")

    def note(self, temporary: Path, state: PartialState | None) -> None:
        """Writes down what a later run needs to go on with this file; None: it is not to go on with it."""
        known = temporary.with_suffix(".partial")
        if state is None:
            known.unlink(missing_ok=True)
            return
        with suppress(OSError):  # then it is decoded anew
            descriptor, written = self._new_file()
            with open(descriptor, "wb") as file:
                file.write(msgspec.json.encode(state))
                file.flush()
                written.rename(known)

    def drop(self, temporary: Path) -> None:
        """Removes an unfinished file."""
        temporary.with_suffix(".partial").unlink(missing_ok=True)
        temporary.unlink(missing_ok=True)

    def publish(self, key: str, temporary: Path, header: StoreHeader) -> None:
        """Makes a store visible; its data must be on the disk."""
        temporary.rename(self.path / f"{key}.f32")
        self._write_header(key, header)
        self._evict(0, spare=key)

    def clear(self) -> int:
        """Removes all complete stores, and what dead runs have left; gives the number of stores."""
        self.sweep(all_of_it=True)
        removed = self.stores()
        for path, _ in removed:
            self._remove(path.stem)
        return len(removed)

    def sweep(self, *, all_of_it: bool = False) -> None:
        """Removes unfinished files that nobody has locked, save those that another run may go on with."""
        for path in self.path.glob("*.part"):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                age_s = time.time() - os.fstat(file.fileno()).st_mtime
                if all_of_it or age_s > WEEK_S or not path.with_suffix(".partial").exists():
                    self.drop(path)
        for path in self.path.glob("*.partial"):
            if not path.with_suffix(".part").exists():
                path.unlink(missing_ok=True)

    def _new_file(self, key: str = "") -> tuple[int, Path]:
        while True:
            temporary = self.path / f"{key}{'-' * bool(key)}{secrets.token_hex(8)}.part"
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor, temporary
            os.close(descriptor)  # another run swept it away before it was locked

    def _write_header(self, key: str, header: StoreHeader) -> None:
        descriptor, temporary = self._new_file()
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.encode(header))
            file.flush()
            os.fsync(descriptor)
            temporary.rename(self.path / f"{key}.json")

    def _remove(self, key: str) -> None:
        (self.path / f"{key}.json").unlink(missing_ok=True)
        (self.path / f"{key}.f32").unlink(missing_ok=True)

    def _remove_damaged(self, key: str) -> NoReturn:
        with suppress(OSError):
            self._remove(key)
        raise StorageError(
            f"{self.path / key}.f32: this stored audio was damaged on the disk and has been removed; "
            "run the same command again to decode it anew"
        )

    def _evict(self, need: int, spare: str = "") -> None:
        """Removes stores, those not used for longest first, until `need` more bytes fit under the cap."""
        stores: list[tuple[float, int, Path]] = []
        for path in (*self.path.glob("*.f32"), *self.path.glob("*-*.part")):
            with suppress(OSError), path.open("rb") as file:
                if path.suffix == ".part":
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                header = path.with_suffix(".json")
                used = (header if header.exists() else path).stat().st_mtime
                stores.append((used, path.stat().st_size, path))
        total = sum(size for _, size, _ in stores) + need
        for _, size, path in sorted(stores):
            if total <= self._cap_bytes or path.stem == spare:
                continue
            self._remove(path.stem)
            if path.suffix == ".part":
                self.drop(path)
            total -= size
