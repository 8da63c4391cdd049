"""Times stages and subprocesses of a pipeline that is no stream, and reports them.

    logger = PerformanceLogger("Transcription")
    logger.start_pipeline()
    logger.start_stage("Preprocessing")
    with logger.subprocess("resampling", {"rate": 16000}):
        ...
    logger.end_stage("Preprocessing")
    logger.end_pipeline()

It is a face of a `Tracer`: each run is a span in it, under the path of its names, such as
`Preprocessing/resampling`, so that the Chrome trace and the histograms have them. Tasks and threads may use
it at the same time.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import msgspec

from stream_engine.performance.blocks import PerformanceTimer, TimedSubprocess, noted_on, said
from stream_engine.performance.console import told_on
from stream_engine.performance.files import json_path, new_session_id, text_path, write_whole
from stream_engine.performance.formats import ENTRIES, as_console, as_json, as_summary, as_text
from stream_engine.performance.gpu_monitor import GPUMonitor, Reading
from stream_engine.performance.instruments import Instruments
from stream_engine.performance.recorder import Recorder
from stream_engine.performance.report import Report
from stream_engine.performance.session_log import entry
from stream_engine.performance.sessions import session_report
from stream_engine.performance.spans import Span, checked
from stream_engine.performance.system import system_info
from stream_engine.tracer import Tracer

OUTPUT_DIR = "outputs/performance_logs"
Metadata = dict[str, Any]


class PerformanceLogger:
    """Pipeline, stages and subprocesses: wall and busy time, processor time, memory, GPU.

    `tracer` is given its spans; `gpu` and `instruments` are what it reads, `stream` is where it tells
    (standard output). `audio_s`, of the recording, is for figures by hour of audio.
    """

    def __init__(
        self,
        name: str = "Pipeline",
        output_dir: str | Path | None = None,
        enable_gpu_monitoring: bool = True,
        verbose: bool = True,
        *,
        tracer: Tracer | None = None,
        gpu: GPUMonitor | None = None,
        instruments: Instruments | None = None,
        stream: TextIO | None = None,
        audio_s: float | None = None,
    ) -> None:
        self.name = checked(name)
        self.output_dir = Path(output_dir or OUTPUT_DIR)
        self.verbose = verbose
        self.tracer = tracer or Tracer()
        self.audio_s = audio_s
        self._monitored = enable_gpu_monitoring
        self._gpu = gpu or GPUMonitor(on_sample=self._sampled)
        self._read = instruments or Instruments()
        self._stream = stream
        self._log: deque[tuple[float, str, str]] = deque(maxlen=ENTRIES)
        self._lock = threading.Lock()
        self._written = False
        self._recorder: Recorder | None = None
        self._started = False  # by name, not only by what came first
        self._mute = False  # the console failed
        self._told: Report | None = None  # by a session
        self.session_id = self._new_id()

    # --- the pipeline -------------------------------------------------------------------------

    def start_pipeline(self) -> None:
        """Begins; after an end, a new session. What came before it, a stage or a timer, has begun it.

        Raises:
            ValueError: it runs already.
        """
        with self._lock:
            if self._recorder is None or self._recorder.ended is not None:
                if self._recorder is not None:
                    self.session_id = self._new_id()
                    self._written = False
                    self._log.clear()
                self._recorder = self._begun()
            elif self._started:
                raise ValueError(f"pipeline {self.name!r} runs already: end it first")
            self._started = True
        self.log(f"[{self.name}] Pipeline started")

    def end_pipeline(self) -> dict[str, Any]:
        """Ends what is open, prints the summary, writes both reports; gives what `get_summary` does.

        Raises:
            ValueError: it does not run.
            OSError: the reports could not be written.
        """
        recorder = self._recorder
        if recorder is None or recorder.ended is not None:
            raise ValueError(f"pipeline {self.name!r} does not run")
        self._started = False
        left, took = recorder.close()
        for span in left:
            self.log(f"[{span.node.name}] was not ended", "WARNING")
        self.log(f"[{self.name}] Pipeline completed in {took:.3f}s")
        if self.verbose:
            self.print_summary()
        self.generate_reports()
        return self.get_summary()

    # --- stages -------------------------------------------------------------------------------

    def start_stage(self, name: str) -> None:
        """Begins a stage, nested in the one that is open in this task or thread.

        Raises:
            ValueError: the name is empty or no line of text.
        """
        self._running().begin("stage", checked(name), None, None)
        self.log(f"[{name}] Stage started")

    def end_stage(self, name: str | None = None) -> None:
        """Ends the innermost open stage of that name, or the innermost one.

        While an exception that came after its beginning is handled, the stage has failed.

        Raises:
            ValueError: it is not open.
        """
        recorder = self._running()
        span = recorder.open_stage(None if name is None else checked(name))
        error = sys.exc_info()[1]
        self._end(span, error if error is not span.raised else None)

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """A stage as a block, which an exception marks as failed."""
        span = self._running().begin("stage", checked(name), None, None)
        self.log(f"[{name}] Stage started")
        try:
            yield
        except BaseException as error:
            self._end(span, error)
            raise
        self._end(span, None)

    # --- subprocesses -------------------------------------------------------------------------

    def subprocess(
        self, name: str, metadata: Metadata | None = None, *, stage: str | None = None
    ) -> TimedSubprocess:
        """A block that is timed within the open stage, or within `stage`; gives its copy of the metadata.

        Raises:
            ValueError: the name is empty or no line of text, or `stage` is not open.
        """
        name, given = checked(name), dict(metadata or {})

        def begin() -> Span:
            recorder = self._running()
            within = recorder.open_stage(checked(stage)) if stage is not None else None
            return recorder.begin("subprocess", name, given, within)

        return TimedSubprocess(begin, self._end, given)

    def record_subprocess(
        self, name: str, duration: float, metadata: Metadata | None = None, *, stage: str | None = None
    ) -> None:
        """A subprocess that was timed elsewhere, took `duration` seconds, and has just ended.

        Raises:
            ValueError: the name is no line of text, the duration below 0, or `stage` is not open.
        """
        if not 0 <= duration < float("inf"):
            raise ValueError(f"a duration is seconds from 0 up, not {duration}")
        recorder = self._running()
        within = recorder.open_stage(checked(stage)) if stage is not None else None
        recorder.told(checked(name), duration, dict(metadata or {}), within)
        self.log(f"  [{name}] completed in {duration:.3f}s", "DEBUG")

    def timer(self, name: str) -> PerformanceTimer:
        """A block that is timed and belongs to no stage."""
        return PerformanceTimer(name, self)

    def record_timing(self, name: str, duration: float) -> None:
        """A duration in seconds that belongs to no stage."""
        if not 0 <= duration < float("inf"):
            raise ValueError(f"a duration is seconds from 0 up, not {duration}")
        self._running().timed(checked(name), duration)

    # --- reports ------------------------------------------------------------------------------

    def log(self, msg: str, level: str = "INFO") -> None:
        """A line on the console and among the last entries of the report."""
        entry = self._read.now(), level, msg
        self._log.append(entry)
        if self.verbose:
            self._tell(self._line(*entry) + "\n")

    def generate_reports(self) -> dict[str, Path]:
        """Writes both files; gives their paths by `json` and `text`.

        Raises:
            OSError: they could not be written.
        """
        report = self.report()
        while not write_whole(
            path := json_path(self.output_dir, self.session_id), _encoded(report), replace=self._written
        ):  # another process began in the same second
            report.session_id = self.session_id = self._new_id()
        self._written = True
        beside = text_path(self.output_dir, self.session_id)
        write_whole(beside, as_text(report), replace=True)
        return {"json": path, "text": beside}

    def generate_json_report(self) -> dict[str, Any]:
        return as_json(self.report())

    def generate_text_report(self) -> str:
        return as_text(self.report())

    def get_summary(self) -> dict[str, Any]:
        """Total, and of each stage duration and percentage; so far, if it runs."""
        return as_summary(self.report())

    def print_summary(self) -> None:
        self._tell(as_console(self.report()))

    def report(self) -> Report:
        """All figures so far."""
        if self._told is not None:
            return msgspec.structs.replace(self._told, session_id=self.session_id)
        recorder = self._recorder
        if recorder is None:
            return Report(session_id=self.session_id, name=self.name, total_s=0.0)
        report = recorder.report(self.session_id, self.name, self.audio_s)
        report.log = [self._line(*entry) for entry in list(self._log)]
        report.system_info = system_info()
        return report

    def abandon(self) -> None:
        """Ends without reports."""
        if self._recorder is not None and self._recorder.ended is None:
            self._recorder.close()

    def __enter__(self) -> PerformanceLogger:
        self.start_pipeline()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with noted_on(error):
            self.end_pipeline()

    @classmethod
    def from_metrics(
        cls, figures: dict[str, Any], *, name: str = "Session", output_dir: str | Path | None = None
    ) -> PerformanceLogger:
        """A logger that has ended, with the figures of a session (`performance.json`) in the same formats.

        Where they do not say when the session ended, it was now.
        """
        logger = cls(name, output_dir, enable_gpu_monitoring=False, verbose=False)
        ended = logger._read.local(figures.get("ended_at") or logger._read.now())
        logger._told = session_report(figures, session_id=logger.session_id, name=name, ended=ended)
        return logger

    # --- inside -------------------------------------------------------------------------------

    def _running(self) -> Recorder:
        """The open pipeline; begins one where a stage comes first."""
        with self._lock:
            if self._recorder is None:
                self._recorder = self._begun()
            elif self._recorder.ended is not None:
                raise ValueError(f"pipeline {self.name!r} has ended: start it again")
            return self._recorder

    def _new_id(self) -> str:
        return new_session_id(self._read.local(self._read.now()), self.output_dir)

    def _begun(self) -> Recorder:
        if self._told is not None:
            raise ValueError("these are the figures of a session that is over: make another logger")
        if self._monitored:
            self._gpu.start()
        return Recorder(self.name, self.tracer, self._read, self._gpu)

    def _end(self, span: Span, error: BaseException | None) -> None:
        left_early = isinstance(error, GeneratorExit)  # as a generator may be
        with noted_on(error):
            self._ended(span, None if error is None or left_early else said(error))

    def _ended(self, span: Span, failure: str | None) -> None:
        recorder = span.owner
        assert isinstance(recorder, Recorder)
        took = recorder.end(span, failure)
        if took is None:
            return
        name = span.node.name
        what, level = (f"[{name}] Stage", "INFO") if span.node.kind == "stage" else (f"  [{name}]", "DEBUG")
        if failure is None:
            self.log(f"{what} completed in {took:.3f}s", level)
        else:
            self.log(f"{what} failed after {took:.3f}s: {failure}", "ERROR")

    def _sampled(self, reading: Reading) -> None:
        if reading.utilization is not None:
            self.tracer.counter("GPU %", reading.utilization)
        if reading.memory_mb is not None:
            self.tracer.counter("GPU MB", reading.memory_mb)

    def _line(self, at: float, level: str, msg: str) -> str:
        return entry(self._read.local(at), level, msg)

    def _tell(self, text: str) -> None:
        """To the console, until it fails: what is timed goes on, and the reports are written."""
        if self._mute:
            return
        failure = told_on(self._stream or sys.stdout, text)
        if failure is not None:
            self._mute = True
            self._log.append((self._read.now(), "WARNING", f"no more on the console: {said(failure)}"))


def _encoded(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(as_json(report), enc_hook=str), indent=2).decode() + "\n"
