"""transcript.stm: NIST's segment time marks, one line for each segment with text; for cpWER and its kin.

<file> 1 <speaker> <start> <end> <text>
"""

from __future__ import annotations

from pathlib import Path

from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.session_name import session_name, speaker_name
from sinks.whole_file import replacing
from stream_engine.clock import seconds

# a text that begins with <...> is read as a label, and { a / b } as a choice
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›", "{": "(", "}": ")"})


def write_stm(log: LabelledLog, out: Path) -> None:
    """Segments in order of start; the text as it was written, with case and punctuation."""
    session = session_name(log)
    with replacing(out) as file:
        for segment in log.segments():
            if text := plain(segment.text).translate(_LOOKALIKES):
                start, end = seconds(segment.start), seconds(segment.end)
                speaker = speaker_name(segment.speaker)
                file.write(f"{session} 1 {speaker} {start:.3f} {end:.3f} {text}\n")
