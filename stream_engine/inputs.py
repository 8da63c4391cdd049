"""What an INPUT is: a file, a URL that ffmpeg can open, a device (`alsa:default`), or `-` for stdin.

    talk.mp3  ./-odd:name.wav  file:///tmp/a.wav      file
    https://host/a.mp3  rtsp://host/cam               url
    alsa:default  pulse:default  lavfi:sine           device
    -                                                 stdin: any container, or raw with `--pcm s16le:16000:1`

ffmpeg may use only the protocols that the kind needs, so that a playlist in a local file cannot make it
open the network, nor a remote one a local file.
"""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

import msgspec

from stream_engine.errors import InputError

Kind = Literal["file", "fifo", "url", "device", "stdin"]

DEVICES = frozenset({"alsa", "pulse", "jack", "oss", "sndio", "avfoundation", "dshow", "lavfi"})
_HTTP = "http,https,httpproxy,tcp,tls,crypto,data"
PROTOCOLS = {
    "http": _HTTP,
    "https": _HTTP,
    "rtsp": "rtsp,rtp,udp,tcp",
    "rtsps": "rtsps,rtsp,rtp,udp,tcp,tls",
    "rtmp": "rtmp,tcp",
    "rtmps": "rtmps,tls,tcp",
    "rtp": "rtp,udp",
    "udp": "udp",
    "tcp": "tcp",
    "tls": "tls,tcp",
    "srt": "srt",
    "ftp": "ftp,tcp",
}
RAW_FORMATS = frozenset(
    {
        "s8",
        "u8",
        "s16le",
        "s16be",
        "s24le",
        "s24be",
        "s32le",
        "s32be",
        "f32le",
        "f32be",
        "f64le",
        "mulaw",
        "alaw",
    }
)


class Pcm(msgspec.Struct, frozen=True):
    """The layout of headerless samples, written `FORMAT:RATE:CHANNELS`."""

    format: str
    rate: int  # Hz
    channels: int

    @classmethod
    def parse(cls, text: str) -> Pcm:
        """Raises ValueError for anything but a known format, 1 Hz to 768 kHz and 1 to 64 channels."""
        match = re.fullmatch(r"(\w+):(\d{1,6}):(\d{1,2})", text)
        if match is None or match[1] not in RAW_FORMATS:
            raise ValueError(f"--pcm {text!r}: expected FORMAT:RATE:CHANNELS, such as s16le:16000:1")
        pcm = cls(match[1], int(match[2]), int(match[3]))
        if not (1 <= pcm.rate <= 768_000 and 1 <= pcm.channels <= 64):
            raise ValueError(f"--pcm {text!r}: the rate must be 1 to 768000 Hz, the channels 1 to 64")
        return pcm


class Input(msgspec.Struct, frozen=True):
    """One input as the user named it, and how ffmpeg is to open it."""

    text: str  # what the user wrote; used in messages
    kind: Kind
    location: str  # the argument of ffmpeg's -i
    protocols: str | None  # None: a device, which opens no protocol
    format: str | None = None
    pcm: Pcm | None = None

    @classmethod
    def parse(cls, text: str, pcm: Pcm | None = None) -> Input:
        """Raises ValueError where the text can be no input at all; whether it exists is not asked here."""
        if pcm is not None and text != "-":
            raise ValueError(f"--pcm describes stdin: use it with the input -, not with {text!r}")
        if text == "-":
            return cls(text, "stdin", "pipe:0", "pipe", pcm.format if pcm else None, pcm)
        if "\0" in text or not text:
            raise ValueError(f"{text!r} cannot be the name of an input")
        scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", text)
        if scheme and scheme[1].lower() != "file":
            name = scheme[1].lower()
            if name not in PROTOCOLS:
                raise ValueError(f"{text!r}: {name} is not among {', '.join(sorted(PROTOCOLS))}")
            return cls(text, "url", text, PROTOCOLS[name])
        device, colon, rest = text.partition(":")
        if colon and device in DEVICES and not os.path.lexists(text):
            return cls(text, "device", rest, None, device)
        path = unquote(urlsplit(text).path) if scheme else text
        return cls(text, "fifo" if _is_pipe(path) else "file", f"file:{path}", "file")

    @property
    def live(self) -> bool:
        """Cannot be held or read again: intake spills to the store and never waits for the graph."""
        return self.kind != "file"

    @property
    def path(self) -> Path | None:
        """The file, where there is one."""
        return Path(self.location.removeprefix("file:")) if self.kind in ("file", "fifo") else None

    def check(self) -> None:
        """Raises InputError with what to do, where ffmpeg need not be asked to know."""
        if self.path is None:
            return
        try:
            mode = self.path.stat()
        except FileNotFoundError:
            raise InputError(f"{self.shown}: no such file; check the name") from None
        except OSError as error:
            raise InputError(f"{self.shown}: {error.strerror}; check the path and its permissions") from None
        if stat.S_ISDIR(mode.st_mode):
            raise InputError(f"{self.shown}: is a directory; name the files in it")
        if not os.access(self.path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
            raise InputError(f"{self.shown}: permission denied; make it readable")
        if self.kind == "file" and stat.S_ISREG(mode.st_mode) and mode.st_size == 0:
            raise InputError(f"{self.shown}: the file is empty; record or copy it again")

    @property
    def shown(self) -> str:
        """The input on one line, without a URL's user name and password."""
        text = re.sub(r"(?<=://)[^/@]*@", "", self.text) if self.kind == "url" else self.text
        return "stdin" if text == "-" else (text if text.isprintable() else repr(text))

    def folder(self, ending: bool = False) -> str:
        """The name of the output folder, without or with the ending."""
        if self.kind == "stdin":
            return "stdin"
        if self.kind == "device":
            name = self.location
        elif self.kind == "url":
            parts = urlsplit(self.text)
            name = unquote(PurePosixPath(parts.path).name) or parts.hostname or "url"
        else:
            name = Path(self.location.removeprefix("file:")).name
        if not ending and self.kind != "device":
            name = PurePosixPath(name).stem if "/" not in name else name
        name = re.sub(r"[/\x00]", "_", name)
        return name if name.strip(".") else (name.replace(".", "_") or "input")


def folders(inputs: Sequence[Input]) -> list[str]:
    """One folder name each: with the ending where two would collide, numbered where they still do."""
    bare = Counter(item.folder() for item in inputs)
    names: list[str] = []
    for item in inputs:
        name = item.folder(ending=bare[item.folder()] > 1)
        names.append(name if name not in names else _numbered(name, names))
    return names


def _numbered(name: str, taken: Sequence[str]) -> str:
    number = 2
    while f"{name}-{number}" in taken:
        number += 1
    return f"{name}-{number}"


def _is_pipe(path: str) -> bool:
    """A FIFO, a socket or a character device: it has no length, and reading it may wait."""
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)
