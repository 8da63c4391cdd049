"""Performance logging of sessions, where it is switched on: the logger's JSON, text and console."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile

from sinks.inert_text import plain
from stream_engine.errors import StorageError
from stream_engine.options import Options
from stream_engine.performance import PerformanceLogger
from stream_engine.performance.files import made
from stream_engine.performance.formats import as_console
from stream_engine.performance.instruments import local_time
from stream_engine.performance.sessions import session_report
from stream_engine.session_folder import Result

NO_FIGURES = "no performance report: the earlier run kept no performance.json; --fresh runs it again"


def check(options: Options) -> None:
    """Before a session: whether its reports will find their place.

    Raises:
        StorageError: nothing can be written into `output_dir`.
    """
    if not (options.enable_performance_logging and options.output_dir):
        return
    try:
        made(Path(options.output_dir))
        TemporaryFile(dir=options.output_dir).close()
    except OSError as error:
        raise StorageError(f"{_refused(error, options.output_dir)}; choose another --output-dir") from None


def logged(result: Result, options: Options) -> Result:
    """The result with the reports that were asked for, or with a note why there are none.

    Raises:
        StorageError: they cannot be written.
    """
    if not options.enable_performance_logging:
        return result
    if not result.performance_metrics:
        return replace(result, notes=(NO_FIGURES, *result.notes))
    place = Path(options.output_dir) if options.output_dir else result.folder
    try:
        written = PerformanceLogger.from_metrics(
            result.performance_metrics, name=_name(result), output_dir=place
        ).generate_reports()
    except OSError as error:
        complete = f"the session itself is complete in {result.folder}"
        raise StorageError(f"performance reports: {_refused(error, place)}; {complete}") from None
    return replace(result, reports=written)


def on_console(result: Result) -> str:
    """The logger's lines and its summary, of a session that is over."""
    figures = result.performance_metrics
    ended = local_time(figures["ended_at"]) if "ended_at" in figures else None
    report = session_report(figures, session_id="", name=_name(result), ended=ended)
    return "\n".join([*report.log, as_console(report)]).rstrip("\n")


def _name(result: Result) -> str:
    return plain(result.folder.name) or "Session"


def _refused(error: OSError, place: str | Path) -> str:
    return f"{error.filename or place}: {error.strerror}"
