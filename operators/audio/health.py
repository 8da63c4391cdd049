"""How sound the recording is, measured on what ffmpeg delivers before anything is done to it.

Levels are taken over frames of 20 ms, all channels together, and kept as bounded histograms, so that hours
cost no memory. Definitions follow the analyser that came before (silence, signal-to-noise, dynamic range);
clipping is measured on the raw samples, which its limiter made impossible. Silence and signal-to-noise are
those of a frame without its mean: a constant offset is no sound, and would be taken for noise.

Where ffmpeg resamples (`--resample ffmpeg`), it delivers 16 kHz mono, and that is what is measured: a
stereo recording clipped in one channel shows less. Measuring the native samples inside ffmpeg was tried:
over a 3 h MP3, `asplit, volumedetect` takes 15 % more time and knows tenths of a decibel only, `astats`
takes 240 % more. `rate` and `channels` in the summary say what was measured.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.events import SourceChunk
from stream_engine.state import Array

CLIPPED = 0.999  # of full scale
CLIPPED_RUN = 3  # so many in a row are a run: a lone peak is no clipping
SILENT = 0.001  # -60 dBFS
LARGEST = 1e9  # beyond this, and where it is no number, a sample is rubbish, and its square no float
FRAME_S = 0.02
FLOOR_DB = -140.0  # a frame of digital silence
STEP_DB = 0.1
BINS = 2000  # -140 to +60 dB
MAGNITUDE_STRIDE = 8  # every eighth sample of a channel goes into the histogram of magnitudes


class HealthSummary(msgspec.Struct, frozen=True, kw_only=True):
    """Levels in dB re full scale; None: nothing to measure, or pure digital silence."""

    rate: int  # Hz, of what was measured
    channels: int
    duration_s: float
    peak: float  # the largest magnitude
    clipped_samples: int  # at or above 0.999
    clipped_runs: int  # of three or more in a row, in one channel
    dc_offset: float
    rms_db: float | None
    silence_ratio: float  # samples below 0.001, without the mean of their frame
    snr_db: float | None  # mean frame energy over its 10th percentile, both without the mean of the frame
    dynamic_range_db: float | None  # 95th over 5th percentile of the magnitudes
    nan_or_inf: int  # samples that were no number, or absurd (above 1e9), and were set to 0


class HealthState(msgspec.Struct):
    """Memory between two chunks."""

    rate: int = 0
    channels: int = 0
    frames: int = 0
    peak: float = 0.0
    clipped: int = 0
    runs: int = 0
    total: float = 0.0
    energy: float = 0.0
    swing: float = 0.0  # the energy without the means of the frames
    silent: int = 0
    not_numbers: int = 0
    open_runs: tuple[int, ...] = ()  # per channel: clipped samples in a row, up to now
    rest: Array | None = None  # [frames < 20 ms, channels]: a frame that is not whole yet
    energies: Array | None = None  # [BINS]: frames per level
    magnitudes: Array | None = None  # [32768]: samples per magnitude (the upper half of the float)


class Health:
    """Passes audio through, with what is no number set to 0, and measures it on the way; see `summary`.

    Shape: `[frames, channels]`, unchanged. Lookahead: none.
    """

    def __init__(self, *, state: HealthState | None = None) -> None:
        self._state = msgspec.structs.replace(state) if state else HealthState()
        state = self._state
        self._rest = state.rest.numpy() if state.rest else np.zeros((0, 1), np.float32)
        self._energies = state.energies.numpy() if state.energies else np.zeros(BINS, np.int64)
        self._magnitudes = state.magnitudes.numpy() if state.magnitudes else np.zeros(1 << 15, np.int64)

    @property
    def state(self) -> HealthState:
        return msgspec.structs.replace(
            self._state,
            rest=Array.of(self._rest),
            energies=Array.of(self._energies),
            magnitudes=Array.of(self._magnitudes),
        )

    def feed(self, item: SourceChunk, /) -> Iterator[SourceChunk]:
        state = self._state
        samples = item.samples
        if not state.rate:
            state.rate, state.channels = item.rate, samples.shape[1]
            state.open_runs = (0,) * state.channels
            self._rest = np.zeros((0, state.channels), np.float32)
        if samples.size:
            high, low = float(samples.max()), float(samples.min())
            if not (high <= LARGEST and low >= -LARGEST):
                wrong = ~(np.abs(samples) <= LARGEST)
                state.not_numbers += int(np.count_nonzero(wrong))
                samples = np.where(wrong, np.float32(0), samples)
                item = SourceChunk(start=item.start, rate=item.rate, samples=samples)
                high, low = float(samples.max()), float(samples.min())
            state.peak = max(state.peak, high, -low)
            if max(high, -low) >= CLIPPED or any(state.open_runs):
                self._count_clipped(samples)
            self._measure_whole_frames(samples)
        yield item

    def flush(self) -> Iterator[SourceChunk]:
        if len(self._rest):
            self._measure(self._rest[None])
            self._rest = self._rest[:0]
        return iter(())

    def _measure_whole_frames(self, samples: NDArray[np.float32]) -> None:
        size = max(1, round(FRAME_S * self._state.rate))
        if len(self._rest):
            missing = size - len(self._rest)
            self._rest = np.concatenate((self._rest, samples[:missing]))
            samples = samples[missing:]
            if len(self._rest) < size:
                return
            self._measure(self._rest[None])
        whole = len(samples) // size * size
        if whole:
            self._measure(samples[:whole].reshape(-1, size, samples.shape[1]))
        self._rest = samples[whole:].copy()

    def _measure(self, frames: NDArray[np.float32]) -> None:
        """frames: [frames, samples, channels]"""
        state = self._state
        flat = frames.reshape(len(frames), -1)
        means = frames.mean(axis=1, keepdims=True)
        swings = (frames - means).reshape(flat.shape)
        energies = np.einsum("ij,ij->i", swings, swings).astype(np.float64)
        state.total += float(means.sum(dtype=np.float64)) * frames.shape[1]
        state.energy += float(np.einsum("ij,ij->i", flat, flat).sum(dtype=np.float64))
        state.swing += float(energies.sum())
        state.silent += int(np.count_nonzero(np.abs(swings) < SILENT))
        state.frames += frames.shape[0] * frames.shape[1]
        levels = 10 * np.log10(np.maximum(energies / flat.shape[1], 1e-14))
        bins = ((levels - FLOOR_DB) / STEP_DB).astype(np.int64).clip(0, BINS - 1)
        self._energies += np.bincount(bins, minlength=BINS)
        # Sign, exponent and 7 bits of mantissa are the upper half of a float: steps of under 0.07 dB.
        upper = frames[:, ::MAGNITUDE_STRIDE].copy().view(np.uint32) >> 16 & 0x7FFF
        self._magnitudes += np.bincount(upper.ravel(), minlength=1 << 15)

    def _count_clipped(self, samples: NDArray[np.float32]) -> None:
        state = self._state
        open_runs: list[int] = []
        for channel in range(state.channels):
            hit = np.abs(samples[:, channel]) >= CLIPPED
            state.clipped += int(np.count_nonzero(hit))
            edges = np.flatnonzero(np.diff(hit, prepend=False, append=False))
            begins, ends = edges[::2], edges[1::2]
            before = state.open_runs[channel]
            lengths = ends - begins
            carried = np.zeros_like(lengths)
            if before and len(begins) and begins[0] == 0:
                carried[0] = before
            # A run that was long enough before has been counted already.
            state.runs += int(np.count_nonzero((lengths + carried >= CLIPPED_RUN) & (carried < CLIPPED_RUN)))
            last = len(ends) > 0 and ends[-1] == len(hit)
            open_runs.append(int(lengths[-1] + carried[-1]) if last else 0)
        state.open_runs = tuple(open_runs)

    @property
    def summary(self) -> HealthSummary:
        """What was measured so far; complete after `flush`."""
        state = self._state
        count = max(1, state.frames * state.channels)
        energy, swing = state.energy / count, state.swing / count
        quiet = _percentile(self._energies, 10)
        low, high = _percentile(self._magnitudes, 5), _percentile(self._magnitudes, 95)
        mean_db = 10 * float(np.log10(energy)) if energy > 0 else None
        swing_db = 10 * float(np.log10(swing)) if swing > 0 else None
        noise_db = FLOOR_DB + (quiet + 0.5) * STEP_DB
        loud, soft = _magnitude(high), _magnitude(low)
        return HealthSummary(
            rate=state.rate,
            channels=state.channels,
            duration_s=round(state.frames / state.rate, 3) if state.rate else 0.0,
            peak=state.peak,
            clipped_samples=state.clipped,
            clipped_runs=state.runs,
            dc_offset=round(state.total / count, 6),
            rms_db=None if mean_db is None else round(mean_db, 2),
            silence_ratio=round(state.silent / count, 4),
            snr_db=None if swing_db is None or quiet == 0 else round(swing_db - noise_db, 1) + 0.0,
            dynamic_range_db=round(20 * float(np.log10(loud / soft)), 1) if soft > 0 else None,
            nan_or_inf=state.not_numbers,
        )


def _percentile(histogram: NDArray[np.int64], percent: int) -> int:
    """The bin that holds it."""
    return int(np.searchsorted(np.cumsum(histogram), histogram.sum() * percent / 100))


def _magnitude(upper: int) -> float:
    """The middle of the magnitudes that share these upper bits; 0 for the bin of zero."""
    return float(np.array([upper << 16 | 0x8000], np.uint32).view(np.float32)[0]) if upper else 0.0
