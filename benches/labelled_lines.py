"""The peer: moonshine-voice's own stream with its own speakers, in what it says at the end of a recording."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benches.words import Line
from stream_engine.clock import RATE

OPTIONS = {"identify_speakers": "true", "return_audio_data": "false", "word_timestamps": "false"}


def labelled_lines(audio: NDArray[np.float32]) -> list[Line]:
    """Each line is given to who speaks most of it."""
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber
    from moonshine_voice.utils import get_model_path

    lines: list[Line] = []
    with Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options=OPTIONS) as transcriber:
        stream = transcriber.create_stream()
        stream.start()
        for start in range(0, len(audio), RATE // 2):
            stream.add_audio(audio[start : start + RATE // 2].tolist(), RATE)
        transcript = stream.stop()
        for line in transcript.lines if transcript else ():
            talk: dict[str, float] = {}
            for span in line.speaker_spans or ():
                talk[str(span.speaker_index)] = talk.get(str(span.speaker_index), 0.0) + span.duration
            lines.append((line.start_time, max(talk, key=talk.__getitem__, default="none"), line.text))
    return lines
