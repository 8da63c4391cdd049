"""Names of reports that no two sessions share, and files that appear complete or not at all."""

from __future__ import annotations

import errno
import os
import tempfile
import threading
from datetime import datetime
from itertools import count
from pathlib import Path

_lock = threading.Lock()
_taken: set[str] = set()  # session ids of this process


def new_session_id(now: datetime, folder: Path) -> str:
    """YYYYMMDD_HHMMSS; _2, _3 ... follow for others of that second, of this process or in `folder`."""
    first = now.strftime("%Y%m%d_%H%M%S")
    with _lock:
        for number in count(1):
            name = first if number == 1 else f"{first}_{number}"
            if name not in _taken and not os.path.exists(json_path(folder, name)):
                _taken.add(name)
                return name
    raise AssertionError


def json_path(folder: Path, session_id: str) -> Path:
    return folder / f"performance_{session_id}.json"


def text_path(folder: Path, session_id: str) -> Path:
    return folder / f"performance_{session_id}.txt"


def made(folder: Path) -> None:
    """Makes a folder where there is none.

    Raises:
        OSError: it cannot be made; NotADirectoryError: a file has its name.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def write_whole(path: Path, text: str, *, replace: bool) -> bool:
    """Writes a file of mode 0600 under another name first; False: another was there, which is kept.

    Raises:
        OSError: no space, no permission, or no folder.
    """
    made(path.parent)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if replace:
            os.replace(name, path)
        else:
            try:
                os.link(name, path)
            except FileExistsError:
                return False
        return True
    finally:
        Path(name).unlink(missing_ok=True)
