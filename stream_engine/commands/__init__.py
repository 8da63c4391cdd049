"""What the command line does: one command a module, with `run`, imported when it is called for."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NoReturn

from sinks.gone_reader import to_nobody
from stream_engine.commands.endings import DONE, INTERRUPTED, Usage, complain, fault
from stream_engine.errors import StreamEngineError


def guarded(command: str, given: dict[str, Any], usage_error: Callable[[str], NoReturn]) -> int:
    """Runs a command; errors become one line on stderr and the exit code of DESIGN §7."""
    code = _guarded(command, given, usage_error)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        to_nobody(sys.stdout)
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more Ctrl-C has nothing left to interrupt
    return code


def _guarded(command: str, given: dict[str, Any], usage_error: Callable[[str], NoReturn]) -> int:
    try:
        return import_module(f"stream_engine.commands.{command}").run(given)
    except StreamEngineError as error:
        return complain(str(error), error.exit_code)
    except ValueError as error:
        if isinstance(error, Usage):
            usage_error(str(error))
        return fault(error)
    except KeyboardInterrupt:
        return complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        return DONE  # whoever read our output has seen enough
    except Exception as error:  # noqa: BLE001 - the one place where errors end
        return fault(error)
