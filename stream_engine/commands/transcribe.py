"""Recordings or live audio to who-said-what-when."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

import anyio

from sinks.console import ConsoleView
from sinks.event_log import JsonLines
from sinks.formats import parse_formats
from sinks.wide_console import wide_console
from stream_engine.assembly import BACKENDS, run_session, session_folders
from stream_engine.backends import Backends
from stream_engine.commands.endings import USAGE, Usage, complain, fault, overall
from stream_engine.commands.view import View, report, summary
from stream_engine.errors import StreamEngineError
from stream_engine.inputs import Input, Pcm
from stream_engine.logged import NO_FIGURES, logged
from stream_engine.measure_options import checked
from stream_engine.options import Options, merged
from stream_engine.session_folder import DAMAGED, INTERRUPTED, Result, SessionFolder


def run(given: dict[str, Any]) -> int:
    """Each input in turn, over models that stay loaded; one that fails does not stop the next."""
    inputs, out, as_json, quiet = (given.pop(name) for name in ("inputs", "out", "json", "quiet"))
    try:
        options = merged(given.pop("profile"), given)
        parse_formats(options.formats)
        checked(options)
        sources = [Input.parse(text, Pcm.parse(options.pcm) if options.pcm else None) for text in inputs]
        if options.offline and (urls := [source.shown for source in sources if source.kind == "url"]):
            raise ValueError(f"{urls[0]}: --offline opens no socket; leave one of them out")
    except ValueError as error:
        raise Usage(str(error)) from None
    view = View(console=wide_console(stderr=as_json), as_json=as_json, quiet=quiet)
    ended: list[tuple[Input, Path, int]] = []
    results: list[Result] = []
    for source, folder in zip(sources, session_folders(sources, out), strict=True):
        code = _one(source, folder, options, BACKENDS, view, results)
        ended.append((source, folder, code))
        if code == INTERRUPTED:
            break
    if len(sources) > 1:
        from stream_engine.harness.batch import batch_sentences, batch_table

        view.say(summary(ended))
        done = [result for result in results if result.performance_metrics.get("stages")]
        if len(done) > 1:
            view.say()
            view.say(batch_table(done))
            for line in batch_sentences(done):
                view.say(line)
    return overall([code for _, _, code in ended])


def _one(
    source: Input, folder: Path, options: Options, backends: Backends, view: View, results: list[Result]
) -> int:
    """One input to its end, into `results`; its errors become a line and an exit code."""
    place = SessionFolder(folder, source, options)
    try:
        try:
            result = place.finished(lambda: backends.choose(options).versions)
        except ValueError as error:
            return complain(str(error), USAGE)
        if result is None:
            result = anyio.run(_watched, source, folder, options, backends, view)
        else:
            view.say(f"{folder}: done by an earlier run; --fresh does it again")
            result = logged(result, options)
            if options.enable_performance_logging and not result.reports:
                view.say(f"{folder}: {NO_FIGURES}")
    except StreamEngineError as error:
        return complain(str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 - a fault with one input is no reason to leave out the others
        return fault(error)
    results.append(result)
    report(result, view)
    if result.unsent is not None:
        complain(f"{result.unsent}; the session itself is complete in {folder}", result.exit_code)
    for name, output in result.outputs.items():
        if output.state == "failed":
            complain(f"{result.folder / name}: {output.reason}", result.exit_code)
    if result.exit_code == DAMAGED:
        complain(f"{source.shown}: {result.notes[-1]}; what could be decoded is complete", DAMAGED)
    if result.exit_code == INTERRUPTED:
        later = "" if source.live else "; the same command goes on from there"
        complain(f"{source.shown}: interrupted, what was heard is in {folder}{later}", INTERRUPTED)
    return result.exit_code


async def _watched(source: Input, folder: Path, options: Options, backends: Backends, view: View) -> Result:
    """Runs a session under the eyes of a console."""
    async with run_session(source, folder, options, backends) as session:
        for note in session.notes:
            view.say(note)
        if view.as_json:
            session.sink("json", JsonLines(stream=sys.stdout.buffer))
        console = ConsoleView(
            console=view.console, quiet=view.quiet or view.as_json, duration_s=session.duration_s
        )
        session.sink("console", console)

        async def progress() -> None:
            while True:
                console.progress(session.position, session.depths())
                await anyio.sleep(0.25)

        async def signals() -> None:
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as received:
                async for _ in received:
                    if session.stopped:
                        session.abort()
                    else:
                        session.stop()

        session.background(progress)
        session.background(signals)
    return session.result
