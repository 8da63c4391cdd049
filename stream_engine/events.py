"""The whole vocabulary of the engine: what flows between operators, and what is logged.

`start`, `end`, `at` and `as_of` are samples on the session clock (see `clock`), on whole milliseconds.
Every struct is frozen, so one instance can be shared by all branches of a fan-out.
"""

from __future__ import annotations

from typing import Literal

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


class Backchannel(_Record, frozen=True, tag="backchannel"):
    """`speaker` said something short while `to` kept the floor: no claim to it."""

    id: int
    start: int
    end: int
    speaker: str
    to: str
    emitted_at: float | None = None


# --- how it was said, and what else was heard ----------------------------------------------------


class Envelope(_Record, frozen=True, tag="envelope"):
    """How loud the audio was in each tenth of a second from `start` on, for drawing."""

    start: int
    end: int
    peaks: str  # base64 of a byte each: the largest magnitude, from 0 (-60 dBFS or less) to 255 (0 dBFS)
    emitted_at: float | None = None


class SoundEvent(_Record, frozen=True, tag="sound_event"):
    """Something heard beside what is said; given when it has ended."""

    id: int
    start: int
    end: int
    label: str
    score: float  # the highest of its windows, in [0, 1]
    source: str = "signal"  # the tagger that heard it
    emitted_at: float | None = None


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """How much of an interval a label covers, and how surely."""

    label: str
    seconds: float  # of the interval
    score: float  # mean over these seconds


class Sounds(_Record, frozen=True, tag="sounds"):
    """The sound events during a final segment or turn, the heaviest (seconds by score) first; never empty."""

    of: Literal["segment", "turn"]
    id: int  # of that
    start: int
    end: int
    top: tuple[Heard, ...]
    emitted_at: float | None = None


class Prosody(_Record, frozen=True, tag="prosody"):
    """How a final segment is said. None: it could not be measured, and `notes` says why.

    Words are of the text, pauses and levels of the audio's frames (10 ms); levels in dB of full scale.
    """

    segment: int
    start: int
    end: int
    speaker: str | None
    words: int | None = None  # None: of a script without spaces
    wpm: float | None = None
    syllables: int | None = None
    syllables_per_s: float | None = None
    pauses: int | None = None
    long_pauses: int | None = None
    pause_s: float | None = None
    pause_ratio: float | None = None
    f0_median_hz: float | None = None
    f0_iqr_hz: float | None = None
    voiced_ratio: float | None = None
    loudness_dbfs: float | None = None  # median over frames
    loudness_range_db: float | None = None  # 95th less 5th percentile
    centroid_hz: float | None = None
    flatness: float | None = None  # in [0, 1]
    fillers: int | None = None  # these three: None where nobody knows how the language does it
    repetitions: int | None = None
    false_starts: int | None = None
    jitter_pct: float | None = None
    shimmer_db: float | None = None
    hnr_db: float | None = None
    cpps_db: float | None = None
    voice_reliable: bool | None = None
    notes: tuple[str, ...] = ()
    emitted_at: float | None = None


class Affect(_Record, frozen=True, tag="affect"):
    """What models say of the mood of a final segment. None: no such model; `available` says which are."""

    segment: int
    start: int
    end: int
    speaker: str | None
    valence: float | None = None  # these three in the model's range, which the session's notes tell
    arousal: float | None = None
    dominance: float | None = None
    emotions: dict[str, float] | None = None  # of the voice
    low_confidence: bool | None = None  # of `emotions`
    text_emotions: dict[str, float] | None = None  # of the words
    sentiment: float | None = None  # of the words, by VADER: -1 to 1
    intents: dict[str, float] | None = None
    hint: str | None = None
    available: dict[str, bool] = {}
    emitted_at: float | None = None


class ConversationFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The talk as a whole. Ratios are in [0, 1]; None: there is nothing to take it from, or nobody
    told who speaks."""

    speech_s: float  # somebody speaks
    overlap_s: float | None  # two or more speak
    silence_ratio: float | None
    overlap_ratio: float | None  # of speech
    balance: float | None  # entropy of talk time, 1: all alike
    turns: int | None  # stretches of one speaker, merged over short pauses
    turns_per_min: float | None
    turn_mean_s: float | None
    interruptions: int | None
    successful_interruptions: int | None
    backchannels: int | None
    interruptions_per_min: float | None
    response_latencies: int | None
    response_latency_mean_s: float | None
    response_latency_median_s: float | None
    response_latency_p90_s: float | None
    topic_coherence: float | None


class SpeakerFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One speaker. Counts, sums and means are exact; medians have the error that the operator states.

    None: nobody has measured it.
    """

    speaker: str
    speech_s: float
    share: float | None  # of all talk time
    turns: int
    turn_mean_s: float | None
    turn_longest_s: float | None
    segments: int
    words: int | None
    wpm: float | None  # words over minutes of segments
    wpm_median: float | None
    overlap_s: float
    overlap_ratio: float | None  # of own speech
    interruptions_made: int
    interruptions_won: int  # made, and the other yielded
    interruptions_received: int
    backchannels: int
    response_latency_median_s: float | None
    pauses: int | None
    pause_s: float | None
    pause_ratio: float | None
    fillers: int | None
    repetitions: int | None
    false_starts: int | None
    f0_median_hz: float | None
    f0_iqr_hz: float | None  # median of the segments'
    loudness_dbfs: float | None
    loudness_range_db: float | None
    jitter_pct: float | None
    shimmer_db: float | None
    hnr_db: float | None
    cpps_db: float | None
    valence: float | None
    arousal: float | None
    dominance: float | None
    emotion: str | None  # of most segments
    text_emotions: dict[str, float] | None  # mean of the segments'
    sentiment: float | None


class InterruptionCount(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the matrix of who interrupts whom."""

    interrupter: str
    interrupted: str
    attempted: int  # the other went on
    successful: int


class EnergyWindow(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of the session of fixed length (the last may be shorter)."""

    start_s: float
    end_s: float
    speech_density: float  # share of it in which somebody speaks
    speakers: tuple[str, ...]
    words: int
    loudness_dbfs: float | None  # mean of its segments, by time
    arousal: float | None
    energy: float | None  # arousal by density


class Statistics(_Record, frozen=True, tag="statistics"):
    """Figures of all that began before `at`, under the labels of that moment."""

    at: int
    final: bool
    conversation: ConversationFigures
    speakers: tuple[SpeakerFigures, ...]
    interruptions: tuple[InterruptionCount, ...]
    windows: tuple[EnergyWindow, ...]  # those that closed since the statistics before
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
    dependencies: dict[str, str] = {}  # "ok", or what is wrong with it
    emitted_at: float | None = None


class SessionEnd(_Record, frozen=True, tag="session_end"):
    """Last line of a log that is complete; a log without it is of a session cut short."""

    duration: int  # samples of audio
    damage: str | None = None  # what could not be decoded, in words
    stopped: bool = False  # ended on request, before the source did
    health: dict[str, float | int | None] = {}  # of the recording as it came; see operators.audio.health
    emitted_at: float | None = None


SCHEMA = 2

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
    | Backchannel
    | Envelope
    | SoundEvent
    | Sounds
    | Prosody
    | Affect
    | Statistics
    | Gap
    | SessionEnd
)
