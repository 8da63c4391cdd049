"""Broken and odd inputs, each with the outcome that is promised: exit code, words of the message, audio.

Exit 0 is a whole recording, 6 a damaged one of which all that can be decoded is there, 3 one without audio.
`python -m tests.hostile_table` prints a Markdown table of all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.hostile import (
    bytes_of,
    chained,
    changed,
    cut,
    encoded,
    floats,
    forbidden,
    hurt,
    late_sound,
    lost,
    noise,
    odd,
    put,
    text,
    two_tracks,
    video_only,
    wav,
    with_picture,
    with_subtitles,
)


class Case(NamedTuple):
    """One input and what is promised of it."""

    name: str  # of the file in its folder, or the argument itself where nothing is made
    what: str
    code: int
    says: str = ""  # a part of the message
    seconds: float | None = None  # of audio in the session; None: there is no session
    make: Callable[[Path], object] | None = None  # makes the file at this path


FASTSTART = ("-movflags", "+faststart")
NO_AUDIO = "is not audio that ffmpeg can read"
SHORT = "could be decoded of the"
LOSS = "could not be decoded"
CUT_AT = range(1, 10)
SDP = "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n"
PLAYLIST = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{}\n#EXT-X-ENDLIST\n"

CUT = (
    tuple(
        Case(
            f"cut{tenths}0.{ending}",
            f"{ending.upper()}, cut off at {tenths}0 %",
            6,
            SHORT,
            0.4 * tenths,
            cut(ending, tenths),
        )
        for ending in ("wav", "flac", "mp3")
        for tenths in CUT_AT
    )
    + tuple(
        Case(
            f"index first {tenths}0.m4a",
            f"M4A with its index first, cut off at {tenths}0 %",
            6,
            SHORT,
            0.4 * tenths,
            cut("m4a", tenths, *FASTSTART),
        )
        for tenths in CUT_AT
    )
    + tuple(
        Case(
            f"cut{tenths}0.m4a",
            f"M4A with its index last, cut off at {tenths}0 %",
            3,
            NO_AUDIO,
            None,
            cut("m4a", tenths),
        )
        for tenths in CUT_AT
    )
)

CUT_ELSEWHERE = (
    Case("cut50.ogg", "Ogg, cut off at 50 %", 6, "breaks off", 1.0, cut("ogg", 5)),
    Case("cut50.opus", "Opus, cut off at 50 %", 6, "breaks off", 1.0, cut("opus", 5)),
    Case("cut50.mka", "Matroska, cut off at 50 %", 6, SHORT, 1.8, cut("mka", 5)),
)

EMPTY = (
    Case("zero.wav", "zero bytes", 3, "the file is empty", None, bytes_of(b"")),
    Case("header.wav", "the header of a WAV and nothing else", 3, "not one sample", None, wav(noise(0))),
    Case(
        "header.flac",
        "the header of a FLAC and nothing else",
        3,
        NO_AUDIO,
        None,
        changed("flac", lambda data: data[:86]),
    ),
    Case("text.wav", "text", 3, NO_AUDIO, None, bytes_of(b"no recording\n" * 500)),
    Case("page.mp3", "a web page", 3, NO_AUDIO, None, bytes_of(b"<html><body>404 Not Found</body></html>")),
    Case("zeros.mp3", "nothing but zeros", 3, NO_AUDIO, None, bytes_of(bytes(200_000))),
    Case("random.wav", "random bytes", 3, NO_AUDIO, None, bytes_of(np.random.default_rng(1).bytes(200_000))),
    Case(
        "picture.mp3",
        "the beginning of a picture",
        3,
        "no audio track",
        None,
        bytes_of(b"\x89PNG\r\n\x1a\n" + bytes(1000)),
    ),
    Case("mute.mkv", "a video without sound", 3, "no audio track", None, video_only),
    Case("0 Hz.wav", "a rate of 0 Hz", 3, NO_AUDIO, None, wav(noise(), rate=0)),
    Case("2 GHz.wav", "a rate of 2 GHz", 3, NO_AUDIO, None, wav(noise(), rate=0x7FFFFFFF)),
    Case(
        "no channels.wav",
        "no channels",
        3,
        NO_AUDIO,
        None,
        changed("wav", lambda data: data[:22] + b"\0\0" + data[24:]),
    ),
    Case(
        "junk.wav",
        "bytes before the header of a WAV",
        3,
        NO_AUDIO,
        None,
        changed("wav", lambda data: b"junk" * 10 + data),
    ),
)

SAMPLES = (
    Case("nan.wav", "NaN in every seventh sample (set to 0 and counted)", 0, "", 2.0, floats(put(np.nan))),
    Case(
        "inf.wav", "infinity in every seventh sample (set to 0 and counted)", 0, "", 2.0, floats(put(np.inf))
    ),
    Case("all nan.wav", "nothing but NaN", 0, "", 2.0, floats(put(np.nan, 1))),
    Case("huge.wav", "samples of 1e38", 0, "", 2.0, floats(put(1e38))),
    Case("denormal.wav", "samples of 1e-42", 0, "", 2.0, floats(put(1e-42, 1))),
    Case("clipped.wav", "clipped throughout", 0, "", 2.0, wav((np.sign(noise()) * 32767).astype("<i2"))),
    Case("dc.wav", "a constant", 0, "", 2.0, wav(np.full((32_000, 1), 12_000, "<i2"))),
    Case("silence.wav", "digital silence", 0, "", 2.0, wav(np.zeros((32_000, 1), "<i2"))),
    Case("one.wav", "one sample", 0, "", 0.0, wav(noise(1))),
    Case("8 channels.wav", "8 channels", 0, "", 2.0, wav(noise(channels=8))),
    Case("42 channels.wav", "42 channels", 0, "", 2.0, wav(noise(channels=42))),
    Case("8 bit.wav", "8 bits a sample", 0, "", 2.0, wav((noise() // 64 + 128).astype("u1"))),
    Case("24 bit.wav", "24 bits a sample", 0, "", 4.0, encoded("wav", "-c:a", "pcm_s24le")),
    Case("64 bit.wav", "64 bit floats", 0, "", 4.0, encoded("wav", "-c:a", "pcm_f64le")),
    Case("192 kHz.wav", "192 kHz", 0, "", 4.0, encoded("wav", "-ar", "192000")),
    Case("768 kHz.wav", "768 kHz", 0, "", 32 / 768, wav(noise(), rate=768_000)),
    Case("100 Hz.wav", "100 Hz", 0, "", 10.0, wav(noise(1000), rate=100)),
    Case("11111 Hz.wav", "11111 Hz", 0, "", 2.88, wav(noise(), rate=11_111)),
)

CLAIMS = (
    Case(
        "48 h.wav",
        "8 s, claims 48 h",
        6,
        "of the 172800.0 s",
        8.0,
        wav(noise(dtype="u1"), rate=4000, claim=48 * 3600 * 4000),
    ),
    Case(
        "half.wav",
        "2 s, claims half a second: what is behind its end is no audio",
        0,
        "",
        0.5,
        wav(noise(), claim=16_000),
    ),
    Case(
        "open.wav",
        "its length left open (a recorder without a way back)",
        0,
        "",
        2.0,
        wav(noise(), claim=0xFFFFFFFF),
    ),
    Case("odd.wav", "the last byte missing", 0, "", 2.0, odd),
    Case(
        "tag.wav",
        "a tag behind the audio",
        0,
        "",
        4.0,
        changed("wav", lambda data: data + b"ID3\x03\0\0\0\0\0\x7f" + bytes(127)),
    ),
)

CONTAINERS = (
    Case("mp3 inside.wav", "wrong ending: an MP3 called .wav", 0, "", 4.0, encoded("mp3")),
    Case("wav inside.mp3", "wrong ending: a WAV called .mp3", 0, "", 4.0, encoded("wav")),
    Case("flac inside.txt", "wrong ending: a FLAC called .txt", 0, "", 4.0, encoded("flac")),
    Case("no ending", "no ending at all", 0, "", 4.0, encoded("ogg")),
    Case("cover.mp3", "cover art in an MP3", 0, "", 4.0, with_picture),
    Case("cover.flac", "cover art in a FLAC", 0, "", 4.0, with_picture),
    Case("cover.m4a", "cover art in an M4A", 0, "", 4.0, with_picture),
    Case("subtitles.mkv", "a subtitle track before the sound", 0, "", 4.0, with_subtitles),
    Case("two tracks.mkv", "two audio tracks: the first is taken", 0, "", 4.0, two_tracks),
    Case("two songs.ogg", "two Ogg recordings in one file: both", 0, "", 8.0, chained),
    Case(
        "junk.mp3",
        "bytes before the first frame of an MP3",
        0,
        "",
        4.0,
        changed("mp3", lambda data: np.random.default_rng(1).bytes(3000) + data),
    ),
    Case("hurt.wav", "3 % of the bytes are noise, WAV: no format could tell", 0, "", 4.0, hurt("wav")),
    Case("hurt.mp3", "3 % of the bytes are noise, MP3", 6, LOSS, 4.0, hurt("mp3")),
    Case("hurt.flac", "3 % of the bytes are noise, FLAC", 6, "", 4.0, hurt("flac")),
    Case("hurt.m4a", "3 % of the bytes are noise, M4A", 6, LOSS, 4.0, hurt("m4a")),
    Case("hurt.ogg", "3 % of the bytes are noise, Ogg", 6, "", 4.0, hurt("ogg")),
    Case("hurt.mka", "3 % of the bytes are noise, Matroska", 6, "", 1.8, hurt("mka")),
    Case("lost.wav", "10 % of the bytes are missing, WAV", 6, SHORT, 3.6, lost("wav")),
    Case("lost.mp3", "10 % of the bytes are missing, MP3", 6, SHORT, 3.6, lost("mp3")),
    Case("lost.flac", "10 % of the bytes are missing, FLAC", 6, "", 4.0, lost("flac")),
    Case("lost.ogg", "10 % of the bytes are missing, Ogg", 6, "", 4.0, lost("ogg")),
    Case(
        "late.mkv", "a video whose sound begins after two seconds: silence before it", 0, "", 6.0, late_sound
    ),
)

NAMES = tuple(
    Case(name, f"a name with {what}", 0, "", 4.0, encoded("wav"))
    for name, what in (
        (" two  spaces .wav", "spaces"),
        ("line\nbreak.wav", "a line break"),
        ('it\'s "quoted" `here`.wav', "quotes"),
        ("-i.wav", "a leading dash"),
        ("$(touch pwned); touch pwned|.wav", "commands for a shell"),
        ("ünï日本🎙.wav", "letters of other scripts"),
        ("not\udcffutf8.wav", "bytes that are no UTF-8"),
        ("%05d.wav", "a pattern of ffmpeg"),
        ("[1]*?.wav", "a pattern of a shell"),
        ("concat:a|b.wav", "a protocol of ffmpeg"),
        ("alsa:default.wav", "a device"),
        (".hidden.wav", "a leading dot"),
        ("\x1b[31mred.wav", "control codes for a terminal"),
        (200 * "x" + ".wav", "200 letters"),
    )
)

PLACES = (
    Case("missing.wav", "no file", 3, "no such file"),
    Case(
        "nowhere.wav", "a link to nothing", 3, "no such file", None, lambda path: path.symlink_to("not there")
    ),
    Case("loop.wav", "a link to itself", 3, "symbolic links", None, lambda path: path.symlink_to(path.name)),
    Case("folder.wav", "a directory", 3, "is a directory", None, Path.mkdir),
    Case("forbidden.wav", "no permission", 3, "permission denied", None, forbidden),
    Case(
        "network.m3u8",
        "a playlist that points to the network",
        3,
        NO_AUDIO,
        None,
        text(PLAYLIST.format("http://127.0.0.1:9/a.ts")),
    ),
    Case(
        "passwords.m3u8",
        "a playlist that points to a file of the system",
        3,
        NO_AUDIO,
        None,
        text(PLAYLIST.format("/etc/passwd")),
    ),
    Case(
        "list.txt",
        "a list of files to read one after the other",
        3,
        NO_AUDIO,
        None,
        text("ffconcat version 1.0\nfile /etc/passwd\n"),
    ),
    Case("call.sdp", "a description of a network stream", 3, NO_AUDIO, None, text(SDP)),
    Case("alsa:no such device", "a device that does not exist", 3, "ffmpeg cannot read it"),
    Case("lavfi:no such filter", "a made-up source of ffmpeg", 3, "ffmpeg cannot read it"),
    Case("/dev/null", "/dev/null", 3, NO_AUDIO),
    Case("/dev/zero", "/dev/zero, which never ends", 3, NO_AUDIO),
    Case("http://127.0.0.1:9/a.mp3", "a URL where nobody listens", 3, "Connection refused"),
    Case("pipe", "a FIFO into which nobody writes", 3, "no data came for", None, os.mkfifo),
)

CASES = (*CUT, *CUT_ELSEWHERE, *EMPTY, *SAMPLES, *CLAIMS, *CONTAINERS, *NAMES, *PLACES)


def table() -> str:
    """All cases as Markdown."""
    rows = [f"| {case.what} | {case.code} | {promise(case)} |" for case in CASES]
    return "\n".join(("| input | exit code | outcome |", "| --- | --- | --- |", *rows))


def promise(case: Case) -> str:
    heard = f"{case.seconds:g} s of audio" if case.seconds is not None else ""
    return "; ".join(filter(None, (heard, f"says “{case.says}”" if case.says else "")))


if __name__ == "__main__":
    print(table())  # noqa: T201
