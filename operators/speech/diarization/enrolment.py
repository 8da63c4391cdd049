"""A person's voice out of a short recording, by the diarizer itself."""

from __future__ import annotations

from operators.speech.diarization.diarizer import Diarizer
from operators.speech.diarization.known_voices import ENOUGH_SECONDS, KnownVoice
from operators.speech.diarization.models import Embedding, Samples, Segmentation
from stream_engine.clock import RATE
from stream_engine.errors import InputError
from stream_engine.events import Chunk

MAIN = 0.7  # of the speech in a recording must be one voice


def enrol(name: str, samples: Samples, *, segmentation: Segmentation, embedding: Embedding) -> KnownVoice:
    """The voice that is heard in `samples` ([frames], 16 kHz); the longer, the surer: 5 to 30 s are good.

    Raises:
        InputError: too little speech, or several people.
    """
    diarizer = Diarizer(segmentation=segmentation, embedding=embedding)
    for start in range(0, len(samples), RATE):
        for _ in diarizer.feed(Chunk(start=start, samples=samples[start : start + RATE])):
            pass
    for _ in diarizer.flush():
        pass
    voices = sorted(diarizer.voices.values(), key=lambda voice: -voice.seconds)
    spoken = sum(voice.seconds for voice in voices)
    if not voices or voices[0].seconds < ENOUGH_SECONDS:
        found = voices[0].seconds if voices else 0.0
        raise InputError(
            f"voice {name}: {found:.1f} s of clear speech, {ENOUGH_SECONDS} s are the least; record more"
        )
    if voices[0].seconds < MAIN * spoken:
        raise InputError(f"voice {name}: {len(voices)} people are heard; give a recording of one person")
    return KnownVoice(name, voices[0].vector, voices[0].seconds)
