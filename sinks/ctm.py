"""words.ctm: NIST's time-marked conversation, one line for each word, with its probability.

<file> 1 <start> <duration> <word> <confidence>
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from pathlib import Path

from sinks.formats import Unwritten
from sinks.inert_text import field
from sinks.labelled import LabelledLog
from sinks.session_name import session_name
from sinks.whole_file import replacing
from stream_engine.clock import seconds
from stream_engine.events import Segment, Word

UNKNOWN = "NA"  # of a recogniser that does not say how sure it is
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›"})  # NIST's tools read <ALT_BEGIN> as a command


def write_ctm(log: LabelledLog, out: Path) -> None:
    """Words in order of start, as NIST's tools want them.

    Raises:
        Unwritten: there is text, and none of it has word times.
    """
    session = session_name(log)
    words = _Words(log.segments())
    with replacing(out) as file:
        for word in words:
            start, duration = seconds(word.start), seconds(max(0, word.end - word.start))
            text = field(word.text).translate(_LOOKALIKES)
            sure = UNKNOWN if word.probability is None else f"{word.probability:.3f}"
            file.write(f"{session} 1 {start:.3f} {duration:.3f} {text} {sure}\n")
        if words.texts and not words.timed:
            raise Unwritten("the recogniser has no word times")


class _Words:
    """The words of segments, which come by their start, themselves by their start; empty ones left out."""

    def __init__(self, segments: Iterator[Segment]) -> None:
        self._segments = segments
        self.texts = self.timed = 0

    def __iter__(self) -> Iterator[Word]:
        waiting: list[tuple[int, int, Word]] = []
        count = 0
        for segment in self._segments:
            self.texts += 1
            self.timed += segment.words is not None
            while waiting and waiting[0][0] <= segment.start:
                yield heapq.heappop(waiting)[2]
            for word in segment.words or ():
                if field(word.text):
                    count += 1
                    heapq.heappush(waiting, (max(word.start, segment.start), count, word))
        while waiting:
            yield heapq.heappop(waiting)[2]
