"""Who reads our output and leaves (`head`, a quit `less`) has seen enough: what follows goes nowhere."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import IO


def to_nobody(stream: IO[str] | IO[bytes]) -> None:
    """Lets `stream` lead nowhere, so that what waits in it fails no later flush, such as Python's last."""
    with suppress(OSError, ValueError):  # it has no descriptor, or is closed
        nowhere = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)
