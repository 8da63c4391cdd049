"""The table of outputs: the names for `--formats`, their files, and who renders them.

A renderer is imported when it is used.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sinks.labelled import LabelledLog

Renderer = Callable[["LabelledLog", Path], None]

LATER = "not built yet"
NOT_FROM_LOG = "not made from the event log"


class Unwritten(Exception):
    """There is nothing that this format could say; the message is the reason."""


class Format(NamedTuple):
    """An output: `renderer` is `module:function`, or None with the reason why there is none."""

    name: str
    file: str
    renderer: str | None = None
    reason: str | None = None
    on_request: bool = False  # no part of `all`

    def load(self) -> Renderer | None:
        if self.renderer is None:
            return None
        module, _, function = self.renderer.partition(":")
        return getattr(import_module(module), function)


FORMATS = (
    Format("txt", "transcript.txt", "sinks.transcript:write_transcript"),
    Format("srt", "transcript.srt", "sinks.srt:write_srt"),
    Format("vtt", "transcript.vtt", "sinks.vtt:write_vtt"),
    Format("rttm", "turns.rttm", "sinks.rttm:write_rttm"),
    Format("ctm", "words.ctm", "sinks.ctm:write_ctm"),
    Format("csv", "segments.csv", reason=LATER),
    Format("parquet", "segments.parquet", reason=LATER),
    Format("speakers", "speakers.csv", reason=LATER),
    Format("report", "report.html", reason=LATER),
    Format("voices", "voices.npz", reason=NOT_FROM_LOG, on_request=True),  # tells people by their voice
    Format("performance", "performance.json", reason=NOT_FROM_LOG),
    Format("performance", "performance.txt", reason=NOT_FROM_LOG),
    Format("trace", "trace.json", reason=NOT_FROM_LOG),
    Format("summary", "summary.json", "sinks.summary:write_summary"),  # the last: it tells what failed
)

NAMES = tuple(dict.fromkeys(format.name for format in FORMATS))
ALL = tuple(dict.fromkeys(format.name for format in FORMATS if not format.on_request))


def parse_formats(text: str) -> tuple[str, ...]:
    """The names in a list such as `srt,vtt`, in the order of the table; `all` stands for those that are
    not on request only.

    Raises:
        ValueError: a name that is not in the table.
    """
    asked = {name.strip().lower() for name in text.split(",") if name.strip()}
    unknown = sorted(asked - {*NAMES, "all"})
    if unknown or not asked:
        wrong = ", ".join(unknown) or "nothing"
        raise ValueError(f"unknown format: {wrong}; valid are: all, {', '.join(NAMES)}")
    asked |= {*ALL} if "all" in asked else set()
    return tuple(name for name in NAMES if name in asked)
