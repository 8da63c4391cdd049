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

NOT_FROM_LOG = "not made from the event log"


class Unwritten(Exception):
    """There is nothing that this format could say; the message is the reason."""


class Format(NamedTuple):
    """An output: `renderer` is `module:function`, or None with the reason why there is none."""

    name: str
    file: str
    renderer: str | None = None
    reason: str | None = None
    on_request: bool = False  # written only where its name or its group is given
    private: bool = False  # not even then: by its name only

    @property
    def by_default(self) -> bool:
        return not (self.on_request or self.private)

    def load(self) -> Renderer | None:
        if self.renderer is None:
            return None
        module, _, function = self.renderer.partition(":")
        return getattr(import_module(module), function)


FORMATS = (
    Format("txt", "transcript.txt", "sinks.transcript:write_transcript"),
    Format("srt", "transcript.srt", "sinks.srt:write_srt"),
    Format("vtt", "transcript.vtt", "sinks.vtt:write_vtt"),
    Format("vtt-words", "transcript.words.vtt", "sinks.vtt:write_vtt_words", on_request=True),
    Format("rttm", "turns.rttm", "sinks.rttm:write_rttm"),
    Format("ctm", "words.ctm", "sinks.ctm:write_ctm"),
    Format("stm", "transcript.stm", "sinks.stm:write_stm", on_request=True),
    Format("seglst", "transcript.seglst.json", "sinks.seglst:write_seglst", on_request=True),
    Format("audacity", "labels.txt", "sinks.audacity:write_labels", on_request=True),
    Format("csv", "segments.csv", "sinks.segment_table:write_segments_csv"),
    Format("parquet", "segments.parquet", "sinks.segment_table:write_segments_parquet"),
    Format("jsonl", "segments.jsonl", "sinks.segment_table:write_segments_jsonl", on_request=True),
    Format("turns", "turns.parquet", "sinks.flat_tables:write_turns_parquet", on_request=True),
    Format("words", "words.parquet", "sinks.flat_tables:write_words_parquet", on_request=True),
    Format("events", "events.parquet", "sinks.flat_tables:write_events_parquet", on_request=True),
    Format("speakers", "speakers.csv", "sinks.statistics_tables:write_speakers"),
    Format("conversation", "conversation.csv", "sinks.statistics_tables:write_conversation", on_request=True),
    Format(
        "interruptions", "interruptions.csv", "sinks.statistics_tables:write_interruptions", on_request=True
    ),
    Format("windows", "windows.csv", "sinks.statistics_tables:write_windows", on_request=True),
    Format(
        "legacy-csv",
        "diarized_transcript_with_emotion.csv",
        "sinks.legacy_csv:write_legacy_csv",
        on_request=True,
    ),
    Format("voices", "voices.npz", reason=NOT_FROM_LOG, private=True),  # tells people by their voice
    Format("performance", "performance.json", reason=NOT_FROM_LOG),
    Format("performance", "performance.txt", reason=NOT_FROM_LOG),
    Format("trace", "trace.json", reason=NOT_FROM_LOG),
    Format("prometheus", "performance.prom", reason=NOT_FROM_LOG, on_request=True),
    Format("spans", "spans.jsonl", reason=NOT_FROM_LOG, on_request=True),
    Format("pdf", "report.pdf", "sinks.report.pdf:write_report_pdf", on_request=True),
    Format("report", "report.html", "sinks.report.page:write_report"),
    Format("summary", "summary.json", "sinks.summary:write_summary"),  # the last: it tells what failed
)

NAMES = tuple(dict.fromkeys(format.name for format in FORMATS))
DEFAULT = tuple(dict.fromkeys(f.name for f in FORMATS if f.by_default))
GROUPS = {
    "default": DEFAULT,
    "all": tuple(dict.fromkeys(format.name for format in FORMATS if not format.private)),
    "subtitles": ("srt", "vtt", "vtt-words"),
    "tables": (
        "csv",
        "parquet",
        "jsonl",
        "turns",
        "words",
        "events",
        "speakers",
        "conversation",
        "interruptions",
        "windows",
    ),
    "scoring": ("rttm", "ctm", "stm", "seglst"),
}


def parse_formats(text: str) -> tuple[str, ...]:
    """The names in a list such as `srt,tables`, in the order of the table; groups stand for their members.

    Raises:
        ValueError: a name that is neither a format nor a group.
    """
    given = {name.strip().lower() for name in text.split(",") if name.strip()}
    unknown = sorted(given - {*NAMES, *GROUPS})
    if unknown or not given:
        wrong = ", ".join(unknown) or "nothing"
        raise ValueError(f"unknown format: {wrong}; valid are: {', '.join((*GROUPS, *NAMES))}")
    asked = {name for one in given for name in GROUPS.get(one, (one,))}
    return tuple(name for name in NAMES if name in asked)
