"""How a command ends: its exit code, and the line that says why."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from sinks.gone_reader import to_nobody
from sinks.inert_text import plain
from stream_engine.session_folder import DAMAGED, DONE, FAULT, INTERRUPTED

USAGE, SOME_FAILED = 2, 5


class Usage(ValueError):
    """The command was called wrongly: its usage is shown."""


def complain(message: str, code: int) -> int:
    """One line on stderr, if anybody reads it; gives `code`."""
    try:
        print(f"stream-engine: {plain(message)}", file=sys.stderr)  # noqa: T201
    except BrokenPipeError:
        to_nobody(sys.stderr)
    return code


def fault(error: BaseException) -> int:
    """What nobody foresaw: one line, and all that is known of it in a file; gives its exit code."""
    report = Path.cwd() / "stream-engine-fault.txt"
    try:
        report.touch(0o600)
        report.write_text("".join(traceback.format_exception(error)), "utf-8")
    except OSError:
        report = None
    notes = "; ".join(getattr(error, "__notes__", ()))
    what = f"{type(error).__name__}: {error}{f' ({notes})' if notes else ''}"
    where = f"; details in {report}" if report else ""
    return complain(f"a fault of ours: {what.splitlines()[0]}{where}", FAULT)


def overall(codes: list[int]) -> int:
    """The exit code of a command over several inputs."""
    if len(codes) == 1 or INTERRUPTED in codes:
        return codes[-1]
    return SOME_FAILED if set(codes) - {DONE, DAMAGED} else max(codes)
