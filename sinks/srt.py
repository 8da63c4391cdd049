"""transcript.srt: SubRip has no field for the speaker, so it stands before the text: `[SPEAKER_00]: `."""

from __future__ import annotations

from pathlib import Path

from sinks.cues import cue_times, timeless
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.subtitle_cues import cues
from sinks.timed_words import columns
from sinks.whole_file import replacing
from stream_engine.events import Segment

# SubRip cannot escape: players read <b> and {\an8} as commands, and parsers an arrow as times
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})


def write_srt(log: LabelledLog, out: Path) -> None:
    """Cues as `subtitle_cues` times them; people who speak at the same time have overlapping cues."""
    with replacing(out) as file:
        for number, cue in enumerate(cues(log.segments(), reserved=_reserved), start=1):
            start, end = cue_times(cue.start, cue.end, ",")
            shown = timeless(_prefix(cue.speaker) + cue.text).translate(_LOOKALIKES)
            file.write(f"{number}\n{start} --> {end}\n{shown}\n\n")


def _prefix(speaker: str | None) -> str:
    return f"[{plain(speaker)}]: " if speaker else ""


def _reserved(segment: Segment) -> int:
    return columns(_prefix(segment.speaker))
