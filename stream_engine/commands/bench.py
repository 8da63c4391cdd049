"""A data set through the engine, scored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stream_engine.commands.endings import Usage
from stream_engine.harness.bench import asked
from stream_engine.harness.bench import run as measure


def run(given: dict[str, Any]) -> int:
    if profile := given.get("profile"):
        given["profile"] = Path(profile)
    try:
        wanted = asked(given)
    except ValueError as error:
        raise Usage(str(error)) from None
    return measure(wanted)
