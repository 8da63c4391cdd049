"""A session's folder: whose it is, what an earlier run left in it, and what stands in it at the end."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.timeline.exclusive import exclusive
from sinks.chrome_trace import write_trace
from sinks.documents import EVENTS, write_documents
from sinks.formats import FORMATS, parse_formats
from sinks.labelled import LabelledLog
from sinks.live_table import LiveTable
from sinks.manifest import Manifest, Output, read_manifest, write_manifest
from sinks.performance import write_json, write_text
from sinks.prometheus import write_prometheus
from sinks.segment_table import PARTS
from sinks.span_lines import SpanFile
from sinks.voices import write_voices
from stream_engine.checkpoint import CHECKPOINT, Checkpoint
from stream_engine.errors import StorageError, StreamEngineError
from stream_engine.events import SCHEMA, Event, Segment, Turn
from stream_engine.folder import claimed, refused_by_disk, storage_errors
from stream_engine.inputs import Input
from stream_engine.log import read
from stream_engine.options import Options
from stream_engine.tracer import Tracer

DONE, DAMAGED, FAULT, INTERRUPTED = 0, 6, 70, 130  # exit codes that are no error's
WHAT_TO_DO = "use --fresh to replace it, or another --out"
NOT_ASKED_FOR = "not asked for"


@dataclass(frozen=True, kw_only=True)
class Result:
    """A session that is over: its folder, its records under their last labels, and its figures."""

    folder: Path
    exit_code: int  # 0, 6 (the input was damaged), 7 or 70 (an output failed) or 130 (stopped)
    outputs: dict[str, Output]
    notes: tuple[str, ...]
    performance_metrics: dict[str, Any]
    unsent: str | None = None  # why the trace did not reach the collector
    reports: dict[str, Path] = field(default_factory=dict[str, Path])  # json and text, of performance logging

    @property
    def events(self) -> Iterator[Event]:
        """The log, as it was emitted."""
        return read(self.folder / EVENTS)

    @property
    def segments(self) -> list[Segment]:
        return list(LabelledLog(self.folder / EVENTS).segments())

    @property
    def turns(self) -> list[Turn]:
        return list(LabelledLog(self.folder / EVENTS).turns())

    @property
    def exclusive_turns(self) -> list[Turn]:
        """Turns with nobody speaking at the same time as another: who began first keeps the floor."""
        return exclusive(self.turns)

    @property
    def paths(self) -> dict[str, Path]:
        """The files that were written, by name."""
        return {
            name: self.folder / name for name, output in self.outputs.items() if output.state == "written"
        }


class SessionFolder:
    """The folder of the session that `source` and `options` make."""

    def __init__(self, path: Path, source: Input, options: Options) -> None:
        self.path = path
        self.log = path / EVENTS
        self._source = source
        self._options = options
        self._versions: dict[str, str] = {}
        self._identity: dict[str, Any] = {"input": source.shown, **options.identity()}
        if source.kind == "file" and source.path is not None and source.path.exists():
            found = source.path.stat()
            self._identity |= {"size": found.st_size, "modified_ns": found.st_mtime_ns}

    def finished(self, versions: Callable[[], dict[str, str]]) -> Result | None:
        """The result of an earlier run of this session, where it is complete; writes what it lacks.

        `versions` tells what a session would run on now.

        Raises:
            ValueError: the folder holds another session, and `fresh` was not asked for.
            StorageError: it cannot be read, or what it lacks not be written.
        """
        with storage_errors(self.path):
            return None if self._options.fresh or not self.log.exists() else self._begun(versions)

    def _begun(self, versions: Callable[[], dict[str, str]]) -> Result | None:
        if self._source.live:
            raise ValueError(
                f"{self.path}: holds an earlier session; use --fresh to replace it, or another --out"
            )
        manifest = self._manifest()
        if manifest is None:
            return None
        if manifest.options != self._identity:
            raise ValueError(
                f"{self.path}: holds a session of another input or with other options; {WHAT_TO_DO}"
            )
        if manifest.exit_status not in (DONE, DAMAGED):
            return None
        now = _models(versions())
        if manifest.models and manifest.models != now:
            other = ", ".join(name for name in now if now[name] != manifest.models.get(name))
            raise ValueError(f"{self.path}: holds a session on another {other}; {WHAT_TO_DO}")
        formats = parse_formats(self._options.formats)
        files = [format.file for format in FORMATS if format.name in formats]
        outputs = manifest.outputs
        for format in FORMATS:
            if format.private and format.name in formats and format.file not in outputs:
                outputs[format.file] = Output(state="skipped", reason="an earlier run kept none; use --fresh")
        if any(file not in outputs or outputs[file].reason == NOT_ASKED_FOR for file in files):
            outputs = write_documents(self.path, formats=formats, former=outputs)
            write_manifest(self.path, msgspec.structs.replace(manifest, outputs=outputs))
        performance = self.path / "performance.json"
        figures: dict[str, Any] = (
            msgspec.json.decode(performance.read_bytes()) if performance.exists() else {}
        )
        return Result(
            folder=self.path,
            exit_code=manifest.exit_status,
            outputs=outputs,
            notes=manifest.notes,
            performance_metrics=figures,
        )

    @contextmanager
    def held(self) -> Generator[None]:
        """Holds the folder for this process; a session that fails is noted in its manifest.

        Raises:
            SessionInUse, StorageError: it cannot be held or made; and what the session raises.
        """
        with claimed(self.path):
            try:
                with storage_errors(self.path):
                    yield
            except BaseException as error:
                code, said = FAULT, f"{type(error).__name__}: {error}"
                if isinstance(error, StreamEngineError):
                    code, said = error.exit_code, str(error)
                elif not isinstance(error, Exception):
                    code, said = INTERRUPTED, "interrupted"
                with suppress(OSError, ValueError):
                    manifest = self._manifest()
                    if manifest is None or manifest.exit_status not in (DONE, DAMAGED):
                        self._write_manifest(code, {}, (said,))
                raise

    def resumed(
        self, versions: dict[str, str], notes: tuple[str, ...], *, afresh: bool = False
    ) -> Checkpoint | None:
        """Brings the folder to its last checkpoint, or empties it; the manifest says: not finished.

        What cannot be read again (stdin, a device, a URL) has no checkpoint.
        """
        self._versions = versions
        checkpoint = self.path / CHECKPOINT
        if afresh or self._options.fresh or self._source.live:
            _remove(checkpoint)
        found = None
        if not self._source.live:
            found = Checkpoint(checkpoint, {**self._identity, "versions": versions, "schema": SCHEMA})
        if found and found.position and self.log.exists() and self.log.stat().st_size >= found.log_bytes:
            os.truncate(self.log, found.log_bytes)
        else:
            self.log.unlink(missing_ok=True)
            if found:
                found.forget()
        for format in FORMATS:
            for name in (format.file, f"{format.file}.part"):
                (self.path / name).unlink(missing_ok=True)
        shutil.rmtree(self.path / PARTS, ignore_errors=True)
        self._write_manifest(None, {}, notes)
        return found

    def live_table(self) -> LiveTable | None:
        """The table of segments that can be read while the session runs, where that table is wanted."""
        wanted = "parquet" in parse_formats(self._options.formats)
        return LiveTable(log=self.log, parts=self.path / PARTS) if wanted else None

    @contextmanager
    def span_file(self, tracer: Tracer) -> Generator[SpanFile | None]:
        """Takes all spans of stages that `tracer` is told of in its block, where they are wanted."""
        if "spans" not in parse_formats(self._options.formats):
            yield None
            return
        spans = SpanFile(tracer, self.path / "spans.jsonl")
        try:
            yield spans
        finally:
            spans.end()

    def conclude(
        self,
        *,
        stopped: bool,
        damage: str | None,
        notes: tuple[str, ...],
        figures: dict[str, Any],
        voices: dict[str, NDArray[np.float32]],
        tracer: Tracer,
        spans: SpanFile | None,
    ) -> Result:
        """Documents out of the log, then the manifest."""
        code = INTERRUPTED if stopped else DAMAGED if damage else DONE
        if damage:
            notes = (*notes, f"damaged input: {damage}")
        supplied: dict[str, Callable[[Path], object]] = {
            "performance.json": partial(write_json, figures),
            "performance.txt": partial(write_text, figures),
            "trace.json": partial(write_trace, tracer),
            "performance.prom": partial(write_prometheus, figures),
            "voices.npz": partial(write_voices, voices),
        }
        if spans is not None:
            supplied["spans.jsonl"] = lambda _: spans.finish()
        formats = parse_formats(self._options.formats)
        outputs = write_documents(self.path, formats=formats, supplied=supplied)
        failures = [
            f"{name}: {output.reason}" for name, output in outputs.items() if output.state == "failed"
        ]
        if failures:
            of_the_disk = all(map(refused_by_disk, failures))
            code, notes = StorageError.exit_code if of_the_disk else FAULT, (*notes, *failures)
        self._write_manifest(code, outputs, notes)
        if code in (DONE, DAMAGED):
            _remove(self.path / CHECKPOINT)
        return Result(
            folder=self.path, exit_code=code, outputs=outputs, notes=notes, performance_metrics=figures
        )

    def _manifest(self) -> Manifest | None:
        try:
            return read_manifest(self.path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except msgspec.DecodeError:
            raise ValueError(f"{self.path}: its manifest is damaged; {WHAT_TO_DO}") from None

    def _write_manifest(self, code: int | None, outputs: dict[str, Output], notes: tuple[str, ...]) -> None:
        manifest = Manifest(
            source=self._source.shown,
            exit_status=code,
            options=self._identity,
            outputs=outputs,
            notes=notes,
            models=_models(self._versions),
        )
        write_manifest(self.path, manifest)


def noted(result: Result, unsent: str) -> Result:
    """The result, and its manifest, with what kept the trace from the collector."""
    with suppress(OSError, ValueError):  # the session is complete without
        manifest = read_manifest(result.folder)
        write_manifest(result.folder, msgspec.structs.replace(manifest, notes=(*manifest.notes, unsent)))
    return replace(result, unsent=unsent)


def _models(versions: dict[str, str]) -> dict[str, str]:
    """Of what a session runs on, that which a user chooses or changes."""
    return {name: versions[name] for name in ("recogniser", "diarizer", "weights") if name in versions}


def _remove(checkpoint: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{checkpoint}{suffix}").unlink(missing_ok=True)
