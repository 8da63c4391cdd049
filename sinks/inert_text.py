"""Transcript text that no terminal, player or parser takes for a command.

Text comes from whatever was said or played in a recording, so it is treated as hostile.
"""

from __future__ import annotations

import re

# C0 and C1 controls (escape sequences start with one), and the marks that reorder a line's direction
_UNSAFE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_ESCAPE_SEQUENCE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
)


def plain(text: str) -> str:
    """`text` on one line, without escape sequences, control characters and direction overrides."""
    if text.isprintable():  # most text: nothing to look for
        return " ".join(text.split())
    return " ".join(_UNSAFE.sub("", _ESCAPE_SEQUENCE.sub("", text)).split())


def field(text: str) -> str:
    """`text` as one field of a line whose fields are parted by spaces."""
    return plain(text).replace(" ", "_")
