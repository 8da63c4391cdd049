"""A session's output folder: who may write there, and what an earlier run has left in it."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from stream_engine.errors import SessionInUse, StorageError

REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EFBIG, errno.ENOTDIR)


@contextmanager
def claimed(folder: Path) -> Generator[None]:
    """Makes `folder` (mode 0700) and holds it for this process.

    Raises:
        SessionInUse: another process holds it.
        StorageError: it cannot be made.
    """
    with storage_errors(folder):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
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
def storage_errors(folder: Path) -> Generator[None]:
    """Turns what the disk refuses into a `StorageError`; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in REFUSED:
            raise
        where = error.filename or folder
        raise StorageError(
            f"{where}: {os.strerror(error.errno)}; free some space there, or choose another --out"
        ) from error
