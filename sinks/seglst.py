"""transcript.seglst.json: the segment list of the CHiME challenges and of MeetEval, times in seconds."""

from __future__ import annotations

from pathlib import Path

import msgspec

from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.session_name import session_name, speaker_name
from sinks.whole_file import replacing
from stream_engine.clock import seconds


def write_seglst(log: LabelledLog, out: Path) -> None:
    """A JSON list with an object for each segment with text, one a line, in order of start."""
    session, before = session_name(log), "["
    with replacing(out) as file:
        for segment in log.segments():
            if text := plain(segment.text):
                row = {
                    "session_id": session,
                    "speaker": speaker_name(segment.speaker),
                    "start_time": seconds(segment.start),
                    "end_time": seconds(segment.end),
                    "words": text,
                }
                file.write(f"{before}\n{msgspec.json.encode(row).decode()}")
                before = ","
        file.write("\n]\n" if before == "," else "[]\n")
