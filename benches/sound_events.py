"""Sound events from signals alone, and their join with segments: time, and against what they replace.

Bars: transform, tagger and state machine at 400 x real time on one core; the join grows as N log N, and at
16k segments is 100 x as fast as the loop over all pairs.

`whole file` is what a user would write with scipy: the same six definitions over an array that is all there
(spectrogram, percentiles of bands, lines of 1 s windows, median filter, hysteresis), the whole spectrogram in
memory. The old pipeline's own way, PANNs' CNN14, is not measured: its weights are not here.

    python -m benches.sound_events
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.timeline.sound_join import SoundJoin
from operators.timeline.sound_overlaps import sound_overlaps
from stream_engine.clock import MILLISECOND, RATE
from stream_engine.events import Segment, SoundEvent, Watermark

SECONDS = 600
CHUNKS_S = (0.1, 1.0, 10.0)
SIZES = (1_000, 4_000, 16_000, 64_000)
PAIRS_UP_TO = 16_000  # the loop over all pairs would take minutes beyond
LABELS = ("silence", "tone", "broadband_noise", "Music", "Applause")


def timed(run: Callable[[], Any], repeats: int) -> float:
    """Median CPU seconds of one thread."""
    times: list[float] = []
    for _ in range(repeats):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return median(times)


def recording() -> NDArray[np.float32]:
    """Ten minutes: bursts of noise as loud as speech, over a floor, with tones and hum in between."""
    chance = np.random.default_rng(2)
    times = np.arange(SECONDS * RATE) / RATE
    speech = chance.standard_normal(len(times)) * 0.05 * (np.sin(2 * np.pi * 2.7 * times) > 0)
    audio = speech + chance.standard_normal(len(times)) * 0.001
    audio += 0.1 * np.sin(2 * np.pi * 1000 * times) * (times % 60 > 55)
    audio += 0.02 * np.sin(2 * np.pi * 50 * times) * (times % 90 > 60)
    return audio.astype(np.float32)


def streamed(audio: NDArray[np.float32], chunk_s: float) -> list[SoundEvent]:
    from operators.audio.stft import Stft
    from operators.sounds.signal_tagger import SignalTagger
    from operators.sounds.sound_events import SoundEvents
    from stream_engine.operator import chain
    from stream_engine.testing import chunked, run

    engine = chain(Stft(), SoundEvents(tagger=SignalTagger()))
    size = round(chunk_s * RATE)
    out = run(engine, chunked(audio, [size] * (len(audio) // size + 1)))
    return [item for item in out if isinstance(item, SoundEvent)]


def whole_file(audio: NDArray[np.float32]) -> list[tuple[str, int, int]]:
    """The definitions of `signal_tagger` in numpy and scipy, windows as rows."""
    from scipy.ndimage import median_filter
    from scipy.signal import stft

    from operators.sounds import signal_tagger as of

    _, _, spectrum = stft(audio, RATE, nperseg=of.SIZE, noverlap=of.SIZE - of.HOP, scaling="spectrum")
    power = np.abs(spectrum.T) ** 2
    cells = len(audio) // of.HOP
    blocks, power = audio[: cells * of.HOP].reshape(cells, of.HOP), power[:cells]
    hertz = np.arange(of.BINS) * RATE / of.SIZE
    bands = np.stack(
        [
            power[:, (hertz >= low) & (hertz < high)].sum(1)
            for low, high in zip(of.EDGES_HZ[:-1], of.EDGES_HZ[1:], strict=True)
        ],
        1,
    )
    level = (blocks**2).mean(1)
    high = np.abs(blocks) >= of.FULL_SCALE
    clipped = np.any(high[:, 2:] & high[:, 1:-1] & high[:, :-2], axis=1)
    peak = power[:, of.TONE_BIN :].argmax(1) + of.TONE_BIN
    share = sum(power[np.arange(cells), np.clip(peak + k, 0, of.BINS - 1)] for k in (-2, -1, 0, 1, 2))
    share = share / power[:, of.LOWEST_BIN :].sum(1)
    rows: list[list[float]] = []
    for first in range(0, cells - 99, 25):
        window = slice(first, first + 100)
        lines = np.abs(np.fft.rfft(blocks[window].ravel() * np.hanning(RATE))[:400]) ** 2
        above = [
            10 * np.log10(lines[f - 1 : f + 2].sum() / (np.median(lines[f + 4 : f + 21]) * 4.3 + 1e-20))
            for f in of.HARMONICS_HZ
        ]
        floor = np.median(np.percentile(bands[window], 10, axis=0)) * 8
        rows.append(
            [
                (level[window] < of.SILENT).mean() * 5 - 4,
                clipped[window].mean() * 10,
                (max(above[0], sorted(above)[-2]) - 10) / 10,
                (max(above[1], sorted(above)[-2]) - 10) / 10,
                (10 * np.log10(floor + 1e-14) + 55) / 20,
                float(((share[window] > 0.8) & (np.abs(peak[window] - np.median(peak[window])) < 1)).mean()),
            ]
        )
    smooth = median_filter(np.array(rows), size=(5, 1), mode="nearest")
    events: list[tuple[str, int, int]] = []
    for label, column in zip(of.LABELS, smooth.T, strict=True):
        start = None
        for row, score in enumerate([*column, 0.0]):
            if start is None and score >= 0.5:
                start = row
            elif start is not None and score <= 0.35:
                events.append((label, start, row))
                start = None
    return events


def signals() -> dict[str, Any]:
    import torch

    from operators.audio.stft import Stft
    from operators.sounds.signal_tagger import SignalTagger
    from operators.sounds.sound_events import SoundEvents
    from stream_engine.testing import chunked, run

    torch.set_num_threads(1)
    audio = recording()
    scipy_s = timed(lambda: whole_file(audio), 3)
    rows: list[dict[str, float]] = []
    for chunk_s in CHUNKS_S:
        size = round(chunk_s * RATE)
        spectra = run(Stft(), chunked(audio, [size] * (len(audio) // size + 1)))
        all_s = timed(lambda chunk_s=chunk_s: streamed(audio, chunk_s), 5)
        own_s = timed(lambda spectra=spectra: run(SoundEvents(tagger=SignalTagger()), spectra), 5)
        rows.append(
            {
                "chunk_s": chunk_s,
                "with_transform_x_real_time": SECONDS / all_s,
                "tagger_and_events_x_real_time": SECONDS / own_s,
                "whole_file_over_with_transform": scipy_s / all_s,
            }
        )
    return {
        "seconds": SECONDS,
        "events": len(streamed(audio, 1.0)),
        "whole_file_x_real_time": SECONDS / scipy_s,
        "whole_file_events": len(whole_file(audio)),
        "streamed": rows,
    }


def state_machine() -> dict[str, float]:
    """527 classes, a row each half second, most of them silent: what a neural tagger's scores cost."""
    from operators.sounds.event_detector import EventDetector
    from operators.sounds.event_rules import EventRules

    chance = np.random.default_rng(4)
    scores = chance.random((7200, 527)) * 0.3
    for start in range(0, 7200, 20):
        scores[start : start + 12, chance.integers(0, 527, 4)] = 0.8
    labels = tuple(map(str, range(527)))

    def run() -> int:
        detector = EventDetector(labels=labels, source="bench", rules=EventRules())
        count = 0
        for at in range(0, 7200, 16):
            ends = [(at + row + 1) * RATE // 2 for row in range(16)]
            count += len(detector.feed(scores[at : at + 16], ends))
        return count + len(detector.flush(3600 * RATE))

    return {"audio_s": 3600.0, "events": run(), "x_real_time": 3600 / timed(run, 3)}


def session(size: int) -> tuple[list[Segment], list[SoundEvent]]:
    """As many segments as events, of 2 to 6 s each 3 s; one event in 50 is minutes long."""
    chance = random.Random(size)
    segments: list[Segment] = []
    events: list[SoundEvent] = []
    for index in range(size):
        at = index * 3000 + chance.randint(0, 1000)
        end = at + chance.randint(2000, 6000)
        segments.append(
            Segment(
                id=index, revision=0, final=True, start=at * MILLISECOND, end=end * MILLISECOND,
                speaker="A", text="so", words=None,
            )
        )  # fmt: skip
        long = index % 50 == 0
        end = at + (chance.randint(60_000, 300_000) if long else chance.randint(500, 8000))
        label = "Music" if long else LABELS[index % len(LABELS)]
        events.append(
            SoundEvent(id=index, start=at * MILLISECOND, end=end * MILLISECOND, label=label, score=0.75)
        )
    return segments, events


def pair_loop(segments: list[Segment], events: list[SoundEvent]) -> int:
    """Each segment with each event."""
    found = 0
    for segment in segments:
        weights: dict[str, float] = {}
        for event in events:
            shared = min(segment.end, event.end) - max(segment.start, event.start)
            if shared > 0:
                weights[event.label] = weights.get(event.label, 0.0) + shared * event.score
        found += len(weights)
    return found


def on_arrays(segments: list[Segment], events: list[SoundEvent]) -> int:
    """From the same lists, the making of the arrays included."""
    rows = np.array([(s.start, s.end) for s in segments], np.int64).T
    code = {label: index for index, label in enumerate(LABELS)}
    columns = np.array([(e.start, e.end, code[e.label]) for e in events], np.int64).T
    scores = np.array([e.score for e in events])
    found = sound_overlaps(
        *rows, event_start=columns[0], event_end=columns[1], score=scores, label=columns[2]
    )
    return len(found.interval)


def merged(segments: list[Segment], events: list[SoundEvent]) -> list[Any]:
    """As a session merges them: an event when it has ended, a segment 5 s after it was said."""
    items: list[tuple[int, int, Any]] = []
    ending = sorted(events, key=lambda event: event.end)
    begins = np.minimum.accumulate([event.start for event in reversed(ending)])[::-1].tolist()
    for place, event in enumerate(ending):
        following = begins[place + 1] if place + 1 < len(begins) else event.end
        items += [
            (event.end, 0, event),
            (event.end, 1, Watermark(source="sounds", at=min(following, event.end))),
        ]
    for segment in segments:
        later = segment.end + 5 * RATE
        items += [(later, 2, segment)]
        items += [(later, 3, Watermark(source=name, at=segment.start)) for name in ("diarizer", "text")]
    return [item for *_, item in sorted(items, key=lambda row: row[:2])]


def join() -> list[dict[str, float]]:
    from stream_engine.testing import run

    rows: list[dict[str, float]] = []
    for size in SIZES:
        segments, events = session(size)
        items = merged(segments, events)
        repeats = max(1, min(7, 32_000 // size))
        operator_s = timed(lambda items=items: run(SoundJoin(), items), repeats)
        arrays_s = timed(lambda s=segments, e=events: on_arrays(s, e), max(3, repeats))
        row = {
            "segments": size,
            "events": size,
            "operator_s": operator_s,
            "operator_us_per_segment": operator_s / size * 1e6,
            "arrays_s": arrays_s,
            "arrays_us_per_segment": arrays_s / size * 1e6,
        }
        if size <= PAIRS_UP_TO:
            pairs_s = timed(lambda s=segments, e=events: pair_loop(s, e), 1)
            row |= {
                "pair_loop_s": pairs_s,
                "pair_loop_over_operator": pairs_s / operator_s,
                "pair_loop_over_arrays": pairs_s / arrays_s,
            }
        rows.append(row)
    return rows


def measure() -> dict[str, Any]:
    return {"signals": signals(), "state_machine_527_classes": state_machine(), "join": join()}


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
