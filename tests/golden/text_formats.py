"""Makes the golden files beside it anew: `python -m tests.golden.text_formats`. Look at the difference.

A conversation of three people with what is awkward in it: speech at the same time, a relabel, a word after a
long silence, text without word times, text without a speaker, Chinese, and text that means to be markup.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from sinks.audacity import write_labels
from sinks.ctm import write_ctm
from sinks.event_log import EventLog
from sinks.labelled import LabelledLog
from sinks.rttm import write_rttm
from sinks.seglst import write_seglst
from sinks.srt import write_srt
from sinks.stm import write_stm
from sinks.vtt import write_vtt, write_vtt_words
from stream_engine.clock import samples
from stream_engine.events import Event, Relabel, Segment, SessionEnd, SessionStart, Turn, Word

FOLDER = Path(__file__).with_suffix("")
WRITERS: dict[str, Callable[[LabelledLog, Path], None]] = {
    "transcript.srt": write_srt,
    "transcript.vtt": write_vtt,
    "transcript.words.vtt": write_vtt_words,
    "transcript.stm": write_stm,
    "transcript.seglst.json": write_seglst,
    "labels.txt": write_labels,
    "turns.rttm": write_rttm,
    "words.ctm": write_ctm,
}
HOSTILE = (
    "<script>alert(1)</script> 00:00:01,000 --> 00:00:02,000\n\n=cmd() {\\an8}\t;; \u202eevil\u202c"
    " 👩\u200d👧 &amp;"
)


def spoken(id: int, start_s: float, speaker: str | None, text: str, pace: float = 14.0) -> list[Event]:
    """A turn and its segment with word times, at `pace` characters a second; `|`: two seconds' silence."""
    words: list[Word] = []
    at = start_s
    for token in text.split():
        if token == "|":
            at += 2.0
            continue
        end = at + len(token) / pace
        sure = round(0.5 + len(token) / 40, 3)
        words.append(Word(start=samples(at), end=samples(end), text=token, probability=sure, turns=(id,)))
        at = end + 1 / pace
    said = " ".join(word.text for word in words)
    return [_turn(id, start_s, at, speaker), _segment(id, start_s, at, speaker, said, tuple(words))]


def untimed(id: int, start_s: float, end_s: float, speaker: str | None, text: str) -> list[Event]:
    return [_turn(id, start_s, end_s, speaker), _segment(id, start_s, end_s, speaker, text, None)]


def _turn(id: int, start_s: float, end_s: float, speaker: str | None) -> Turn:
    return Turn(id=id, revision=0, final=True, start=samples(start_s), end=samples(end_s), speaker=speaker)


def _segment(
    id: int, start_s: float, end_s: float, speaker: str | None, text: str, words: tuple[Word, ...] | None
) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=samples(start_s),
        end=samples(end_s),
        speaker=speaker,
        text=text,
        words=words,
        turns=(id,),
    )


EVENTS: list[Event] = [
    SessionStart(schema=1, source="conversation.wav", recogniser="none", diarizer="none"),
    *spoken(
        1,
        0.5,
        "SPEAKER_00",
        "So we went down to the harbour in the early morning, and then we waited there for the ship, which"
        " was late. Nobody came until it was noon and we were hungry. | Anyway.",
    ),
    *spoken(2, 3.0, "SPEAKER_01", "Mm-hm."),
    *spoken(3, 8.2, "SPEAKER_02", "No wait, that was the day after!", pace=30),
    *untimed(
        4, 18.0, 21.0, "SPEAKER_01", "Was it? I have no times, only a text, because my recogniser has none."
    ),
    *untimed(5, 21.02, 23.0, None, "Who is this?"),
    *spoken(6, 24.0, "SPEAKER_02", "我们 明天 见面。"),
    *untimed(7, 26.0, 31.0, "SPEAKER_00", HOSTILE),
    *untimed(8, 32.0, 33.0, "SPEAKER_00", " \n "),
    Relabel(to="SPEAKER_01", as_of=samples(33), turns=(3,)),
    SessionEnd(duration=samples(35)),
]


def make(folder: Path) -> None:
    """Writes all files of `WRITERS` into `folder`."""
    with TemporaryDirectory() as place:
        session = Path(place, "conversation")
        session.mkdir()
        log = EventLog(path=session / "events.jsonl")
        for event in EVENTS:
            log.write(event)
        log.commit()
        for name, write in WRITERS.items():
            write(LabelledLog(session / "events.jsonl"), folder / name)


if __name__ == "__main__":
    make(FOLDER)
