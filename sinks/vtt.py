"""transcript.vtt: WebVTT (W3C) with a voice tag and an id for each cue; simultaneous cues for overlap."""

from __future__ import annotations

from pathlib import Path

from sinks.cues import broken, cue_times
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.whole_file import replacing

_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def write_vtt(log: LabelledLog, out: Path) -> None:
    """One cue for each segment with text, its id that of the segment."""
    with replacing(out) as file:
        file.write("WEBVTT\n\n")
        for segment in log.segments():
            text = plain(segment.text)
            if text:
                start, end = cue_times(segment.start, segment.end, ".")
                shown = broken(text).translate(_ESCAPES)
                if segment.speaker:
                    shown = f"<v {plain(segment.speaker).translate(_ESCAPES)}>{shown}</v>"
                file.write(f"{segment.id}\n{start} --> {end}\n{shown}\n\n")
