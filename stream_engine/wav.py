"""Two readings of a WAV header: ffmpeg's own stream (rate, channels), and what a file promises to hold."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple


class WavFormat(NamedTuple):
    rate: int  # Hz
    channels: int
    byte_rate: int
    data_bytes: int  # as the header claims


def read_header(read: Callable[[int], bytes]) -> WavFormat | None:
    """Reads up to the first sample; None where the bytes end early or are no WAV.

    `read(n)` gives exactly n bytes, fewer only at the end.
    """
    riff = read(12)
    if len(riff) < 12 or riff[:4] not in (b"RIFF", b"RF64") or riff[8:] != b"WAVE":
        return None
    rate = channels = byte_rate = 0
    while len(chunk := read(8)) == 8:
        name, size = chunk[:4], struct.unpack("<I", chunk[4:])[0]
        if name == b"data":
            return WavFormat(rate, channels, byte_rate, size) if rate else None
        if size > 1 << 24:
            return None
        body = read(size + size % 2)
        if name == b"fmt " and len(body) >= 16:
            channels, rate, byte_rate = struct.unpack("<2xHII", body[:12])
    return None


def promised_seconds(path: Path) -> float | None:
    """How long a WAV file claims to be; None where it is no WAV or its writer left the length open.

    Programs that write to a pipe cannot go back, so they leave a size that means "unknown": all ones
    (ffmpeg), or the largest positive number less a header (sox, arecord, GStreamer). ffmpeg itself
    replaces a claim that the file does not keep by what the file holds, so its word is no use here.
    """
    try:
        with path.open("rb") as file:
            header = read_header(file.read)
    except OSError:
        return None
    if header is None or not header.byte_rate or unknown_size(header.data_bytes):
        return None
    return header.data_bytes / header.byte_rate


def unknown_size(data_bytes: float) -> bool:
    return data_bytes >= 0xFFFFF000 or 0x7FFF0000 <= data_bytes <= 0x80000000 or data_bytes == 0
