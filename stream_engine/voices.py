"""Known voices: a folder of short recordings, one for each person, whose file name is the person's."""

from __future__ import annotations

from pathlib import Path

import anyio
import numpy as np
from numpy.typing import NDArray

from operators.audio.intake import Intake
from operators.speech.diarization.enrolment import enrol
from operators.speech.diarization.known_voices import KnownVoice
from stream_engine.clock import RATE
from stream_engine.errors import InputError
from stream_engine.ffmpeg import Decoder
from stream_engine.inputs import Input
from stream_engine.models import DiarizerModels
from stream_engine.store_header import digest_of

LONGEST_S = 60  # of a recording that is listened to


def recordings(folder: Path) -> list[Path]:
    """The files in `folder`, by name.

    Raises:
        InputError: there is no such folder, or nothing in it.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise InputError(f"voices {folder}: {error.strerror}; give a folder of recordings") from None
    names = [path.stem for path in found]
    for name in names:
        if names.count(name) > 1 or name.upper().startswith(("SPEAKER_", "CHANNEL_")):
            raise InputError(f"voices {folder}: two recordings of {name}, or a name that we give; rename it")
    if not found:
        raise InputError(f"voices {folder}: no recording in it; put one for each person there, as anna.wav")
    return found


def identity(folder: Path) -> list[str]:
    """What tells these recordings from others."""
    return [f"{path.stem}:{digest_of(path)}" for path in recordings(folder)]


def known_voices(folder: Path, models: DiarizerModels) -> tuple[KnownVoice, ...]:
    """Each person's voice.

    Raises:
        InputError: a recording cannot be read, has too little speech in it, or several people.

    Blocking, with an event loop of its own: call it on a worker thread.
    """
    return tuple(
        enrol(
            path.stem, anyio.run(_samples, path), segmentation=models.segmentation, embedding=models.embedding
        )
        for path in recordings(folder)
    )


async def _samples(path: Path) -> NDArray[np.float32]:
    """The first minute of a recording: [frames], 16 kHz mono."""
    heard: list[NDArray[np.float32]] = []
    mono = Intake()
    async with Decoder(Input.parse(str(path))) as decoder:
        async for chunk in decoder:
            heard.extend(out.samples for out in mono.feed(chunk))
            if sum(map(len, heard)) >= LONGEST_S * RATE:
                break
    return np.concatenate([*heard, *(out.samples for out in mono.flush())])
