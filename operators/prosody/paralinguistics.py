"""How each final segment is said: its text's figures, and those of the audio's frames under it.

    frames   ─────────────────────────────►        the columns know the audio up to here
    text     [s1] [s2]  mark  [s3]                 what came of recognition, in its order
    out      [s1] P1 [s2] P2  mark                 s3 waits for the frames up to its end

Columns are forgotten up to the watermark of text, before which no segment will begin any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import HOP
from operators.prosody.columns import ColumnsState, FrameColumns
from operators.prosody.filler_list import Fillers
from operators.prosody.frame_statistics import FrameStatistics, frame_statistics
from operators.prosody.frames import ProsodyFrames
from operators.prosody.spoken_words import has_words
from operators.prosody.text_figures import text_figures
from operators.prosody.voice_quality import VoiceQuality, voice_quality
from stream_engine.clock import RATE, seconds
from stream_engine.events import Language, Prosody, Rejected, Segment, Watermark
from stream_engine.operator import Operator

TEXT = "text"  # the source of the watermarks that go with segments
Text = Segment | Rejected | Language | Watermark
NO_FRAMES = "pitch, level, pauses: no audio"
VOICE = ("jitter_pct", "shimmer_db", "hnr_db", "cpps_db")
APART = "pitch, level, pauses, voice: not measured where channels are kept apart"
TOO_LATE = "pitch, level, pauses: the text came when the audio's frames were no longer kept"


class ParalinguisticsState(msgspec.Struct, frozen=True):
    """The frames that are kept, the text that waits for frames, and the language as of what has left."""

    columns: ColumnsState
    waiting: tuple[Segment | Rejected | Language | Watermark, ...]
    language: str | None


class Paralinguistics(Operator[Any, Any]):
    """Frames of prosody and events, merged in any order, to the events and the prosody of each final segment.

    A final segment with words is followed at once by its `Prosody`; both go out when the frames up to its end
    are there, or at the end of the stream. What comes of recognition (segments, rejected speech, languages,
    watermarks of "text") keeps its order; everything else passes at once. Of a segment without words no
    audio is touched. What is said of a segment does not depend on how the streams were merged, unless its
    text comes more than `memory_s` after its audio: then it is that of the text alone, and a note says so.

    Args:
        audio: `audio(start, end)` gives those samples as far as there are any, [frames] float32 at 16 kHz,
            not changed; asked for voice quality only.
        sound: Whether there are frames; without, text is described at once, by itself.
        voice: Whether to measure voice quality.
        language: What is spoken until a `Language` says otherwise; None: not known.
        fillers: Lists by language code (`filler_list`).
        pause_min_ms: The shortest pause.
        long_pause_ms: The shortest long one.
        memory_s: How far text may be behind the audio.
    """

    def __init__(
        self,
        *,
        audio: Callable[[int, int], NDArray[np.float32]],
        sound: bool = True,
        voice: bool = True,
        language: str | None = None,
        fillers: Mapping[str, Fillers],
        pause_min_ms: int = 200,
        long_pause_ms: int = 600,
        memory_s: float = 3600.0,
        state: ParalinguisticsState | None = None,
    ) -> None:
        if not 0 < pause_min_ms <= long_pause_ms:
            raise ValueError(
                f"pause_min_ms={pause_min_ms}, long_pause_ms={long_pause_ms}: want 0 < pause <= long pause"
            )
        self._audio = audio
        self._sounds = sound
        self._voice = voice
        self._fillers = fillers
        self._pause_ms = (pause_min_ms, long_pause_ms)
        self._memory = round(memory_s * RATE)
        self._columns = FrameColumns(state=state.columns if state else None)
        self._waiting: deque[Text] = deque(state.waiting if state else ())
        self._language = state.language if state else language

    @property
    def state(self) -> ParalinguisticsState:
        return ParalinguisticsState(self._columns.state, tuple(self._waiting), self._language)

    def feed(self, item: Any, /) -> Iterator[Any]:
        match item:
            case ProsodyFrames():
                self._columns.add(item)
                self._columns.forget(self._columns.end - self._memory)
                yield from self._release()
            case Segment() | Rejected() | Language() | Watermark(source="text"):
                self._waiting.append(item)
                yield from self._release()
            case _:
                yield item

    def flush(self) -> Iterator[Any]:
        while self._waiting:
            yield from self._given(self._waiting.popleft())

    def _release(self) -> Iterator[Any]:
        while self._waiting and self._heard(self._waiting[0]):
            yield from self._given(self._waiting.popleft())

    def _heard(self, item: Text) -> bool:
        """Whether nothing has to be waited for."""
        if not (self._sounds and isinstance(item, Segment) and _described(item)):
            return True
        return item.end <= self._columns.end

    def _given(self, item: Text) -> Iterator[Any]:
        yield item
        match item:
            case Language():
                self._language = item.code
            case Watermark():
                self._columns.forget(item.at)
            case Segment() if _described(item):
                yield self._prosody(item)
            case _:
                pass

    def _prosody(self, segment: Segment) -> Prosody:
        said = text_figures(
            segment.text,
            seconds(segment.end - segment.start),
            language=self._language,
            fillers=self._fillers,
        )
        figures: dict[str, Any] = msgspec.structs.asdict(said)
        notes = list(said.notes)
        frames = self._columns.slice(segment.start, segment.end)
        if not self._sounds:
            notes.append(APART)
        elif segment.start + HOP // 2 <= self._columns.start or not frames.frames:
            notes.append(TOO_LATE if segment.start < self._columns.start else NO_FRAMES)
        else:
            sound = self._sound(frames)
            figures |= msgspec.structs.asdict(sound)
            if sound.f0_median_hz is None:
                notes.append("pitch: hardly voiced")
            voice = self._voice_quality(frames)
            if voice.reason is not None:
                notes.append(voice.reason)
            figures |= {name: getattr(voice, name) for name in VOICE}
            figures["voice_reliable"] = voice.reliable
        figures["notes"] = tuple(notes)
        return Prosody(
            segment=segment.id, start=segment.start, end=segment.end, speaker=segment.speaker, **figures
        )

    def _sound(self, frames: ProsodyFrames) -> FrameStatistics:
        pause_min_ms, long_pause_ms = self._pause_ms
        return frame_statistics(frames, pause_min_ms=pause_min_ms, long_pause_ms=long_pause_ms)

    def _voice_quality(self, frames: ProsodyFrames) -> VoiceQuality:
        if not self._voice:
            return VoiceQuality(reason="voice: not asked for")
        return voice_quality(self._audio(frames.start, frames.end), frames.f0_hz)


def _described(segment: Segment) -> bool:
    """Whether it gets a `Prosody`."""
    return segment.final and has_words(segment.text)
