"""The console, wide enough for our tables where there is no terminal to tell its width."""

from __future__ import annotations

import os

from rich.console import Console

from sinks.gone_reader import to_nobody

WIDTH = 110  # columns of text in a file or a pipe


class _PatientConsole(Console):
    """Falls silent when its reader leaves, where rich's would end the program."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        to_nobody(self.file)


def wide_console(*, stderr: bool = False) -> Console:
    """Of a terminal, or of COLUMNS, the width that it has; silent once nobody reads it any more."""
    console = _PatientConsole(stderr=stderr)
    if console.is_terminal or "COLUMNS" in os.environ:
        return console
    return _PatientConsole(stderr=stderr, width=WIDTH)
