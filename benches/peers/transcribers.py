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
    def __call__(self, files: Sequence[Path], *, first_within_s: float | None = None) -> Heard:
        """With `first_within_s`, only up to the first text, or for so long."""
        ...


@dataclass(frozen=True)
class Ours:
    """`stream-engine transcribe`, words and speakers alone, as the peers have them.

    A text that the guards reject counts as one: tiny weights say nothing.
    """

    options: tuple[str, ...]

    def __call__(self, files: Sequence[Path], *, first_within_s: float | None = None) -> Heard:
        from benches.recognition import last_labels, speaker
        from stream_engine.clock import seconds
        from stream_engine.events import Relabel, Segment, Turn, Watermark
        from stream_engine.log import read

        with tempfile.TemporaryDirectory() as name:
            command: list[str | Path] = [
                sys.executable,
                "-m",
                "stream_engine",
                "transcribe",
                *files,
                "--out",
                name,
                "--json",
            ]
            always = ("--no-cache", "--language", "en", "--formats", "events", "--analytics", "none")
            command += [*always, *self.options]
            run = Watched(command, limit_s=first_within_s, enough=_is_text if first_within_s else None)
            heard = Heard(run, next((at for at, line in run.lines if _is_text(line)), None))
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

    def __call__(self, files: Sequence[Path], *, first_within_s: float | None = None) -> Heard:
        command = [python(self.environment), PROGRAMS / self.program, *self.arguments, *files]
        enough = (lambda line: line["kind"] == self.first) if first_within_s else None
        run = Watched(command, limit_s=first_within_s, enough=enough)
        heard = Heard(run, run.first(kind=self.first))
        for file in files:
            rows: list[dict[str, Any]] = run.all(kind="turn", file=str(file))
            heard.turns[file] = [(row["start"], row["end"], row["speaker"]) for row in rows]
            said = run.all(kind="text", file=str(file))
            heard.lines[file] = [(row["start"], row["speaker"], row["text"]) for row in said]
        return heard


def _is_text(event: dict[str, Any]) -> bool:
    return event.get("type") == "rejected" or (event.get("type") == "segment" and event["final"])
