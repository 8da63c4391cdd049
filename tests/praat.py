"""What Praat says of a piece of audio, through parselmouth: the reference of pitch and voice quality."""

from __future__ import annotations

import numpy as np
import parselmouth
from numpy.typing import NDArray
from parselmouth.praat import call

from operators.prosody.pitch_candidates import CEILING_HZ, FLOOR_HZ

Samples = NDArray[np.float32]


def sound(samples: Samples) -> parselmouth.Sound:
    return parselmouth.Sound(samples.astype(np.float64), 16_000)


def whole_frames(samples: Samples) -> Samples:
    """Cut to whole frames of 10 ms: then the middles of Praat's frames are those of ours."""
    return samples[: len(samples) // 160 * 160]


def pitch(samples: Samples) -> NDArray[np.float64]:
    """[frames of 10 ms]: by autocorrelation, 0 where unvoiced. samples: whole frames."""
    found = sound(samples).to_pitch_ac(time_step=0.01, pitch_floor=FLOOR_HZ, pitch_ceiling=CEILING_HZ)
    first = round(found.t1 * 100 - 0.5)
    assert abs(found.t1 * 100 - 0.5 - first) < 1e-6
    f0 = np.zeros(len(samples) // 160)
    values = found.selected_array["frequency"]
    f0[first : first + len(values)] = values
    return f0


def voice(samples: Samples) -> tuple[float, float, float, float]:
    """Jitter (local, %), shimmer (local, dB), HNR (cc, dB), CPPS (dB, by the settings of the AVQI)."""
    heard = sound(samples)
    found = heard.to_pitch_ac(time_step=0.01, pitch_floor=FLOOR_HZ, pitch_ceiling=CEILING_HZ)
    pulses = call([heard, found], "To PointProcess (cc)")
    jitter = call(pulses, "Get jitter (local)", 0, 0, 0.0001, 0.02, 1.3)
    shimmer = call([heard, pulses], "Get shimmer (local_dB)", 0, 0, 0.0001, 0.02, 1.3, 1.6)
    hnr = call(heard.to_harmonicity_cc(0.01, 75, 0.1, 1.0), "Get mean", 0, 0)
    cepstra = call(heard, "To PowerCepstrogram", 60, 0.002, 5000, 50)
    line = (0.001, 0, "Straight", "Robust")
    cpps = call(cepstra, "Get CPPS", "no", 0.01, 0.001, 60, 330, 0.05, "Parabolic", *line)
    return 100 * jitter, shimmer, hnr, cpps
