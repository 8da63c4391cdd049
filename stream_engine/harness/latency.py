"""How late text is: of each message, and of each word.

Of a message (after Deepgram's definition, as OpenBench has adapted it to true word times; PEERS C8): the
audio that has been fed when it comes, less how far its text reaches. `interim` takes all messages,
`confirmed` those whose text is final. How far a text reaches is the end of the last word of the reference
that it has, and without times of words, or where it has none of them, the end that the message itself tells.
The `oldest` of a message is counted from where the message before reached to: the longest that any of its
words had to wait. What comes after the end of the audio is counted by the clock, not by the audio fed.

Of a word of the reference that was recognised at all: from its true end until a message first has it, and
until a message first has it for good (final, or committed).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple, Protocol

from stream_engine.clock import RATE
from stream_engine.events import Event, Hypothesis, Segment, Turn
from stream_engine.harness.measured import Absent, Measured, samples_of
from stream_engine.harness.references import Spoken, Talk
from stream_engine.harness.word_errors import normalised

NO_TEXT = "no text came"
NO_TURN = "no turn came where somebody speaks"
NONE_FOUND = "none of the reference's words was recognised"
NO_TIMES = "the reference has no times of words"
EARLIER_S, LATER_S = 0.2, 0.3  # by how much a message's own times may miss its words


class Message(NamedTuple):
    """Text that was shown, `at` seconds after the feed began; the rest in seconds of the audio."""

    at: float
    start: float
    end: float
    text: str
    committed: str
    final: bool


class Interval(Protocol):
    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...


def messages(events: Iterable[Event]) -> list[Message]:
    """All texts as they came."""
    found: list[Message] = []
    for one in events:
        if one.emitted_at is None or not isinstance(one, Segment | Hypothesis) or not one.text:
            continue
        if isinstance(one, Hypothesis) and one.final:
            continue
        committed = one.text if isinstance(one, Segment) else one.committed
        final = isinstance(one, Segment)
        found.append(Message(one.emitted_at, one.start / RATE, one.end / RATE, one.text, committed, final))
    return sorted(found)


def message_latency(
    told: Sequence[Message], words: Sequence[Spoken], pace: float
) -> tuple[list[float], list[float]]:
    """Of each message: seconds from the end of its last word, and from where the one before reached to."""
    newest: list[float] = []
    oldest: list[float] = []
    reached = 0.0
    for one in told:
        ends = [words[index].end for index in said(one.text, one, words)]
        cursor = max(ends, default=one.end)
        newest.append(one.at - cursor / pace)
        oldest.append(one.at - min(reached, cursor) / pace)
        reached = max(reached, cursor)
    return newest, oldest


def word_latency(
    told: Sequence[Message], words: Sequence[Spoken], pace: float
) -> tuple[list[float], list[float]]:
    """Of each recognised word: seconds from its end until it was shown, and until it was there for good."""
    firsts: tuple[dict[int, float], dict[int, float]] = {}, {}
    for one in told:
        for first, text in zip(firsts, (one.text, one.committed), strict=True):
            for index in said(text, one, words):
                first.setdefault(index, one.at)
    shown, kept = ([at - words[index].end / pace for index, at in first.items()] for first in firsts)
    return shown, kept


def said(text: str, near: Interval, words: Sequence[tuple[float, str]]) -> list[int]:
    """Which of `words` (end, as compared) a text has, of those that were spoken in its interval."""
    inside = [
        index for index, (end, _) in enumerate(words) if near.start - EARLIER_S <= end <= near.end + LATER_S
    ]
    truth = [words[index][1] for index in inside]
    matcher = SequenceMatcher(None, truth, normalised(text).split(), autojunk=False)
    return [inside[block.a + step] for block in matcher.get_matching_blocks() for step in range(block.size)]


def compared(words: Sequence[Spoken]) -> list[Spoken]:
    """Words as they are compared: normalised, one each."""
    return [Spoken(end, word) for end, written in words for word in normalised(written).split()]


def text_latency(told: Sequence[Message], spoken: Sequence[Spoken], pace: float) -> dict[str, Measured]:
    """The values that the table's columns are taken from."""
    words = compared(spoken)
    interim, interim_oldest = message_latency(told, words, pace)
    confirmed, confirmed_oldest = message_latency([one for one in told if one.final], words, pace)
    shown, kept = word_latency(told, words, pace) if words else ([], [])
    why = NONE_FOUND if words else NO_TIMES
    return {
        "interim": samples_of(interim, NO_TEXT),
        "interim_oldest": samples_of(interim_oldest, NO_TEXT),
        "confirmed": samples_of(confirmed, NO_TEXT),
        "confirmed_oldest": samples_of(confirmed_oldest, NO_TEXT),
        "word_shown": samples_of(shown, why),
        "word_committed": samples_of(kept, why),
    }


def first_turn(events: Iterable[Event], talk: Sequence[Talk], pace: float) -> Measured:
    """From the first voice of the reference to the first turn shown while somebody speaks there; without a
    reference, from the start of the first turn."""
    for one in events:
        if isinstance(one, Turn) and one.end > one.start and one.emitted_at is not None:
            start, end = one.start / RATE, one.end / RATE
            if not talk or any(start < voice.end and voice.start < end for voice in talk):
                voice = min((voice.start for voice in talk), default=start)
                return samples_of([one.emitted_at - voice / pace], "")
    return Absent(NO_TURN)
