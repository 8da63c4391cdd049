"""What each command of the command line does."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn

import anyio
import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from operators.audio.intake import Intake
from sinks.console import ConsoleView
from sinks.documents import EVENTS, write_documents
from sinks.event_log import JsonLines
from sinks.formats import parse_formats
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.manifest import MANIFEST, read_manifest, write_manifest
from sinks.performance import told
from sinks.talk import talk_sentence, talk_table
from sinks.trace_diff import diff_sentences
from sinks.trace_diff_table import diff_table
from sinks.trace_files import comparable, read_runs
from sinks.trace_impact import impact
from sinks.trace_trends import peculiar, trends_table
from sinks.trace_verdict import verdict
from sinks.wide_console import wide_console
from stream_engine import measures
from stream_engine.assembly import BACKENDS, run_session, session_folders
from stream_engine.backends import Backends
from stream_engine.clock import RATE, timestamp
from stream_engine.errors import BackendError, InputError, StreamEngineError
from stream_engine.ingest import ingest as decode
from stream_engine.inputs import Input, Pcm
from stream_engine.logged import NO_FIGURES, logged, on_console
from stream_engine.options import Options, merged
from stream_engine.pcm_cache import PcmCache
from stream_engine.results import Results
from stream_engine.session_folder import DAMAGED, DONE, FAULT, INTERRUPTED, Result, SessionFolder

USAGE, SOME_FAILED = 2, 5
OVERLAPS_SHOWN = 8


def guarded(command: str, given: dict[str, Any], usage_error: Callable[[str], NoReturn]) -> int:
    """Runs a command; errors become one line on stderr and the exit code of DESIGN §7."""
    code = _guarded(command, given, usage_error)
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one more Ctrl-C has nothing left to interrupt
    return code


def _guarded(command: str, given: dict[str, Any], usage_error: Callable[[str], NoReturn]) -> int:
    try:
        return COMMANDS[command](given)
    except StreamEngineError as error:
        return _complain(str(error), error.exit_code)
    except ValueError as error:
        if isinstance(error, _Usage):
            usage_error(str(error))
        return _fault(error)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()
        return 0  # whoever read our output has seen enough
    except Exception as error:  # noqa: BLE001 - the one place where errors end
        return _fault(error)


class _Usage(ValueError):
    pass


def _complain(message: str, code: int) -> int:
    print(f"stream-engine: {plain(message)}", file=sys.stderr)  # noqa: T201
    return code


def _fault(error: BaseException) -> int:
    report = Path.cwd() / "stream-engine-fault.txt"
    try:
        report.touch(0o600)
        report.write_text("".join(traceback.format_exception(error)), "utf-8")
    except OSError:
        report = None
    notes = "; ".join(getattr(error, "__notes__", ()))
    what = f"{type(error).__name__}: {error}{f' ({notes})' if notes else ''}"
    where = f"; details in {report}" if report else ""
    return _complain(f"a fault of ours: {what.splitlines()[0]}{where}", FAULT)


# --- transcribe ----------------------------------------------------------------------------------


def transcribe(given: dict[str, Any]) -> int:
    """Each input in turn, over models that stay loaded; one that fails does not stop the next."""
    inputs, out, as_json, quiet = (given.pop(name) for name in ("inputs", "out", "json", "quiet"))
    try:
        options = merged(given.pop("profile"), given)
        parse_formats(options.formats)
        measures.checked(options)
        sources = [Input.parse(text, Pcm.parse(options.pcm) if options.pcm else None) for text in inputs]
        if options.offline and (urls := [source.shown for source in sources if source.kind == "url"]):
            raise ValueError(f"{urls[0]}: --offline opens no socket; leave one of them out")
    except ValueError as error:
        raise _Usage(str(error)) from None
    view = _View(console=wide_console(stderr=as_json), as_json=as_json, quiet=quiet)
    backends = BACKENDS
    codes: dict[Path, int] = {}
    results: list[Result] = []
    for source, folder in zip(sources, session_folders(sources, out), strict=True):
        codes[folder] = code = _one(source, folder, options, backends, view, results)
        if code == INTERRUPTED:
            break
    if len(sources) > 1:
        from stream_engine.harness.batch import batch_sentences, batch_table

        view.say(_summary(codes))
        done = [result for result in results if result.performance_metrics.get("stages")]
        if len(done) > 1:
            view.say()
            view.say(batch_table(done))
            for line in batch_sentences(done):
                view.say(line)
    return _overall(list(codes.values()))


def _overall(codes: list[int]) -> int:
    """The exit code of a command over several inputs."""
    if len(codes) == 1 or INTERRUPTED in codes:
        return codes[-1]
    return SOME_FAILED if set(codes) - {DONE, DAMAGED} else max(codes)


@dataclass(frozen=True)
class _View:
    console: Console
    as_json: bool
    quiet: bool

    def say(self, *what: Any) -> None:
        if not self.quiet:
            self.console.print(*what, highlight=False, markup=False, soft_wrap=True)


def _one(
    source: Input, folder: Path, options: Options, backends: Backends, view: _View, results: list[Result]
) -> int:
    """One input to its end, into `results`; its errors become a line and an exit code."""
    try:
        result = SessionFolder(folder, source, options).finished(lambda: backends.choose(options).versions)
    except ValueError as error:
        return _complain(str(error), USAGE)
    try:
        if result is None:
            result = anyio.run(_watched, source, folder, options, backends, view)
        else:
            view.say(f"{folder}: done by an earlier run; --fresh does it again")
            result = logged(result, options)
            if options.enable_performance_logging and not result.reports:
                view.say(f"{folder}: {NO_FIGURES}")
    except StreamEngineError as error:
        return _complain(str(error), error.exit_code)
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault with one input is no reason to leave out the others
        return _fault(error)
    results.append(result)
    _report(result, view)
    if result.exit_code == FAULT:
        for name, output in result.outputs.items():
            if output.state == "failed":
                _complain(f"{result.folder / name}: {output.reason}", FAULT)
    if result.exit_code == DAMAGED:
        _complain(f"{source.shown}: {result.notes[-1]}; what could be decoded is complete", DAMAGED)
    if result.exit_code == INTERRUPTED:
        later = "" if source.live else "; the same command goes on from there"
        _complain(f"{source.shown}: interrupted, what was heard is in {folder}{later}", INTERRUPTED)
    return result.exit_code


async def _watched(source: Input, folder: Path, options: Options, backends: Backends, view: _View) -> Result:
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


def _report(result: Result, view: _View) -> None:
    """What a person wants to know at the end: overlaps, where the time went, where the files are."""
    if view.quiet:
        return
    log = LabelledLog(result.folder / EVENTS)
    overlaps = list(log.overlaps())
    speakers = sorted({turn.speaker for turn in log.turns() if turn.speaker})
    total = sum(overlap.end - overlap.start for overlap in overlaps) / RATE
    view.say()
    view.say(f"speakers: {len(speakers)}; overlaps: {len(overlaps)}, {total:.1f} s in all")
    for overlap in overlaps[:OVERLAPS_SHOWN]:
        times = f"{timestamp(overlap.start)} to {timestamp(overlap.end)}"
        view.say(f"  {times}  {' + '.join(map(plain, overlap.speakers))}")
    if len(overlaps) > OVERLAPS_SHOWN:
        view.say(f"  and {len(overlaps) - OVERLAPS_SHOWN} more")
    if (figures := log.statistics()) is not None and figures.speakers:
        view.say()
        view.say(talk_table(figures))
        view.say(talk_sentence(figures))
    if result.performance_metrics:
        view.say()
        for part in told(result.performance_metrics):
            view.say(part)
    if result.reports and not view.as_json:
        view.say()
        view.say(on_console(result))
        for kind, path in result.reports.items():
            view.say(f"performance report, {kind}: {plain(str(path))}")
    view.say()
    view.say(f"{len(result.paths)} files in {result.folder}; the others are in {MANIFEST} with the reason")


def _summary(codes: dict[Path, int]) -> Table:
    summary = Table(box=None, pad_edge=False)
    summary.add_column("folder")
    summary.add_column("exit code", justify="right")
    for folder, code in codes.items():
        summary.add_row(Text(plain(str(folder))), str(code))
    return summary


# --- the other commands --------------------------------------------------------------------------


def ingest(given: dict[str, Any]) -> int:
    """Decodes each input into the store; one that fails does not stop the next."""
    try:
        sources = [Input.parse(text) for text in given["inputs"]]
    except ValueError as error:
        raise _Usage(str(error)) from None
    cache = PcmCache(Path(given["cache"]) if "cache" in given else None)
    codes: list[int] = []
    for source in sources:
        try:
            done = anyio.run(decode, source, cache, Intake)
        except StreamEngineError as error:
            codes.append(_complain(str(error), error.exit_code))
            continue
        how = "found in" if done.hit else "decoded to"
        speed = f"{done.frames / RATE / done.wall_s:,.0f} × real time"
        print(f"{done.source}: {done.frames / RATE:.1f} s {how} {cache.root}, {speed}")  # noqa: T201
        damaged = f"{done.source}: damaged input: {done.damage}; what could be decoded is complete"
        codes.append(_complain(damaged, DAMAGED) if done.damage else DONE)
    return _overall(codes)


def render(given: dict[str, Any]) -> int:
    """Makes outputs again from the log, and brings the manifest up to date."""
    folder: Path = given["folder"]
    try:
        formats = parse_formats(given["formats"])
    except ValueError as error:
        raise _Usage(str(error)) from None
    if not (folder / EVENTS).is_file():
        raise InputError(f"{folder}: holds no {EVENTS}; name the folder of a session")
    manifest = read_manifest(folder)
    outputs = write_documents(folder, formats=formats, former=manifest.outputs)
    write_manifest(folder, msgspec.structs.replace(manifest, outputs=outputs))
    failed = [name for name, output in outputs.items() if output.state == "failed"]
    for name in failed:
        _complain(f"{folder / name}: {outputs[name].reason}", FAULT)
    return FAULT if failed else DONE


def doctor(given: dict[str, Any]) -> int:
    from stream_engine.doctor import as_json, report

    if given["json"]:
        healthy, found = as_json(strict=given["strict"])
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())  # noqa: T201
    else:
        healthy, lines = report(strict=given["strict"])
        print("\n".join(lines))  # noqa: T201
    return DONE if healthy else BackendError.exit_code


def models(given: dict[str, Any]) -> int:
    from stream_engine import model_store

    action, name = given["action"], given["name"]
    if action == "list":
        print("\n".join(model_store.listed()))  # noqa: T201
        return DONE
    if name is None:
        raise _Usage(f"models {action}: name the weights, as faster-whisper:tiny.en")
    print(getattr(model_store, action)(name))  # noqa: T201
    return DONE


def cache(given: dict[str, Any]) -> int:
    store = PcmCache(Path(given["cache"]) if "cache" in given else None)
    if given["action"] == "path":
        print(store.root)  # noqa: T201
    elif given["action"] == "clear":
        logs = Results(store.root).clear()
        print(f"removed {store.clear()} stores and {logs} results from {store.root}")  # noqa: T201
    else:
        for path, header in store.stores():
            size, used = path.stat().st_size / 1e6, path.with_suffix(".json").stat().st_mtime
            day = datetime.fromtimestamp(used).astimezone().isoformat(" ", "minutes")
            print(f"{header.frames / RATE:10.1f} s {size:9.1f} MB  used {day}  {path.name}")  # noqa: T201
    return DONE


def trace(given: dict[str, Any]) -> int:
    """The table of each run, and what is peculiar to it among several; what changed between two; a page."""
    if given["action"] == "page":
        return _trace_page(given["files"], given["out"])
    if given["out"]:
        raise _Usage("--out: is of trace page")
    console = wide_console()

    def say(*lines: Any) -> None:
        for line in lines:
            console.print(line, highlight=False, markup=False)

    runs = read_runs(given["files"])
    if given["action"] == "diff":
        if len(runs) != 2:
            raise _Usage("trace diff: name two runs, the earlier one first")
        comparable(runs)
        say(diff_table(*runs), *diff_sentences(*runs))
        return DONE
    comparable(runs)
    for name, figures in runs:
        say(*([name] if len(runs) > 1 else []), *told(figures), *verdict(figures), "")
    if len(runs) > 1:
        say(trends_table(runs), *peculiar(runs), "", *impact(runs))
    return DONE


def _trace_page(files: list[Path], out: Path | None) -> int:
    from sinks.trace_page import write_trace_page

    if len(files) != 1:
        raise _Usage("trace page: name one trace")
    print(plain(str(write_trace_page(files[0], out))))  # noqa: T201
    return DONE


def bench(given: dict[str, Any]) -> int:
    from stream_engine.harness.bench import asked, run

    if profile := given.get("profile"):
        given["profile"] = Path(profile)
    try:
        wanted = asked(given)
    except ValueError as error:
        raise _Usage(str(error)) from None
    return run(wanted)


COMMANDS: dict[str, Callable[[dict[str, Any]], int]] = {
    command.__name__: command for command in (transcribe, ingest, render, doctor, models, cache, trace, bench)
}
