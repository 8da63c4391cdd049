"""Moonshine tiny-en, the recogniser whose weights lie inside the wheel `moonshine-voice`: English only.

It invents text on silence, tones and noise ("You", "Thank you for watching."), so it must be given nothing
that voice activity has not let through (see `utterances`).
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from operators.speech.recognition import Transcript
from stream_engine.clock import RATE
from stream_engine.errors import BackendError

if TYPE_CHECKING:
    from moonshine_voice.transcriber import Transcriber

LANGUAGES = frozenset({"en"})
FRAME = 512  # the wheel drops what is left of a clip after its last whole frame
LEVEL = 0.07  # root mean square of a clip: 0.02 better in cpWER than as it came, 0.01 better than 0.1
QUIETEST = 1e-4  # below it a clip is not made any louder
# Cutting and speakers are decided by the engine, so the wheel's own are off.
OPTIONS = {"vad_threshold": "0", "identify_speakers": "false", "return_audio_data": "false"}


_OPENING = Lock()  # the wheel loads its library at the first transcriber, and not for two threads at once


class Moonshine:
    """A `Recogniser`; it opens as many transcribers (110 MB, 0.2 s) as there were calls at the same time.

    They are handed on from call to call, not kept by thread: worker threads come and go.

    Raises:
        BackendError: the language is not English, or the package is not installed.
    """

    name = "moonshine"
    batch = 1
    word_times = False
    languages: frozenset[str] | None = LANGUAGES

    def __init__(self, *, language: str | None = None) -> None:
        if language is not None and language.lower().split("-")[0] not in LANGUAGES:
            message = (
                f"recogniser moonshine knows English only, not {language!r}; "
                "choose --language en, or another recogniser with --asr"
            )
            raise BackendError(message)
        if find_spec("moonshine_voice") is None:
            message = "recogniser moonshine is not installed; pip install 'stream-engine[embedded]'"
            raise BackendError(message)
        self._idle: SimpleQueue[Transcriber] = SimpleQueue()

    def transcribe(
        self, clips: Sequence[NDArray[np.float32]], /, *, languages: Sequence[str | None] | None = None
    ) -> list[Transcript]:
        return [self._one(clip) for clip in clips]

    def _one(self, samples: NDArray[np.float32]) -> Transcript:
        if not len(samples):
            return Transcript("")
        clip = np.pad(levelled(samples), (0, -len(samples) % FRAME)).tolist()
        try:
            transcriber = self._idle.get_nowait()
        except Empty:
            with _OPENING:
                transcriber = _open()
        try:
            found = transcriber.transcribe_without_streaming(clip, RATE)
        finally:
            self._idle.put(transcriber)
        return Transcript(" ".join(line.text.strip() for line in found.lines))

    def close(self) -> None:
        """Frees the weights; nobody may be inside `transcribe`."""
        while not self._idle.empty():
            self._idle.get_nowait().close()


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The clip, [frames], as loud as the recogniser hears best."""
    loudness = float(np.sqrt(np.mean(np.square(samples))))
    return samples * np.float32(LEVEL / max(loudness, QUIETEST))


def _open() -> Transcriber:
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber
    from moonshine_voice.utils import get_model_path

    return Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options=OPTIONS)
