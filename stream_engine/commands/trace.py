"""Where the time went, told of runs that are over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sinks.inert_text import plain
from sinks.performance import told
from sinks.trace_diff import diff_sentences
from sinks.trace_diff_table import diff_table
from sinks.trace_files import comparable, read_runs
from sinks.trace_impact import impact
from sinks.trace_page import write_trace_page
from sinks.trace_trends import peculiar, trends_table
from sinks.trace_verdict import verdict
from sinks.wide_console import wide_console
from stream_engine.commands.endings import Usage
from stream_engine.session_folder import DONE


def run(given: dict[str, Any]) -> int:
    """The table of each run, and what is peculiar to it among several; what changed between two; a page."""
    if given["action"] == "page":
        return _trace_page(given["files"], given["out"])
    if given["out"]:
        raise Usage("--out: is of trace page")
    console = wide_console()

    def say(*lines: Any) -> None:
        for line in lines:
            console.print(line, highlight=False, markup=False)

    runs = read_runs(given["files"])
    if given["action"] == "diff":
        if len(runs) != 2:
            raise Usage("trace diff: name two runs, the earlier one first")
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
    if len(files) != 1:
        raise Usage("trace page: name one trace")
    print(plain(str(write_trace_page(files[0], out))))  # noqa: T201
    return DONE
