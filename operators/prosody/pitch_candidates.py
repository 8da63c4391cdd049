"""Candidates of the fundamental frequency of each frame, for all frames of a batch at once.

Boersma (1993), Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of
a sampled sound: the autocorrelation of a windowed frame, divided by that of the window, peaks at the period;
the height of the peak is the share of the frame's power that repeats. Praat's "To Pitch (ac)" does the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from operators.audio.stft import HOP
from stream_engine.clock import RATE

if TYPE_CHECKING:
    import torch

FLOOR_HZ, CEILING_HZ = 65.0, 400.0
SIZE = int(3 * RATE / FLOOR_HZ) // 2 * 2  # three periods of the lowest voice
BEFORE = (SIZE - HOP) // 2  # samples of a frame that lie before its cell; as many lie after it
SHORTEST, LONGEST = int(RATE / CEILING_HZ), int(RATE / FLOOR_HZ) + 1  # lags
FFT = 1024  # at least SIZE + LONGEST + 1, so that the correlation does not wrap around
COUNT = 6
FAINTEST = 0.225  # no candidate is lower: half of what is taken for voiced
OCTAVE_COST = 0.01  # for each octave below the ceiling


class PitchCandidates:
    """The tables of a device, and the search itself."""

    def __init__(self, device: torch.device) -> None:
        import torch

        window = torch.hann_window(SIZE + 2, periodic=False, dtype=torch.float64)[1:-1]
        correlation = torch.fft.irfft(torch.fft.rfft(window, FFT).abs().square())[: LONGEST + 2]
        self._window = window.float().to(device)
        self._inverse = (correlation[0] / correlation).float().to(device)
        lags = torch.arange(SHORTEST, LONGEST + 1, device=device)
        self._cost = OCTAVE_COST * torch.log2(lags * (CEILING_HZ / RATE))

    def __call__(self, samples: torch.Tensor) -> torch.Tensor:
        """What the frames of `samples` ([SIZE + HOP * (frames - 1)], float32) may be.

        [frames, 2 * COUNT + 1], float32: frequencies (0 where there is none), heights, and the largest
        magnitude within one period of the lowest voice.
        """
        import torch

        frames = samples.unfold(0, SIZE, HOP)
        frames = frames - frames.mean(1, keepdim=True)
        middle = (SIZE - LONGEST) // 2
        peak = frames[:, middle : middle + LONGEST].abs().amax(1)
        spectrum = torch.fft.rfft(frames * self._window, FFT)
        power = spectrum.real.square() + spectrum.imag.square()
        correlation = torch.fft.irfft(power)[:, : LONGEST + 2]
        height = correlation * (self._inverse / correlation[:, :1].clamp_min(1e-12))
        left, here, right = (height[:, SHORTEST + i : LONGEST + 1 + i] for i in (-1, 0, 1))
        tops = (here > left) & (here >= right) & (here > FAINTEST)
        score, at = torch.where(tops, here - self._cost, -1.0).topk(COUNT, dim=1)
        a, b, c = (side.gather(1, at) for side in (left, here, right))
        bend = (2 * b - a - c).clamp_min(1e-9)
        shift = (c - a) / (2 * bend)
        found = score > -1
        top = b + (c - a) * shift / 4
        top = torch.where(top > 1, 1 / top, top)
        hz = RATE / (at + SHORTEST + shift)
        found &= (hz >= FLOOR_HZ) & (hz <= CEILING_HZ)
        return torch.cat((torch.where(found, hz, 0.0), torch.where(found, top, 0.0), peak[:, None]), 1)
