"""words.ctm: NIST's time-marked conversation, one line for each word, with its probability.

<file> 1 <start> <duration> <word> <confidence>
"""

from __future__ import annotations

import heapq
from pathlib import Path

from sinks.formats import Unwritten
from sinks.inert_text import field
from sinks.labelled import LabelledLog
from sinks.session_name import session_name
from sinks.whole_file import replacing
from stream_engine.clock import MILLISECOND
from stream_engine.events import Word

UNKNOWN = "NA"  # of a recogniser that does not say how sure it is
_LOOKALIKES = str.maketrans({"<": "‹", ">": "›"})  # NIST's tools read <ALT_BEGIN> as a command


def write_ctm(log: LabelledLog, out: Path) -> None:
    """Words in order of start, as NIST's tools want them; empty ones are left out.

    Raises:
        Unwritten: there is text, and none of it has word times.
    """
    session = session_name(log)
    waiting: list[tuple[int, int, str]] = []  # what may come after words of segments that are still to come
    texts = timed = number = 0
    with replacing(out) as file:
        for segment in log.segments():
            texts += 1
            timed += segment.words is not None
            while waiting and waiting[0][0] <= segment.start:
                file.write(heapq.heappop(waiting)[2])
            for word in segment.words or ():
                if text := field(word.text).translate(_LOOKALIKES):
                    number += 1
                    heapq.heappush(waiting, (word.start, number, f"{session} 1 {_line(word, text)}\n"))
        while waiting:
            file.write(heapq.heappop(waiting)[2])
        if texts and not timed:
            raise Unwritten("the recogniser has no word times")


def _line(word: Word, text: str) -> str:
    sure = UNKNOWN if word.probability is None else f"{word.probability:.3f}"
    return f"{_seconds(word.start)} {_seconds(max(0, word.end - word.start))} {text} {sure}"


def _seconds(samples: int) -> str:
    whole, milliseconds = divmod(samples // MILLISECOND, 1000)
    return f"{whole}.{milliseconds:03d}"
