"""transcript.srt: SubRip has no field for the speaker, so it stands before the text: `[SPEAKER_00]: `."""

from __future__ import annotations

from pathlib import Path

from sinks.cues import broken, cue_times
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.whole_file import replacing

# SubRip cannot escape: players read <b> and {\an8} as commands, and parsers an arrow as times
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})


def write_srt(log: LabelledLog, out: Path) -> None:
    """One cue for each segment with text; overlapping segments are overlapping cues."""
    with replacing(out) as file:
        number = 0
        for segment in log.segments():
            text = plain(segment.text)
            if text:
                number += 1
                speaker = f"[{plain(segment.speaker)}]: " if segment.speaker else ""
                start, end = cue_times(segment.start, segment.end, ",")
                shown = broken((speaker + text).translate(_LOOKALIKES))
                file.write(f"{number}\n{start} --> {end}\n{shown}\n\n")
