"""moonshine-voice's own streaming transcriber with its speakers, fed as fast as it takes audio.

python moonshine_stream.py AUDIO...        JSON lines on stdout
"""

import json
import subprocess
import sys

RATE = 16_000
OPTIONS = {"identify_speakers": "true", "return_audio_data": "false", "word_timestamps": "false"}


def main(files: list[str]) -> None:
    import numpy as np
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import LineCompleted, Transcriber, TranscriptEventListener
    from moonshine_voice.utils import get_model_path

    class Listener(TranscriptEventListener):
        def on_line_completed(self, event: LineCompleted) -> None:
            say(kind="line", text=event.line.text)

    for file in files:
        command = ["ffmpeg", "-v", "error", "-i", file, "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
        audio = np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)
        with Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options=OPTIONS) as transcriber:
            stream = transcriber.create_stream(0.5)
            stream.add_listener(Listener())
            stream.start()
            for start in range(0, len(audio), RATE // 2):
                stream.add_audio(audio[start : start + RATE // 2].tolist(), RATE)
            transcript = stream.stop()
            for line in transcript.lines if transcript else ():
                talk: dict[str, float] = {}
                for span in line.speaker_spans or ():
                    speaker, end = str(span.speaker_index), span.start_time + span.duration
                    talk[speaker] = talk.get(speaker, 0.0) + span.duration
                    say(kind="turn", file=file, start=span.start_time, end=end, speaker=speaker)
                speaker = max(talk, key=talk.__getitem__, default="none")
                say(kind="text", file=file, start=line.start_time, speaker=speaker, text=line.text)
        say(kind="end", file=file, seconds=len(audio) / RATE)


def say(**what: object) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
