"""A session's output folder: who may write there, and what an earlier run has left in it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stream_engine.errors import SessionInUse, StorageError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (*FULL, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR)
OR_ELSE = "choose another --out"


@contextmanager
def claimed(folder: Path) -> Generator[None]:
    """Makes `folder` (mode 0700) and holds it for this process.

    Raises:
        SessionInUse: another process holds it.
        StorageError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:  # whatever it is: no folder can be there
        raise _refused(error, folder, OR_ELSE) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SessionInUse(
                f"{folder}: another process works on this session; wait for it, or choose another --out"
            ) from None
        yield
    finally:
        os.close(handle)


@contextmanager
def storage_errors(folder: Path, or_else: str = OR_ELSE) -> Generator[None]:
    """Turns what the disk refuses into a `StorageError`; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        raise _refused(error, folder, or_else) from error


def refused_by_disk(reason: str) -> bool:
    """Whether an output failed, as its manifest says, because the disk refused it."""
    return any(f"[Errno {number}]" in reason for number in REFUSED)


def _refused(error: OSError, folder: Path, or_else: str) -> StorageError:
    where, why = error.filename or folder, error.strerror or error
    space = "free some space there, or " if error.errno in FULL else ""
    return StorageError(f"{where}: {why}; {space}{or_else}")
