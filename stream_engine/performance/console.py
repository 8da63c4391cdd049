"""Text on a console that may take only some letters, be closed, or be gone."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TextIO


def told_on(stream: TextIO | None, text: str) -> Exception | None:
    """Writes `text`, with ? for what the stream has no letter for; gives the failure, if it is one."""
    if stream is None:
        return OSError("there is none")
    try:
        letters = getattr(stream, "encoding", None) or "utf-8"
        stream.write(text.encode(letters, "replace").decode(letters))
        stream.flush()
    except (OSError, ValueError) as failure:
        with suppress(OSError, ValueError):
            _drain(stream)
        return failure
    return None


def _drain(stream: TextIO) -> None:
    """Drops what waits in the stream: the interpreter would fail on it when it ends."""
    place = stream.fileno()
    kept, nowhere = os.dup(place), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, place)
        stream.flush()
    finally:
        os.dup2(kept, place)
        os.close(kept)
        os.close(nowhere)
