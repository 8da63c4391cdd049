"""Sounds that signal processing alone can state, from the shared transform.

    silence           9 of 10 cells below -60 dBFS
    clipping          1 cell of 20 holds three samples in a row at full scale
    mains_hum_50/_60  a line at 50 or 60 Hz, or at two of its harmonics, 15 dB above what surrounds it
    broadband_noise   a noise floor of -45 dBFS over most of the spectrum that never falls, not between words
    tone              one frequency, above 300 Hz, holds most of the power of every other cell

Each line says what gives a score of 0.5; scores rise from 0 to 1 around that. The floor is the tenth
percentile of each of eight bands over the window (after R. Martin, Noise power spectral density estimation
based on optimal smoothing and minimum statistics, 2001): speech leaves each band now and then, noise never
does. For hum, each harmonic is mixed down to 0 Hz; a cell's sum is one sample of that, so that 100 cells
resolve 1 Hz where the transform itself has bins of 31 Hz.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from operators.audio.stft import BINS, HOP, SIZE, Spectra
from operators.audio.tensor_chunks import Transfers
from operators.sounds.tagger import Floats
from stream_engine.clock import RATE, samples

if TYPE_CHECKING:
    import torch

LABELS = ("silence", "clipping", "mains_hum_50", "mains_hum_60", "broadband_noise", "tone")
SILENT = 1e-6  # mean square: -60 dBFS
FULL_SCALE = 0.99  # what resampling leaves of a clipped sample
EDGES_HZ = (200, 400, 700, 1100, 1700, 2500, 3600, 5200, 7400)  # of the bands of the noise floor
MAINS = {50: (50, 100, 150, 200, 250, 300), 60: (60, 120, 180, 240, 300, 360)}  # Hz; multiples of 10
HARMONICS_HZ = tuple(sorted({*MAINS[50], *MAINS[60]}))
LINE = 1  # Hz on either side that a line may be off
AROUND = slice(4, 21)  # Hz on either side that it is compared with
FAINT_DB = -80.0  # dBFS: a line below this is no hum
TONE_SHARE = 0.8  # of the power of a cell, within 62 Hz on either side
TONE_HZ = 10.0  # that the frequency may stray
LOWEST_BIN = 2  # 62 Hz: what lies below does not count
TONE_BIN = 8  # the lowest five bins for a tone are around 312 Hz: below, there are hum and voices
POWER = 2 / (0.375 * SIZE * SIZE)  # a frame's bins, squared and summed, to mean square (Hann)
BANDS, LINES = slice(4, 4 + len(EDGES_HZ) - 1), slice(4 + len(EDGES_HZ) - 1, None)


class SignalTagger:
    """See above. Windows of 1 s each 0.25 s, so that what is short is in several of them."""

    name = "signal"
    labels = LABELS
    noise = frozenset(LABELS) - {"silence"}
    speech: frozenset[str] = frozenset()
    window, hop, batch = samples(1.0), samples(0.25), 4

    def __init__(self, *, transfers: Transfers | None = None) -> None:
        self._transfers = transfers or Transfers()
        self._tables: tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None = None

    def features(self, spectra: Spectra) -> torch.Tensor:
        """Of each cell: mean square, clipped or not, strongest frequency and its share, bands, lines."""
        import torch

        device = spectra.samples.device
        if self._tables is None or self._tables[0].device != device:
            self._tables = _tables(device)
        bands, mixers, turns = self._tables
        cells = spectra.samples.reshape(-1, HOP)
        power = spectra.spectrum.real.square() + spectra.spectrum.imag.square()
        strongest, frequency = _strongest(power)
        lines = (cells @ mixers).reshape(len(cells), -1, 2)
        first = spectra.start // HOP
        turn = turns[torch.arange(first, first + len(cells), device=device) % len(turns)]
        lines = torch.view_as_complex(lines) * turn
        columns = [cells.square().mean(1), _clipped(cells), frequency, strongest]
        return torch.cat(
            (torch.stack(columns, 1), power @ bands, torch.view_as_real(lines).reshape(len(cells), -1)), 1
        )

    def scores(self, windows: torch.Tensor) -> Floats:
        values = self._transfers.download(windows).astype(np.float64)
        level, clipped, frequency, share = np.moveaxis(values[..., :4], 2, 0)
        steady = np.abs(frequency - np.median(frequency, 1, keepdims=True)) <= TONE_HZ
        tone = steady & (share >= TONE_SHARE) & (level >= SILENT)
        fifty, sixty = _hum(values[..., LINES])
        scores = (
            _ramp((level < SILENT).mean(1), 0.8, 1.0),
            _ramp(clipped.mean(1), 0.0, 0.1),
            fifty,
            sixty,
            _ramp(_floor_db(values[..., BANDS]), -55.0, -35.0),
            tone.mean(1),
        )
        return np.stack(scores, 1).astype(np.float32)


def _tables(device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Bands [BINS, bands], mixers [HOP, 2 * lines], and the mixers' turn at each of ten cells [10, lines]."""
    import torch

    hertz = np.arange(BINS) * RATE / SIZE
    edges = np.array(EDGES_HZ)
    bands = (hertz[:, None] >= edges[:-1]) & (hertz[:, None] < edges[1:])
    phase = 2 * np.pi * np.arange(HOP)[:, None] * np.array(HARMONICS_HZ) / RATE
    mixers = np.stack((np.cos(phase), -np.sin(phase)), 2).reshape(HOP, -1) / HOP
    turns = np.exp(-2j * np.pi * np.arange(10)[:, None] * np.array(HARMONICS_HZ) * HOP / RATE)
    return (
        torch.tensor(bands * POWER, dtype=torch.float32, device=device),
        torch.tensor(mixers, dtype=torch.float32, device=device),
        torch.tensor(turns, dtype=torch.complex64, device=device),
    )


def _strongest(power: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The share of the five neighbouring bins that hold most, and the mean frequency of their power in Hz."""
    import torch

    audible = power[:, LOWEST_BIN:].sum(1).clamp(min=1e-20)
    power = power[:, TONE_BIN:]
    most, at = power.unfold(1, 5, 1).sum(2).max(1)
    offset = torch.arange(5, device=power.device)
    near = power.gather(1, at[:, None] + offset)
    middle = (near * offset).sum(1) / most.clamp(min=1e-20) + at + TONE_BIN
    return most / audible, middle * (RATE / SIZE)


def _clipped(cells: torch.Tensor) -> torch.Tensor:
    """1 where a cell holds three samples in a row at full scale."""
    high = cells.abs() >= FULL_SCALE
    return (high[:, 2:] & high[:, 1:-1] & high[:, :-2]).any(1).float()


def _floor_db(bands: NDArray[np.float64]) -> NDArray[np.float64]:
    """[windows, cells, bands] -> dBFS that all bands would hold if all were as the middle one of them."""
    cells = bands.shape[1]
    floor = np.partition(bands, cells // 10, axis=1)[:, cells // 10]
    return 10 * np.log10(np.maximum(np.median(floor, 1) * bands.shape[2], 1e-14))


def _hum(lines: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """[windows, cells, 2 * lines] -> a score for 50 Hz and one for 60 Hz."""
    series = lines[..., ::2] + 1j * lines[..., 1::2]
    cells = series.shape[1]
    if cells < RATE // HOP:  # shorter than a second: no resolution
        return [np.zeros(len(lines))] * 2
    hann = np.hanning(cells + 1)[:cells, None]
    spectrum = np.abs(np.fft.fft(series * hann, axis=1)) ** 2
    hertz = np.abs(np.fft.fftfreq(cells, HOP / RATE))
    line = spectrum[:, hertz <= LINE].sum(1)
    near = (hertz >= AROUND.start) & (hertz < AROUND.stop)
    around = np.median(spectrum[:, near], 1) / np.log(2) * np.count_nonzero(hertz <= LINE)
    above = 10 * np.log10(np.maximum(line, 1e-20) / np.maximum(around, 1e-20))
    level = 10 * np.log10(np.maximum(4 * line / (0.375 * cells**2) / 2, 1e-20))
    above = np.where(level >= FAINT_DB, above, 0.0)
    scores: list[NDArray[np.float64]] = []
    for mains, hertz_of in MAINS.items():
        own = above[:, [HARMONICS_HZ.index(one) for one in hertz_of]]
        second = np.sort(own, 1)[:, -2]
        scores.append(_ramp(np.maximum(own[:, hertz_of.index(mains)], second), 10.0, 20.0))
    return scores


def _ramp(value: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    return ((value - low) / (high - low)).clip(0.0, 1.0)
