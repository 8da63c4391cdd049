"""labels.txt: a label track for Audacity (File, Import, Labels): start, end in seconds, text; by tabs."""

from __future__ import annotations

from pathlib import Path

from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.whole_file import replacing
from stream_engine.clock import seconds


def write_labels(log: LabelledLog, out: Path) -> None:
    """A region for each segment with text, in order of start, its speaker before the text."""
    with replacing(out) as file:
        for segment in log.segments():
            if text := plain(segment.text):
                speaker = plain(segment.speaker or "")
                label = f"{speaker}: {text}" if speaker else text
                file.write(f"{seconds(segment.start):.6f}\t{seconds(segment.end):.6f}\t{label}\n")
