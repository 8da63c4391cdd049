"""Moonshine tiny-en, the recogniser whose weights lie inside the wheel `moonshine-voice`: English only.

It invents text on silence, tones and noise ("You", "Thank you for watching."), so it must be given nothing
that voice activity has not let through (see `utterances`).
"""

from __future__ import annotations

import threading
from importlib.util import find_spec
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


class Moonshine:
    """A `Recogniser`; each thread that calls it gets a transcriber of its own (70 MB, 0.1 s to open).

    Raises:
        BackendError: the language is not English, or the package is not installed.
    """

    name = "moonshine"
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
        self._per_thread = threading.local()
        self._opened: list[Transcriber] = []
        self._opening = threading.Lock()

    def transcribe(self, samples: NDArray[np.float32], /) -> Transcript:
        if not len(samples):
            return Transcript("")
        clip = np.pad(levelled(samples), (0, -len(samples) % FRAME)).tolist()
        found = self._transcriber().transcribe_without_streaming(clip, RATE)
        return Transcript(" ".join(line.text.strip() for line in found.lines))

    def close(self) -> None:
        """Frees the weights of all threads; none of them may be inside `transcribe`."""
        with self._opening:
            for transcriber in self._opened:
                transcriber.close()
            self._opened.clear()
            self._per_thread = threading.local()

    def _transcriber(self) -> Transcriber:
        transcriber: Transcriber | None = getattr(self._per_thread, "transcriber", None)
        if transcriber is None:
            transcriber = _open()
            with self._opening:
                self._opened.append(transcriber)
            self._per_thread.transcriber = transcriber
        return transcriber


def levelled(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The clip, [frames], as loud as the recogniser hears best."""
    loudness = float(np.sqrt(np.mean(np.square(samples))))
    return samples * np.float32(LEVEL / max(loudness, QUIETEST))


def _open() -> Transcriber:
    from moonshine_voice.moonshine_api import ModelArch
    from moonshine_voice.transcriber import Transcriber
    from moonshine_voice.utils import get_model_path

    return Transcriber(get_model_path("tiny-en"), ModelArch.TINY, options=OPTIONS)
