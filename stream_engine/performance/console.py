"""Text on a console that may take only some letters, be closed, or be gone."""

from __future__ import annotations

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
        return failure
    return None
