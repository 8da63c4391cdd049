"""Names of reports that no two sessions share, and files that appear complete or not at all."""

from __future__ import annotations

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
            if name not in _taken and not json_path(folder, name).exists():
                _taken.add(name)
                return name
    raise AssertionError


def json_path(folder: Path, session_id: str) -> Path:
    return folder / f"performance_{session_id}.json"


def text_path(folder: Path, session_id: str) -> Path:
    return folder / f"performance_{session_id}.txt"


def write_whole(path: Path, text: str, *, replace: bool) -> None:
    """Writes a file of mode 0600 under another name first.

    Raises:
        FileExistsError: it is there already, and `replace` was not asked for.
        OSError: no space, or no permission.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        if replace:
            os.replace(name, path)
        else:
            os.link(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
