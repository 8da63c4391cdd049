"""The whole vocabulary of the engine: what flows between operators, and what is logged.

`start`, `end`, `at` and `as_of` are samples on the session clock (see `clock`), on whole milliseconds.
Every struct is frozen, so one instance can be shared by all branches of a fan-out.
"""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    """Base of all records: immutable, slotted, tagged."""


# --- audio: never logged -------------------------------------------------------------------------


class SourceChunk(_Record, frozen=True, tag="source_chunk", eq=False):
    """Samples as ffmpeg delivers them: any rate, any number of channels, any size."""

    start: int  # frames at `rate` since the source began
    rate: int  # Hz
    samples: NDArray[np.float32]  # [frames, channels]

    @property
    def end(self) -> int:
        return self.start + len(self.samples)

    def __repr__(self) -> str:
        return f"SourceChunk(start={self.start}, rate={self.rate}, shape={self.samples.shape})"


class Chunk(_Record, frozen=True, tag="chunk", eq=False):
    """Audio on the session clock; chunks follow one another without gap or overlap."""

    start: int
    samples: NDArray[np.float32]  # [frames] or, where channels are kept apart, [frames, channels]; read-only

    @property
    def end(self) -> int:
        return self.start + len(self.samples)

    def __repr__(self) -> str:
        return f"Chunk(start={self.start}, frames={len(self.samples)})"


class VoiceActivity(_Record, frozen=True, tag="voice_activity"):
    """Speech probabilities of consecutive frames of `hop` samples from `start` on."""

    start: int
    hop: int
    probabilities: tuple[float, ...]

    @property
    def end(self) -> int:
        return self.start + self.hop * len(self.probabilities)


# --- who, what, when -----------------------------------------------------------------------------


class Turn(_Record, frozen=True, tag="turn"):
    """An interval in which one speaker is active; turns of different speakers may overlap.

    A turn may appear several times under one `id` with a rising `revision`. Once `final`, its
    interval never changes, and it never disappears; its label only by a `Relabel`. A provisional turn
    that turns out to be nothing is withdrawn by a last revision that is final and has no length.
    """

    id: int
    revision: int
    final: bool
    start: int
    end: int
    speaker: str | None  # None: speech, and nobody was asked who speaks
    emitted_at: float | None = None


class Relabel(_Record, frozen=True, tag="relabel"):
    """A correction of labels: the named turns, or all turns of a speaker so far, belong to `to`."""

    to: str
    as_of: int  # what the diarizer had heard when it changed its mind
    turns: tuple[int, ...] = ()
    speaker: str | None = None
    emitted_at: float | None = None


class Utterance(_Record, frozen=True, tag="utterance"):
    """A closed stretch of one speaker's speech, cut for recognition: never logged."""

    id: int
    start: int
    end: int
    speaker: str | None
    turns: tuple[int, ...]
    language: str | None = None  # None: not asked for


Spoken = Turn | Utterance  # an interval and its speaker: what audio can be asked for


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """A committed word; in overlapped speech it may carry more than one speaker."""

    start: int
    end: int
    text: str
    probability: float | None = None
    speakers: tuple[str, ...] = ()
    turns: tuple[int, ...] = ()  # one of each speaker, in that order, so that a relabel reaches the word


class Hypothesis(_Record, frozen=True, tag="hypothesis"):
    """Revisable text of an open turn.

    `text` begins with `committed`, and so do all later texts of the same id and the final text of the turns;
    but if the turn turns out to have ended earlier, the last words of `committed` may go on to the next one.
    """

    id: int
    revision: int
    start: int
    end: int
    speaker: str | None
    text: str
    committed: str = ""
    final: bool = False  # nothing more is shown of the turn
    turns: tuple[int, ...] = ()  # if final: those that share what is committed
    emitted_at: float | None = None


class Language(_Record, frozen=True, tag="language"):
    """The language of a session, from which its recogniser takes it on."""

    at: int  # end of the speech that was listened to
    code: str
    probability: float
    emitted_at: float | None = None


class Rejected(_Record, frozen=True, tag="rejected"):
    """Speech without text, and why: nothing was heard, or what was heard is not believed."""

    id: int  # of the segment that there would have been
    start: int
    end: int
    speaker: str | None
    reason: str
    turns: tuple[int, ...] = ()
    emitted_at: float | None = None


class Segment(_Record, frozen=True, tag="segment"):
    """A stretch of text with its interval and speaker."""

    id: int
    revision: int
    final: bool
    start: int
    end: int
    speaker: str | None
    text: str
    words: tuple[Word, ...] | None  # None: the recogniser has no word times
    turns: tuple[int, ...] = ()  # the turns that it covers, so that a relabel reaches it
    emitted_at: float | None = None


class Overlap(_Record, frozen=True, tag="overlap"):
    """A maximal interval with one unchanging set of two or more active speakers."""

    id: int
    start: int
    end: int
    speakers: tuple[str, ...]
    emitted_at: float | None = None


class Interruption(_Record, frozen=True, tag="interruption"):
    """`interrupter` began at `start` while `interrupted` was speaking; both spoke until `end`."""

    id: int
    start: int
    end: int
    interrupter: str
    interrupted: str
    successful: bool
    emitted_at: float | None = None


class SoundEvent(_Record, frozen=True, tag="sound_event"):
    """Something heard that is not speech."""

    id: int
    start: int
    end: int
    label: str
    score: float
    emitted_at: float | None = None


class Statistics(_Record, frozen=True, tag="statistics"):
    """Running figures of the session up to `at`."""

    at: int
    values: dict[str, float | int | None]
    emitted_at: float | None = None


# --- the stream itself ---------------------------------------------------------------------------


class Watermark(_Record, frozen=True, tag="watermark"):
    """Nothing that starts before `at` will follow from `source`."""

    source: str
    at: int


class Gap(_Record, frozen=True, tag="gap"):
    """Audio that the source did not deliver or could not decode."""

    start: int
    end: int
    reason: str
    emitted_at: float | None = None


class SessionStart(_Record, frozen=True, tag="session_start"):
    """First line of every log."""

    schema: int
    source: str
    recogniser: str
    diarizer: str
    notes: tuple[str, ...] = ()
    emitted_at: float | None = None


class SessionEnd(_Record, frozen=True, tag="session_end"):
    """Last line of a log that is complete; a log without it is of a session cut short."""

    duration: int  # samples of audio
    damage: str | None = None  # what could not be decoded, in words
    stopped: bool = False  # ended on request, before the source did
    emitted_at: float | None = None


SCHEMA = 1

Event = (
    SessionStart
    | Turn
    | Relabel
    | Language
    | Hypothesis
    | Segment
    | Rejected
    | Overlap
    | Interruption
    | SoundEvent
    | Statistics
    | Gap
    | SessionEnd
)
