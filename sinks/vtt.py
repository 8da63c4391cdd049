"""WebVTT (W3C) with a voice tag and an id for each cue; simultaneous cues for overlap.

transcript.vtt         <v SPEAKER_00>hello there</v>
transcript.words.vtt   <v SPEAKER_00>hello <00:00:01.250>there</v>     each word lights up when it is said
"""

from __future__ import annotations

from pathlib import Path
from weakref import WeakKeyDictionary

from sinks.cues import cue_time, cue_times, timeless
from sinks.formats import Unwritten
from sinks.inert_text import plain
from sinks.kept_records import KeptRecords
from sinks.labelled import LabelledLog
from sinks.subtitle_cues import Cue, cues
from sinks.subtitle_lines import shown
from sinks.whole_file import replacing

_kept: WeakKeyDictionary[LabelledLog, KeptRecords[Cue]] = WeakKeyDictionary()
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


def write_vtt(log: LabelledLog, out: Path) -> None:
    """Cues as `subtitle_cues` times them, their ids those of the segments."""
    with replacing(out) as file:
        file.write("WEBVTT\n\n")
        for cue in _cues(log):
            file.write(_cue(cue, _escaped(cue.text)))


def write_vtt_words(log: LabelledLog, out: Path) -> None:
    """The same with the time of each word inside its cue.

    Raises:
        Unwritten: there is text, and none of it has word times.
    """
    texts = timed = 0
    with replacing(out) as file:
        file.write("WEBVTT\n\n")
        for cue in _cues(log):
            texts += 1
            timed += cue.timed
            file.write(_cue(cue, _stamped(cue) if cue.timed else _escaped(cue.text)))
        if texts and not timed:
            raise Unwritten("the recogniser has no word times")


def _cues(log: LabelledLog) -> KeptRecords[Cue]:
    """The same for both files; those of SubRip differ, since the name takes room in them."""
    if log not in _kept:
        _kept[log] = KeptRecords(log.path.parent, Cue, cues(log.segments()))
    return _kept[log]


def _escaped(text: str) -> str:
    return timeless(text).translate(_ESCAPES)


def _cue(cue: Cue, text: str) -> str:
    start, end = cue_times(cue.start, cue.end, ".")
    speaker = _escaped(plain(cue.speaker or ""))
    return f"{cue.id}\n{start} --> {end}\n{f'<v {speaker}>{text}</v>' if speaker else text}\n\n"


def _stamped(cue: Cue) -> str:
    """The text with a time before each word that begins later than all before it, inside the cue."""
    before = cue.start
    lines: list[str] = []
    for line in cue.lines:
        words: list[str] = []
        for place, word in enumerate(line):
            stamp = ""
            if before < word.start < cue.end:
                stamp, before = f"<{cue_time(word.start, '.')}>", word.start
            space = "" if word.glued or place == 0 else " "
            words.append(space + stamp + (word.text if word.text.isalnum() else _escaped(shown([word]))))
        lines.append("".join(words))
    return "\n".join(lines)
