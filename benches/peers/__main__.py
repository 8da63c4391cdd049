"""Sets the peers up, runs them, and prints what was measured; `benches.peers` says what that is."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benches.__main__ import machine
from benches.peers import environments
from benches.peers.environments import MissingEnvironment


def moonshine(chosen: argparse.Namespace) -> dict[str, Any]:
    from benches.peers.side_by_side import compare
    from benches.peers.transcribers import Ours, Peer

    ours = Ours(("--asr", "moonshine", "--diarizer", "community-1"))
    peer = Peer("moonshine", "moonshine_stream.py", first="line")
    return compare(ours, peer, **slow(chosen), quick=chosen.quick, texts=True)


def sequential(chosen: argparse.Namespace) -> dict[str, Any]:
    from benches.peers.side_by_side import compare
    from benches.peers.transcribers import Ours, Peer
    from benches.peers.weights import pyannote_pipeline, tiny_whisper

    weights = environments.root() / "weights"
    pyannote = str(chosen.pyannote or pyannote_pipeline(weights / "community-1"))
    whisper = str(chosen.whisper or tiny_whisper(weights / "tiny-whisper"))
    ours = Ours(("--diarizer", f"pyannote:{pyannote}", "--asr", f"faster-whisper:{whisper}"))
    peer = Peer("sequential", "sequential.py", (pyannote, whisper))
    return compare(ours, peer, **slow(chosen), quick=chosen.quick, texts=bool(chosen.whisper))


def pydub(chosen: argparse.Namespace) -> dict[str, Any]:
    from benches.peers.preprocessing import compare

    return compare(lengths=lengths(chosen, 60, 300, 600, 1800))


def whisperx(chosen: argparse.Namespace) -> dict[str, Any]:
    from benches.peers.word_speakers import compare

    return compare(quick=chosen.quick)


def diart(chosen: argparse.Namespace) -> dict[str, Any]:
    from benches.peers.blocks import compare

    return compare(lengths=lengths(chosen, 60, 300, 600, 1800))


PEERS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "whisperx": whisperx,
    "diart": diart,
    "pydub": pydub,
    "moonshine": moonshine,
    "sequential": sequential,
}


def lengths(chosen: argparse.Namespace, *usual: int) -> tuple[int, ...]:
    """Seconds of audio: those asked for, else short ones or the `usual`."""
    return tuple(chosen.lengths or ((15, 30) if chosen.quick else usual))


def slow(chosen: argparse.Namespace) -> dict[str, tuple[int, ...]]:
    """For peers that take about as long as the audio lasts: ours goes on alone, to half an hour."""
    alone = () if chosen.quick or chosen.lengths else (600, 1800)
    return {"lengths": lengths(chosen, 60, 240), "alone": alone}


def measure(arguments: list[str] | None = None) -> dict[str, Any]:
    """The figures of each peer by name, or `{"missing": reason}`."""
    chosen = parsed(["run", *(arguments or [])])
    found: dict[str, Any] = {}
    for name in chosen.names or PEERS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            environments.python(name)
            found[name] = PEERS[name](chosen) | {"commit": machine()["commit"]}
        except (MissingEnvironment, RuntimeError) as error:
            found[name] = {"missing": str(error)}
    return found


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benches.peers")
    parser.add_argument("action", choices=("setup", "run"))
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(PEERS))
    parser.add_argument("--quick", action="store_true", help="15 and 30 s, one clip")
    parser.add_argument("--lengths", type=int, nargs="+", metavar="S", help="of the recordings, seconds")
    parser.add_argument("--pyannote", type=Path, metavar="FOLDER", help="a pipeline with other weights")
    parser.add_argument("--whisper", type=Path, metavar="FOLDER", help="a CTranslate2 model that understands")
    chosen = parser.parse_intermixed_args(arguments)
    unknown = sorted(set(chosen.names) - set(PEERS))
    if unknown:
        parser.error(f"unknown peer: {', '.join(unknown)}; there are {', '.join(PEERS)}")
    return chosen


def set_up(names: list[str]) -> int:
    """Prints what became of each; 1 if one could not be made."""
    failed = 0
    for name in names or environments.names():
        try:
            environments.set_up(name)
            print(f"{name}: {environments.python(name)}")
        except MissingEnvironment as error:
            print(error, file=sys.stderr)
            failed = 1
    return failed


def main(arguments: list[str]) -> int:
    if "setup" in arguments:
        return set_up(parsed(arguments).names)
    if "run" in arguments:
        arguments.remove("run")
    print(json.dumps(measure(arguments), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
