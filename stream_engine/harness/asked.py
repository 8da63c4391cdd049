"""What a bench is asked to do: the words of the command line, checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from sinks.formats import parse_formats
from stream_engine.harness.one_run import PACED, UNPACED, Mode
from stream_engine.measure_options import checked
from stream_engine.options import Options, merged

FORMATS = "performance"  # what a session writes beside its log, unless told otherwise


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a bench is to do."""

    data_set: Path
    out: Path
    modes: tuple[Mode, ...]
    pace: float
    sessions: tuple[int, ...]
    options: Options
    against: Path | None = None
    limit: int | None = None
    quiet: bool = False


def asked(given: dict[str, Any]) -> Asked:
    """The words of the command line: `dataset`, `out`, `paced`, `unpaced`, `pace`, `sessions`, `against`,
    `limit`, `quiet`, `profile`, and options of a session. Without `paced` and `unpaced`: both.

    Raises:
        ValueError: an option has a wrong value.
    """
    given = dict(given)
    if given.get("dataset") is None:
        raise ValueError("name a data set: a folder of recordings, or a manifest")
    path = Path(given.pop("dataset"))
    both = given.pop("paced", False), given.pop("unpaced", False)
    wanted = both if any(both) else (True, True)
    out, against, limit = (given.pop(name, None) for name in ("out", "against", "limit"))
    sessions, quiet = given.pop("sessions", None), given.pop("quiet", False)
    if limit is not None and limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    options = merged(given.pop("profile", None), {"formats": FORMATS, **given})
    if options.pcm:
        raise ValueError("pcm describes stdin: a data set is made of files")
    parse_formats(options.formats)
    checked(options)
    return Asked(
        data_set=path,
        out=Path(out) if out is not None else Path(f"bench-{path.resolve().stem}"),
        modes=tuple(mode for mode, on in zip((PACED, UNPACED), wanted, strict=True) if on),
        pace=options.pace or 1.0,
        sessions=_counts(sessions),
        options=msgspec.structs.replace(options, pace=None),
        against=Path(against) if against is not None else None,
        limit=limit,
        quiet=quiet,
    )


def _counts(text: str | Sequence[int] | None) -> tuple[int, ...]:
    if text is None:
        return (1,)
    try:
        parts = text.split(",") if isinstance(text, str) else text
        found = tuple(sorted({int(part) for part in parts}))
    except ValueError:
        found = ()
    if not found or found[0] < 1:
        raise ValueError(f"sessions {text!r}: want numbers of simultaneous sessions, such as 1,2,4")
    return found
