"""words.ctm: NIST's time-marked conversation, one line for each word, with its probability.

<file> 1 <start> <duration> <word> <confidence>
"""

from __future__ import annotations

from pathlib import Path

from sinks.formats import Unwritten
from sinks.inert_text import field
from sinks.labelled import LabelledLog
from sinks.whole_file import replacing
from stream_engine.clock import seconds

UNKNOWN = "NA"  # of a recogniser that does not say how sure it is


def write_ctm(log: LabelledLog, out: Path) -> None:
    """The file's name in each line is the session's folder; spaces become underscores.

    Raises:
        Unwritten: there is text, and none of it has word times.
    """
    session = field(log.path.resolve().parent.name) or "session"
    texts = timed = 0
    with replacing(out) as file:
        for segment in log.segments():
            texts += 1
            timed += segment.words is not None
            for word in segment.words or ():
                start, duration = seconds(word.start), seconds(word.end - word.start)
                sure = UNKNOWN if word.probability is None else f"{word.probability:.3f}"
                file.write(f"{session} 1 {start:.3f} {duration:.3f} {field(word.text)} {sure}\n")
        if texts and not timed:
            raise Unwritten("the recogniser has no word times")
