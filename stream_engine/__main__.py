"""The command line: its words. What each command does is in `commands`, imported when it runs."""

from __future__ import annotations

import argparse
import fcntl
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

INTERRUPTED = 130
EPILOG = """\
INPUT is a file, a URL that ffmpeg can open, a device (alsa:default), or - for stdin.
exit codes: 0 done, 2 wrong usage, 3 input unreadable or without audio, 4 back end, weights or
language missing, 5 some of several inputs failed, 6 done but the input was damaged, 7 no space or no
permission, 8 session in use, 70 a fault of ours, 130 interrupted (what was finished is kept)"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command; returns its exit code (2 for wrong usage, raised as SystemExit)."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    given = vars(arguments)
    if "-" in given.get("inputs", ()):
        _wait_in_the_pipe()
    try:
        run = import_module("stream_engine.commands")
    except KeyboardInterrupt:  # a second or two, in which nothing has begun
        print("stream-engine: interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    return run.guarded(given.pop("command"), given, parser.error)


def _wait_in_the_pipe() -> None:
    """Makes stdin's pipe hold what is said while we are being imported: 5 s of 48 kHz stereo, not 0.3."""
    with suppress(OSError, AttributeError):  # no pipe, or not Linux
        fcntl.fcntl(0, fcntl.F_SETPIPE_SZ, 1 << 20)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="stream-engine",
        description="Who said what when, while it is being said.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    transcribe = _command(commands, "transcribe", "recordings or live audio to who-said-what-when")
    transcribe.add_argument("inputs", nargs="+", metavar="INPUT")
    transcribe.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="a folder per input goes here (default: the current folder)",
    )
    _session_options(transcribe)
    transcribe.add_argument(
        "--profile", type=Path, default=None, metavar="FILE.toml", help="options from a file"
    )
    transcribe.add_argument("--json", action="store_true", help="events as JSON lines on stdout")
    transcribe.add_argument("--quiet", action="store_true", help="nothing but errors")

    ingest = _command(commands, "ingest", "decode to the PCM store and stop")
    ingest.add_argument("inputs", nargs="+", metavar="INPUT")
    _options(ingest, ("--cache", "DIR", "folder of the PCM store, or several as in PATH"))

    render = _command(commands, "render", "make outputs again from events.jsonl")
    render.add_argument("folder", type=Path, metavar="DIR")
    render.add_argument(
        "--formats", required=True, metavar="LIST", help="names or groups, separated by commas"
    )

    doctor = _command(commands, "doctor", "what is installed, and what is missing")
    doctor.add_argument(
        "--strict", action="store_true", help="import each package, and take no other version"
    )
    doctor.add_argument("--json", action="store_true", help="the same as one JSON object")
    models = _command(commands, "models", "weights: list (default), check, pull from the hub, remove")
    models.add_argument("action", nargs="?", choices=("list", "check", "pull", "remove"), default="list")
    models.add_argument("name", nargs="?", metavar="NAME:MODEL", help="such as faster-whisper:tiny.en")

    cache = _command(commands, "cache", "the store of decoded audio")
    cache.add_argument("action", choices=("list", "clear", "path"))
    _options(cache, ("--cache", "DIR", "folder of the PCM store, or several as in PATH"))

    trace = _command(commands, "trace", "where the time of runs went, and what changed between two")
    trace.add_argument("action", choices=("show", "diff", "page"), help="page: the trace drawn, in one file")
    trace.add_argument(
        "files", nargs="+", type=Path, metavar="DIR", help="or a performance.json; of page, a trace.json"
    )
    trace.add_argument("--out", type=Path, metavar="FILE.html", help="of page: trace.html beside the trace")

    bench = _command(commands, "bench", "score a data set: errors, latency, cost, at one and more sessions")
    bench.add_argument("dataset", nargs="?", metavar="DATASET", help="a folder of recordings, or a manifest")
    _options(bench, ("--out", "DIR", "runs, results.json and page.html go here"))
    bench.add_argument("--paced", action="store_true", default=argparse.SUPPRESS, help="at the speed of life")
    bench.add_argument(
        "--unpaced", action="store_true", default=argparse.SUPPRESS, help="as fast as possible"
    )
    _options(
        bench,
        ("--sessions", "LIST", "numbers of simultaneous sessions, such as 1,2,4"),
        ("--against", "FILE", "results.json of an earlier bench: what got worse"),
        ("--profile", "FILE.toml", "options from a file"),
    )
    _options(bench, ("--limit", "N", "the first N recordings only"), kind=int)
    bench.add_argument("--quiet", action="store_true", default=argparse.SUPPRESS, help="files only")
    _session_options(bench)
    return parser


def _command(commands: Any, name: str, summary: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=summary, description=summary, allow_abbrev=False, epilog=EPILOG,
                               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip


def _session_options(parser: argparse.ArgumentParser) -> None:
    _options(
        parser,
        (
            "--formats",
            "LIST",
            "outputs: names or groups (default, all, subtitles, tables, scoring), by commas",
        ),
        ("--asr", "NAME[:MODEL]", "recogniser: auto, faster-whisper:MODEL, moonshine, none"),
        ("--diarizer", "NAME[:MODEL]", "who speaks: auto, pyannote[:MODEL], community-1, channels, none"),
        ("--language", "L", "language spoken, such as en"),
        ("--prompt", "TEXT", "names and spellings to expect (faster-whisper)"),
        ("--precision", "P", "of faster-whisper: auto, float32, float16, bfloat16, int8"),
        ("--voices", "DIR", "short recordings of people, whose file names are theirs"),
        ("--device", "NAME", "auto, cpu, cuda or mps"),
        ("--resample", "WHO", "auto, ffmpeg or device"),
        ("--analytics", "LIST", "of prosody, voice, sounds, affect, conversation; all (default) or none"),
        ("--tagger", "NAME[:MODEL]", "of sounds: signal (default), or onnx:MODEL"),
        ("--sounds", "MODE", "timeline, auto or global"),
        ("--sound-rules", "RULES", "such as enter=0.5,exit=0.35,min_dur.Speech=1"),
        ("--classmap", "FILE.csv", "label,group: groups of labels"),
        ("--fillers", "FILE", "fillers of your own, one a line"),
        ("--affect-emotion", "MODEL", "emotions of the voice: a folder or a hub id (ONNX)"),
        ("--affect-dimensions", "MODEL", "valence, arousal and dominance of the voice"),
        ("--affect-text", "MODEL", "emotions of the words"),
        ("--affect-intent", "MODEL", "what is meant: zero-shot, with --intents"),
        ("--intents", "LIST", "labels of your own"),
        ("--processed", "WHO", "hears the signal chain: none (default), recognition, diarization, both"),
        ("--chain", "LINKS", "of high-pass, denoise, gain, compression, loudness, limiter"),
        ("--loudness", "TARGET", "asr (-20 LUFS) or broadcast (-23)"),
        ("--redact-names", "FILE", "names to be redacted with --redact, one a line"),
        ("--output-dir", "DIR", "of the reports of --enable-performance-logging"),
        ("--otlp", "URL", "send the trace to an OpenTelemetry collector, such as http://localhost:4318"),
        ("--pcm", "FMT:RATE:CH", "stdin holds raw samples, such as s16le:16000:1"),
        ("--cache", "DIR", "folder of the PCM store, or several as in PATH"),
    )
    _options(
        parser,
        ("--asr-workers", "N", "utterances that are recognised at a time"),
        ("--speakers", "N", "exactly N speakers"),
        ("--min-speakers", "N", "N speakers or more"),
        ("--max-speakers", "N", "N speakers or fewer"),
        kind=int,
    )
    _options(
        parser,
        ("--latency", "S", "future audio that the diarizer may wait for"),
        ("--pace", "X", "feed at X times the speed of life"),
        ("--stall-timeout", "S", "give up a source that sends nothing for so long"),
        ("--checkpoint-every", "S", "audio between two places from which a killed session goes on"),
        ("--min-overlap", "S", "what two speakers share at least, to be an interruption"),
        ("--interruption-gap", "S", "who begins so soon after another interrupts nobody"),
        ("--backchannel-max", "S", "the longest words that claim no floor"),
        ("--pause-min", "S", "the shortest pause within a segment"),
        ("--statistics-every", "S", "of session time between two figures of the talk"),
        kind=float,
    )
    for name, text in (
        ("--context", "tell faster-whisper what was said before: names and spelling stay the same"),
        ("--partials", "show the text of turns that are still open"),
        ("--redact", "replace numbers, dates, addresses and listed names in every output"),
        (
            "--enable-performance-logging",
            "by stage: performance_<session>.json and .txt, and on the console",
        ),
        ("--exact-medians", "of speakers; else within one percent, in bounded memory"),
        ("--no-cache", "keep no decoded audio on disk after the run"),
        ("--fresh", "replace what an earlier run left in the folder"),
        ("--offline", "open no socket"),
        ("--reconnect", "open a web address again that breaks off"),
    ):
        parser.add_argument(name, action="store_true", default=argparse.SUPPRESS, help=text)


def _options(parser: argparse.ArgumentParser, *rows: tuple[str, str, str], kind: type = str) -> None:
    """Options without a default of their own: `options.Options` has them."""
    for name, metavar, text in rows:
        parser.add_argument(name, type=kind, metavar=metavar, help=text, default=argparse.SUPPRESS)


if __name__ == "__main__":
    sys.exit(main())
