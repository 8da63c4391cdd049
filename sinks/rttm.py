"""turns.rttm: NIST's Rich Transcription Time Marked, one SPEAKER line for each turn.

SPEAKER <file> 1 <start> <duration> <NA> <NA> <speaker> <NA> <NA>
"""

from __future__ import annotations

from pathlib import Path

from sinks.labelled import LabelledLog
from sinks.session_name import session_name, speaker_name
from sinks.whole_file import replacing
from stream_engine.clock import seconds


def write_rttm(log: LabelledLog, out: Path) -> None:
    """Turns in order of start."""
    session = session_name(log)
    with replacing(out) as file:
        for turn in log.turns():
            speaker = speaker_name(turn.speaker)
            start, duration = seconds(turn.start), seconds(turn.end - turn.start)
            file.write(f"SPEAKER {session} 1 {start:.3f} {duration:.3f} <NA> <NA> {speaker} <NA> <NA>\n")
