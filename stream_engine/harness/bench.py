"""The command `stream-engine bench DATASET`, from what was asked for to the exit code."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import msgspec
from anyio import to_thread
from rich.console import Console

from sinks.inert_text import plain
from sinks.wide_console import wide_console
from stream_engine.assembly import BACKENDS
from stream_engine.backends import Backends
from stream_engine.folder import claimed
from stream_engine.harness.asked import Asked, asked
from stream_engine.harness.comparison import compared
from stream_engine.harness.console_table import tables
from stream_engine.harness.data_set import DataSet, Recording, read_data_set
from stream_engine.harness.definitions import DEFINITIONS
from stream_engine.harness.known import Known
from stream_engine.harness.load import LoadRow, cleared, keep_row, kept_row, loaded, row_of_runs
from stream_engine.harness.one_run import PACED, Mode, Run, code, kept, made_of, one_run, options_of
from stream_engine.harness.peculiar import peculiarities
from stream_engine.harness.results import (
    SCHEMA,
    Outcome,
    Results,
    machine,
    now,
    read_results,
    tabled,
    write_results,
)
from stream_engine.harness.scoring import absent, scored
from stream_engine.tracer import Tracer

SOME_FAILED = 5
LOAD = "load"  # folder of the rows of sessions at a time


def bench(given: dict[str, Any]) -> int:
    """The words of the command line (see `asked`) to the exit code.

    Raises:
        ValueError, StreamEngineError: as `asked` and `run`.
    """
    return run(asked(given))


def run(asked: Asked, backends: Backends = BACKENDS, console: Console | None = None) -> int:
    """Runs what is not done yet, scores all, writes results.json and page.html. 0, or 5 where some failed.

    Raises:
        StreamEngineError: no data, no back end, no place to write.
    """
    against = read_results(asked.against) if asked.against else None
    data_set = read_data_set(asked.data_set, asked.limit)
    known = {recording.name: Known(recording) for recording in data_set.recordings}
    console = console or wide_console()
    with claimed(asked.out):
        cleared(asked.out / LOAD)
        bench = _Bench(asked, data_set, known, backends, console)
        results = anyio.run(bench.results)
        if against is not None:
            results = msgspec.structs.replace(results, compared=compared(against, results))
        write_results(results, asked.out / "results.json")
        page = _page(results, asked.out)
    if not asked.quiet:
        for part in tables(results):
            console.print(part, highlight=False, markup=False)
        console.print(f"\n{asked.out / 'results.json'}; {page}", highlight=False, markup=False)
    failed = any(one.failed for one in results.outcomes) or any(row.failed for row in results.load)
    return SOME_FAILED if failed else 0


class _Bench:
    def __init__(
        self,
        asked: Asked,
        data_set: DataSet,
        known: dict[str, Known],
        backends: Backends,
        console: Console,
    ) -> None:
        self.asked, self.data_set, self.known = asked, data_set, known
        self.backends, self.console = backends, console

    async def results(self) -> Results:
        choice = self.backends.choose(self.asked.options)
        versions = {**choice.versions, "code": code()}
        self.made_with = versions | machine()
        tracer = Tracer()
        await to_thread.run_sync(self.backends.load, choice, self.asked.options)
        await to_thread.run_sync(import_module, "torch")  # sessions import it beside: that is over here
        load_s = tracer.wall_ns() / 1e9
        outcomes: list[Outcome] = []
        rows: list[LoadRow] = []
        for mode in self.asked.modes:
            recordings = self.data_set.recordings
            runs = {one.name: await self._one(one, mode) for one in recordings}
            outcomes += [self._outcome(one, mode, *runs[one.name]) for one in recordings]
            rows.append(row_of_runs(mode, runs, self._pace(mode)))
            good = [one for one in recordings if not runs[one.name][0].failed]
            more = [count for count in self.asked.sessions if count > 1 and good]
            rows += [await self._load(good, count, mode) for count in more]
        return Results(
            schema=SCHEMA,
            data_set=self.data_set.name,
            at=now(),
            pace=self.asked.pace,
            options=self.asked.options.identity(),
            versions=versions,
            machine=machine(),
            definitions=DEFINITIONS,
            load_s=round(load_s, 3),
            outcomes=tuple(outcomes),
            table=tabled(outcomes),
            load=tuple(rows),
            peculiar=peculiarities(outcomes),
        )

    async def _one(self, recording: Recording, mode: Mode) -> tuple[Run, Path]:
        options = options_of(self.asked.options, mode, self.asked.pace)
        folder = self.asked.out / "sessions" / mode / recording.key
        made = made_of([recording], options, self.made_with)
        run = kept(folder, made)
        log = folder / "events.jsonl"
        if run is None or not log.exists():
            run = await one_run(recording, folder, options, self.backends, made)
            how = f"failed: {run.failed}" if run.failed else f"{run.wall_s:.1f} s for {run.audio_s:.1f} s"
            self._say(f"{mode} {recording.name}: {how}{f'; {run.unsent}' if run.unsent else ''}")
        else:
            self._say(f"{mode} {recording.name}: done by an earlier bench")
        return run, log

    async def _load(self, recordings: Sequence[Recording], count: int, mode: Mode) -> LoadRow:
        options = options_of(self.asked.options, mode, self.asked.pace)
        made = made_of(recordings, options, self.made_with, count)
        path = self.asked.out / LOAD / f"{mode}-{count}.json"
        row = kept_row(path, made)
        if row is None:
            row = await loaded(recordings, count, mode, options, self.backends, made, path.parent)
            keep_row(path, row)
            self._say(f"{mode}, {count} sessions at a time: {row.wall_s:.1f} s for {row.audio_s:.1f} s")
        return row

    def _outcome(self, recording: Recording, mode: Mode, run: Run, log: Path) -> Outcome:
        known = self.known[recording.name]
        values = (
            absent(f"failed: {run.failed}") if run.failed else scored(known, run, log, mode, self._pace(mode))
        )
        return Outcome(
            recording=recording.name,
            mode=mode,
            audio_s=run.audio_s,
            failed=run.failed,
            unsent=run.unsent,
            digests=known.digests,
            values=values,
            stages=run.stages,
            health=run.health,
            folder=str(log.parent.relative_to(self.asked.out)),
            word_times=run.word_times,
        )

    def _pace(self, mode: Mode) -> float:
        return self.asked.pace if mode == PACED else 1.0

    def _say(self, text: str) -> None:
        if not self.asked.quiet:
            self.console.print(plain(text), highlight=False, markup=False, soft_wrap=True)


def _page(results: Results, out: Path) -> str:
    """Writes the page, where the packages for it are there; says where, or why not."""
    try:
        from stream_engine.harness.page import write_page

        write_page(results, out / "page.html")
    except ImportError as error:
        return f"no page: {error.name} is not installed"
    return str(out / "page.html")
