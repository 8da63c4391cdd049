"""One way to turn recordings into who-said-what, run as a program: ours or a peer's, with equal figures."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benches.diarization import Intervals
from benches.peers.environments import python
from benches.peers.watched import Watched
from benches.words import Line

PROGRAMS = Path(__file__).parent / "programs"


@dataclass
class Heard:
    """What a run found in each recording, under the last labels, and what the run was like."""

    run: Watched
    first_s: float | None  # from the start of the process to the first text that will not change
    turns: dict[Path, Intervals] = field(default_factory=dict)
    lines: dict[Path, list[Line]] = field(default_factory=dict)


class Transcriber(Protocol):
    def __call__(self, files: Sequence[Path], *, limit_s: float | None = None) -> Heard: ...


@dataclass(frozen=True)
class Ours:
    """`stream-engine transcribe`, words and speakers alone, as the peers have them.

    A text that the guards reject counts as one: tiny weights say nothing.
    """

    options: tuple[str, ...]

    def __call__(self, files: Sequence[Path], *, limit_s: float | None = None) -> Heard:
        from benches.recognition import last_labels, speaker
        from stream_engine.clock import seconds
        from stream_engine.events import Relabel, Segment, Turn, Watermark
        from stream_engine.log import read

        with tempfile.TemporaryDirectory() as name:
            command = [sys.executable, "-m", "stream_engine", "transcribe", *files, "--out", name, "--json"]
            always = ("--no-cache", "--language", "en", "--formats", "events", "--analytics", "none")
            heard = Heard(Watched([*command, *always, *self.options], limit_s=limit_s), None)
            done = [at for at, line in heard.run.lines if line.get("type") in ("segment", "rejected")]
            heard.first_s = min(done, default=None)
            for file in files if not heard.run.stopped else ():
                events = list(read(Path(name) / file.stem / "events.jsonl"))
                final = last_labels([e for e in events if isinstance(e, Turn | Relabel | Watermark)])
                heard.turns[file] = [
                    (seconds(t.start), seconds(t.end), str(t.speaker)) for t in final.values()
                ]
                heard.lines[file] = [
                    (seconds(e.start), speaker(e, final), e.text)
                    for e in events
                    if isinstance(e, Segment) and e.final
                ]
            return heard


@dataclass(frozen=True)
class Peer:
    """A program in its own environment, that prints turns and texts as JSON lines."""

    environment: str
    program: str
    arguments: tuple[str, ...] = ()
    first: str = "text"

    def __call__(self, files: Sequence[Path], *, limit_s: float | None = None) -> Heard:
        command = [python(self.environment), PROGRAMS / self.program, *self.arguments, *files]
        run = Watched(command, limit_s=limit_s)
        heard = Heard(run, run.first(kind=self.first))
        for file in files:
            rows: list[dict[str, Any]] = run.all(kind="turn", file=str(file))
            heard.turns[file] = [(row["start"], row["end"], row["speaker"]) for row in rows]
            said = run.all(kind="text", file=str(file))
            heard.lines[file] = [(row["start"], row["speaker"], row["text"]) for row in said]
        return heard
