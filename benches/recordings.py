"""Long recordings for benches, made from real speech and kept in the temporary folder."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from stream_engine.ffmpeg_command import binary

SPEECH = Path(__file__).resolve().parents[2] / "shared" / "data" / "asr" / "sonnet1_53s.mp3"


def long_mp3(seconds: int) -> Path:
    """An MP3 of that length, 44.1 kHz stereo, 64 kb/s: speech on a loop (noise where there is no speech)."""
    folder = Path(tempfile.gettempdir()) / "stream-engine-benches"
    folder.mkdir(exist_ok=True)
    path = folder / f"{'speech' if SPEECH.exists() else 'noise'}-{seconds}.mp3"
    if not path.exists():
        if SPEECH.exists():
            source = ["-stream_loop", "-1", "-i", str(SPEECH), "-c", "copy"]
        else:
            noise = "anoisesrc=c=pink:r=44100:a=0.1,aformat=channel_layouts=stereo"
            source = ["-f", "lavfi", "-i", noise, "-b:a", "64k"]
        part = path.with_suffix(".part.mp3")
        arguments = [binary(), "-v", "error", "-y", *source, "-t", str(seconds), str(part)]
        subprocess.run(arguments, check=True)
        part.rename(path)
    return path
