"""What both sides hear: one conversation on a loop for cost, single clips with references for accuracy."""

from __future__ import annotations

import subprocess
from importlib.util import find_spec
from pathlib import Path

from benches.diarization import Intervals, rttm
from benches.words import Line, reference
from stream_engine.ffmpeg_command import binary

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
CLIPS = ("ami_ES2003a_0-30s", "ami_EN2001a_0-30s", "ami_EN2004a_0-30s")


def call() -> Path:
    """The telephone call inside pyannote.audio: two speakers, 30 s, with sample.rttm and sample.stm."""
    package = find_spec("pyannote.audio")
    return Path(str(package and package.origin)).parent / "sample" / "sample.wav"


def clips(*, quick: bool) -> list[Path]:
    """The call, and three meetings of AMI where the data folder is there."""
    meetings = [DATA / "diar" / f"{name}.wav" for name in CLIPS]
    return [call(), *(path for path in meetings if path.exists() and not quick)]


def looped(seconds: int, folder: Path) -> Path:
    """A conversation of two, again and again: 16 kHz, mono, 16 bit. The call where there are no data."""
    simulated = DATA / "sim" / "sim_2spk_90s.flac"
    source = simulated if simulated.exists() else call()
    path = folder / f"{source.stem}_{seconds}s.wav"
    if not path.exists():
        command = [binary(), "-v", "error", "-y", "-stream_loop", "-1", "-i", str(source), "-t", str(seconds)]
        subprocess.run([*command, "-ac", "1", "-ar", "16000", str(path)], check=True)
    return path


def true_turns(clip: Path) -> Intervals:
    return rttm(clip.with_suffix(".rttm"))


def true_lines(clip: Path) -> list[Line] | None:
    """None where nobody has written down what is said."""
    stm = clip.with_suffix(".stm")
    return reference(stm) if stm.exists() else None
