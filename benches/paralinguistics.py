"""What it costs to put the figures of text and sound of each segment together.

A made-up hour: a segment of 12 words every 4 s, frames of 10 ms in blocks of half a second, watermarks of
text. Measured: CPU seconds of the text alone; of text and assembly without voice quality; with it, on the
audio of a real reading; the size of the state, and the memory held. Bar: text and assembly 1000 × real
time on one core, with voice quality 40 ×. Beside it: the same words through syllapy.

    python -m benches.paralinguistics
"""

# pyright: reportMissingImports=false
# (what it compares with comes with the extra `bench`)

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import HOP, Stft
from operators.prosody.filler_list import packaged_fillers
from operators.prosody.frames import FrameFeatures, ProsodyFrames
from operators.prosody.paralinguistics import Paralinguistics
from operators.prosody.spoken_words import spoken_words
from operators.prosody.syllables import syllables
from operators.prosody.text_figures import text_figures
from stream_engine.clock import RATE, samples
from stream_engine.events import Prosody, Segment, Watermark
from stream_engine.testing import chunked, run

HOUR_S = 3600
LENGTH_S = 4
BLOCK = 50  # frames
TEXTS = (
    "It was the best of times, it was the worst of times,",
    "so, um, we wanted to -- we should, you know, go to the the harbour again.",
    "There were 25 people in the meeting, and nobody had read the specification.",
)


def reading() -> NDArray[np.float32]:
    """[frames], 44 s of real speech that comes inside a package."""
    from tests.speech import READING
    from tests.spoken import decoded

    return decoded(Path(READING))


def segments() -> list[Segment]:
    return [
        Segment(
            id=i,
            revision=0,
            final=True,
            start=samples(i * LENGTH_S),
            end=samples(i * LENGTH_S + LENGTH_S - 0.3),
            speaker="A",
            text=TEXTS[i % len(TEXTS)] + f" number {i}",
            words=None,
        )
        for i in range(HOUR_S // LENGTH_S)
    ]


def frames_of(audio: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """The columns of its frames."""
    found: list[ProsodyFrames] = run(FrameFeatures(), run(Stft(), chunked(audio, [RATE] * 60)))
    return [np.concatenate([item[1 + column] for item in found]) for column in range(5)]


def stream(columns: list[NDArray[np.float32]]) -> Iterator[Any]:
    """An hour of frames (a reading, over and over), each segment 2 s after its end, then its watermark."""
    texts, count = iter(segments()), len(columns[0]) // BLOCK
    segment = next(texts)
    for block in range(HOUR_S * 100 // BLOCK):
        at = block % count * BLOCK
        start = block * BLOCK * HOP
        yield ProsodyFrames(start, *(column[at : at + BLOCK] for column in columns))
        if segment.end + samples(2) <= start:
            yield segment
            yield Watermark(source="text", at=segment.end)
            segment = next(texts, segment)


def timed(work: Callable[[], Any], repeats: int) -> float:
    """Median CPU seconds."""
    times: list[float] = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        times.append(time.process_time() - began)
    return median(times)


def measure() -> dict[str, Any]:
    import syllapy

    fillers, texts, audio = packaged_fillers(), segments(), reading()
    columns = frames_of(audio)
    items = list(stream(columns))
    period = len(columns[0]) // BLOCK * BLOCK * HOP

    def view(start: int, end: int) -> NDArray[np.float32]:
        return audio[start % period : start % period + end - start]

    def assembled(voice: bool) -> int:
        operator = Paralinguistics(audio=view, voice=voice, language="en", fillers=fillers)
        return sum(isinstance(item, Prosody) for item in run(operator, items))

    def text_only() -> None:
        syllables.cache_clear()
        for one in texts:
            text_figures(one.text, LENGTH_S, language="en", fillers=fillers)

    words = [word for one in texts for word in spoken_words(one.text, language="en")]

    def ours() -> None:
        syllables.cache_clear()
        for word in words:
            syllables(word)

    described = assembled(voice=False)
    text_s, both_s, voice_s = (
        timed(text_only, 7),
        timed(lambda: assembled(False), 5),
        timed(lambda: assembled(True), 3),
    )
    return {
        "segments": described,
        "text_us_per_segment": text_s / described * 1e6,
        "text_and_assembly_us_per_segment": both_s / described * 1e6,
        "text_and_assembly_times_real_time": HOUR_S / both_s,
        "with_voice_us_per_segment": voice_s / described * 1e6,
        "with_voice_times_real_time": HOUR_S / voice_s,
        "syllables_us_per_word": timed(ours, 7) / len(words) * 1e6,
        "syllapy_us_per_word": timed(lambda: [syllapy.count(word) for word in words], 7) / len(words) * 1e6,
        **memory(items, view, fillers),
    }


def memory(items: list[Any], view: Callable[[int, int], NDArray[np.float32]], fillers: Any) -> dict[str, Any]:
    """The largest state in the hour, and what the operator holds beside it."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    operator, largest = Paralinguistics(audio=view, voice=False, language="en", fillers=fillers), 0
    for number, item in enumerate(items):
        for _ in operator.feed(item):
            pass
        if number % 200 == 0:
            largest = max(largest, len(msgspec.msgpack.encode(operator.state)))
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    return {"largest_state_bytes": largest, "held_at_the_end_bytes": held}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
