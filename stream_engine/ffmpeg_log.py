"""What ffmpeg says on stderr: drained by a thread, its tail kept, its verdict read.

Damage is judged from what ffmpeg says while it decodes and from the promised duration, not from its exit
code: a truncated WAV or FLAC exits 0. What cannot be known: a raw or ADTS stream cut at a packet, or a
constant-rate MP3 without a Xing header, promises nothing, so its loss is seen only if a packet was cut.
"""

from __future__ import annotations

import re
import threading
from collections import deque
from typing import IO

from stream_engine.clock import RATE, snap
from stream_engine.events import Gap
from stream_engine.ffmpeg_command import LONGEST_GAP_S
from stream_engine.wav import unknown_size

# ffmpeg 4 to 5 say "Error while decoding stream", 6 and later "Error submitting packet" or "Decoding error".
_LOST = re.compile(
    r"Error while decoding stream|Error submitting (a )?packet to (the )?decoder|Decoding error"
    r"|CRC mismatch|: partial file|Conversion failed|Connection (reset|timed out)|Input/output error"
)
_DURATION = re.compile(r"Duration: (\d+):(\d\d):(\d\d\.\d+)")
_LAYOUT = re.compile(r"Audio: .*?\d+ Hz, ([^,(]+)")
_SMALL = {"mono": 1, "1 channels": 1, "stereo": 2, "2 channels": 2, "downmix": 2}
_PRINTED = re.compile(r"(?:\[Eval @ 0x[0-9a-f]+\] )?\[info\] (-?\d+\.\d{6}|-?nan)$")
_BITRATE = re.compile(r"Audio: pcm_.* (\d+) kb/s")


class Log:
    """One ffmpeg's stderr; `promised_s`, `losses` and `tail` grow as it speaks."""

    def __init__(self, stderr: IO[bytes]) -> None:
        self.tail: deque[str] = deque(maxlen=40)
        self.errors: deque[str] = deque(maxlen=10)
        self.losses = 0
        self.first_loss: str | None = None
        self.promised_s: float | None = None
        self.channels = 0  # of the first audio stream: 1, 2, 3 for more, 0 for not known
        self.without_audio = False
        self.first_s: float | None = None  # time stamp of the first sample
        self.gaps: list[Gap] = []  # filled with silence so far, by the clock of the source
        self._printed: list[float] = []
        self.banner = threading.Event()  # set once all that comes before the audio has been read
        self._streams = 0
        self._wav = False
        self._in_output = False
        self._stderr = stderr
        self._thread = threading.Thread(target=self._drain, name="ffmpeg-stderr", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Waits for the last line; ffmpeg must have ended."""
        self._thread.join()

    def _drain(self) -> None:
        with self._stderr:
            self._drain_lines()
        self.banner.set()

    def _drain_lines(self) -> None:
        for raw in self._stderr:
            self._read(raw.decode("utf-8", "replace").rstrip())

    def _read(self, line: str) -> None:
        if printed := _PRINTED.match(line):
            self._read_clock(float(printed[1]))
            return
        self.tail.append(line)
        if "[error]" in line or "[fatal]" in line:
            self.errors.append(_plain(line))
            self.without_audio |= "matches no streams" in line
            if self._in_output and _LOST.search(line):
                self.losses += 1
                self.first_loss = self.first_loss or _plain(line)
        elif "Estimating duration from bitrate" in line:
            self.promised_s = None
            self._streams = 99  # a guess is no promise, whatever follows
        elif "[info] Input #0" in line:
            self._wav = "Input #0, wav," in line
        elif "[info] Output #0" in line:
            self._in_output = True
            self.banner.set()
        elif not self._in_output:
            self._read_banner(line)

    def _read_clock(self, number: float) -> None:
        """Two numbers: 0 and when the first sample is, or where a gap is and how long."""
        self._printed.append(number)
        if len(self._printed) < 2:
            return
        at, length = self._printed
        self._printed = []
        if at:
            start, end = (snap(round(time * RATE)) for time in (at, at + length))
            self.gaps.append(Gap(start=start, end=end, reason="could not be decoded, or never came"))
        elif self.first_s is None:
            self.first_s = length if 0 < length < LONGEST_GAP_S else 0.0

    def _read_banner(self, line: str) -> None:
        if match := _DURATION.search(line):
            hours, minutes, seconds = match.groups()
            if self._streams == 0:
                self.promised_s = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        elif "Stream #0:" in line and " -> " not in line and "(attached pic)" not in line:
            self._streams += 1
            if not self.channels and (layout := _LAYOUT.search(line)):
                self.channels = _SMALL.get(layout[1].strip(), 3)
            rate = _BITRATE.search(line)
            # The duration is that of the longest stream: a video may well outlast its sound.
            if self._streams > 1:
                self.promised_s = None
            elif self._wav and rate and self.promised_s and _open_size(self.promised_s, int(rate[1])):
                self.promised_s = None

    def reason(self) -> str:
        """The last thing that went wrong, in ffmpeg's words."""
        return self.errors[-1] if self.errors else (_plain(self.tail[-1]) if self.tail else "no reason given")


def damage(
    log: Log,
    *,
    seconds: float,
    gaps_s: float,
    promised_s: float | None,
    returncode: int | None,
    stalled_s: float | None,
) -> str | None:
    """What was lost, in words; None for a whole recording.

    A codec's padding makes a duration inexact by up to two frames, and a container rounds it: a quarter of
    a second and one part in ten thousand are let pass.
    """
    found: list[str] = []
    unsure_s = 0.25 + seconds / 10_000
    if promised_s is None and gaps_s > unsure_s:
        found.append(f"{gaps_s:.1f} s within it were lost")
    if promised_s is not None and seconds < promised_s - 0.25 - promised_s / 10_000:
        found.append(f"{seconds:.1f} s could be decoded of the {promised_s:.1f} s that it promises")
    whole = promised_s is not None and seconds > promised_s - 0.02
    if (
        log.losses and not whole
    ):  # where all is there, what could not be decoded was no audio: a tag at the end
        parts = "1 part" if log.losses == 1 else f"{log.losses} parts"
        found.append(f"{parts} could not be decoded ({log.first_loss})")
    if stalled_s is not None:
        found.append(f"no data came for {stalled_s:g} s")
    elif returncode:
        found.append(f"ffmpeg ended with code {returncode} ({log.reason()})")
    return "; ".join(found) or None


def _open_size(seconds: float, kbps: int) -> bool:
    """A WAV through a pipe: its size field meant "unknown", and ffmpeg took it for a length."""
    size = seconds * kbps * 125
    return any(abs(size - mark) < mark / 500 for mark in (0x7FFFFFFF, 0xFFFFFFFF)) or unknown_size(size)


def _plain(line: str) -> str:
    """A line without ffmpeg's addresses and levels."""
    return re.sub(r"\[(error|fatal|warning|info|[^\]]* @ 0x[0-9a-f]+)\] ", "", line).strip()
