"""What is known of a recording: its references, read, and digests that tell when they are others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import msgspec

from stream_engine.harness.data_set import Recording
from stream_engine.harness.references import (
    Spoken,
    Talk,
    read_ctm,
    read_rttm,
    read_stm,
    read_text,
    read_uem,
    read_words,
)
from stream_engine.harness.word_errors import in_order

T = TypeVar("T")
AUDIO, UEM = "audio", "uem"  # names of digests
_hash = partial(hashlib.blake2b, digest_size=8)


class Known:
    """The references of a recording. `digests`: of its audio, and of what each reference says of it, by kind.

    Raises:
        InputError: one cannot be read.
    """

    def __init__(self, recording: Recording) -> None:
        names = recording.name, recording.audio.stem
        self.digests = _of_audio(recording)

        def read_if(kind: str, reader: Callable[..., T], *names: str) -> T | None:
            if (path := getattr(recording, kind)) is None:
                return None
            found = reader(path, *names)
            self.digests[kind] = _hash(msgspec.msgpack.encode(found)).hexdigest()
            return found

        self.talk = read_if("rttm", read_rttm, *names)
        self.wide = read_if("wide", read_rttm, *names)
        self.lines = read_if("stm", read_stm, *names)
        self.scored = read_if(UEM, read_uem, *names)
        text = read_if("txt", read_text)
        words = read_if("words", read_words)
        if words is None:
            words = read_if("ctm", read_ctm, *names)
        self.words: list[Spoken] = words or []
        if self.lines is not None:
            text = in_order(self.lines)
        elif text is None and words:
            text = " ".join(word for _, word in words)
        self.text = text

    @property
    def asked(self) -> list[Talk]:
        """Who speaks when, as far as it is scored."""
        return inside(self.talk or [], self.scored) if self.scored else self.talk or []


def inside(talk: Sequence[Talk], parts: Sequence[tuple[float, float]]) -> list[Talk]:
    """What begins in one of `parts`, no longer than that part."""
    ends = (max((end for start, end in parts if start <= one.start < end), default=None) for one in talk)
    return [
        one._replace(end=min(one.end, end)) for one, end in zip(talk, ends, strict=True) if end is not None
    ]


def _of_audio(recording: Recording) -> dict[str, str]:
    """Of all of it; nothing where it cannot be read, which its session will tell."""
    try:
        with recording.audio.open("rb") as file:
            return {AUDIO: hashlib.file_digest(file, _hash).hexdigest()}
    except OSError:
        return {}
