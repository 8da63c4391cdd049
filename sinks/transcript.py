"""transcript.txt: who said what when, for reading.

00:12.3  SPEAKER_00  and then we went to  [over SPEAKER_01, 0.8 s]
00:13.9  SPEAKER_01  no wait, that was later  [interrupts SPEAKER_00]
"""

from __future__ import annotations

from pathlib import Path

from sinks.beside import Beside
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.whole_file import replacing
from stream_engine.clock import RATE, timestamp
from stream_engine.events import Interruption, Overlap, Segment


def write_transcript(log: LabelledLog, out: Path) -> None:
    """One line for each segment with text, marked where somebody else speaks at the same time."""
    overlaps, interruptions = Beside(log.overlaps()), Beside(log.interruptions())
    with replacing(out) as file:
        for segment in log.segments():
            marks = _marks(segment, overlaps.during(segment), interruptions.during(segment))
            text = plain(segment.text)
            if text:
                columns = [timestamp(segment.start), plain(segment.speaker or ""), text, marks]
                file.write("  ".join(filter(None, columns)) + "\n")
        if log.session_end is None:
            file.write("(the session was cut short here)\n")
        elif log.session_end.damage:
            file.write(f"({plain(log.session_end.damage)})\n")


def _marks(segment: Segment, overlaps: list[Overlap], interruptions: list[Interruption]) -> str:
    begun = [e for e in interruptions if e.interrupter == segment.speaker and e.start >= segment.start]
    marks = [f"interrupts {plain(name)}" for name in dict.fromkeys(e.interrupted for e in begun)]
    shared: dict[str, int] = {}
    for overlap in overlaps:
        if segment.speaker in overlap.speakers:
            for name in set(overlap.speakers) - {segment.speaker} - {e.interrupted for e in begun}:
                length = min(overlap.end, segment.end) - max(overlap.start, segment.start)
                shared[name] = shared.get(name, 0) + length
    marks += [f"over {plain(name)}, {shared[name] / RATE:.1f} s" for name in sorted(shared)]
    return f"[{'; '.join(marks)}]" if marks else ""
