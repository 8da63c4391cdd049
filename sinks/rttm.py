"""turns.rttm: NIST's Rich Transcription Time Marked, one SPEAKER line for each turn.

SPEAKER <file> 1 <start> <duration> <NA> <NA> <speaker> <NA> <NA>
"""

from __future__ import annotations

from pathlib import Path

from sinks.inert_text import field
from sinks.labelled import LabelledLog
from sinks.whole_file import replacing
from stream_engine.clock import seconds

UNATTRIBUTED = "SPEECH"  # the speaker of speech that nobody was asked to attribute


def write_rttm(log: LabelledLog, out: Path) -> None:
    """The file's name in each line is the session's folder; spaces become underscores."""
    session = field(log.path.resolve().parent.name) or "session"
    with replacing(out) as file:
        for turn in log.turns():
            speaker = field(turn.speaker or UNATTRIBUTED)
            start, duration = seconds(turn.start), seconds(turn.end - turn.start)
            file.write(f"SPEAKER {session} 1 {start:.3f} {duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n")
