"""One after the other, as scripts do it: pyannote's pipeline over the file, then faster-whisper over it.

    python sequential.py PIPELINE WHISPER AUDIO...        JSON lines on stdout

Each text gets the speaker who talks most in it.
"""

import json
import os
import subprocess
import sys

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
RATE = 16_000


def main(folder: str, whisper: str, files: list[str]) -> None:
    import numpy as np
    import torch
    from faster_whisper import WhisperModel
    from pyannote.audio import Pipeline

    pipeline = Pipeline.from_pretrained(folder)
    model = WhisperModel(whisper, device="cpu", compute_type="int8")
    say(kind="loaded")
    for file in files:
        command = ["ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
        audio = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)
        found = pipeline({"waveform": torch.from_numpy(audio.copy())[None], "sample_rate": RATE})
        turns = [
            (t.start, t.end, who) for t, _, who in found.speaker_diarization.itertracks(yield_label=True)
        ]
        for start, end, speaker in turns:
            say(kind="turn", file=file, start=start, end=end, speaker=speaker)
        segments, _ = model.transcribe(audio, language="en", vad_filter=True, word_timestamps=True)
        for segment in segments:
            talk = {}
            for start, end, speaker in turns:
                shared = min(end, segment.end) - max(start, segment.start)
                talk[speaker] = talk.get(speaker, 0) + max(shared, 0)
            speaker = max(talk, key=talk.get, default="none")
            say(kind="text", file=file, start=float(segment.start), speaker=speaker, text=segment.text)
        say(kind="end", file=file, seconds=len(audio) / RATE)


def say(**what) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
