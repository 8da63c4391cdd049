"""The console, wide enough for our tables where there is no terminal to tell its width."""

from __future__ import annotations

import os

from rich.console import Console

WIDTH = 110  # columns of text in a file or a pipe


def wide_console(*, stderr: bool = False) -> Console:
    """Of a terminal, or of COLUMNS, the width that it has."""
    console = Console(stderr=stderr)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return Console(stderr=stderr, width=WIDTH)
