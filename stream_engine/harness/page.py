"""page.html: the tables and plots of a bench in one file that loads nothing, and runs nothing."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from sinks.page_templates import environment, hashed
from sinks.report.paint import palette
from sinks.whole_file import replacing
from stream_engine.harness.columns import COLUMNS, Column, figure, shown
from stream_engine.harness.console_table import LAG, by_file_titles, cell_text, per_file, reasons
from stream_engine.harness.plots import plots
from stream_engine.harness.results import Results

WRAPPED = "td.fault{white-space:normal;overflow-wrap:anywhere}"


def write_page(results: Results, path: Path) -> None:
    """The same results give the same bytes."""
    style = _style()
    text = _environment().get_template("bench.html.j2")
    with replacing(path) as file:
        file.write(
            text.render(
                results=results,
                groups=_groups(results),
                reasons=reasons(results),
                by_file=by_file_titles(),
                rows=[(one, [] if one.failed else per_file(one)) for one in results.outcomes],
                lag=LAG,
                plots=list(plots(results)),
                style=style,
                policy=f"default-src 'none'; style-src {hashed(style)}; img-src data:; base-uri 'none'",
            )
        )


def _groups(results: Results) -> list[tuple[str, list[tuple[Column, list[str]]]]]:
    """Figures by group; those that no mode has are left to `reasons`."""
    found: dict[str, list[tuple[Column, list[str]]]] = {}
    for column in COLUMNS:
        cells = [results.cell(mode, column.name) for mode in results.modes]
        if any(cell.value is not None for cell in cells):
            row = column, [cell_text(cell, column, results.done(cell.mode)) for cell in cells]
            found.setdefault(column.group, []).append(row)
    return list(found.items())


@cache
def _environment() -> Environment:
    return environment(PackageLoader("stream_engine.harness"), shown=shown, figure=figure)


def _style() -> Markup:
    """The report's, and what its tables have no need of."""
    sheet = _environment().get_template("report.css.j2")
    report = sheet.render(light=palette(), dark=palette(dark=True), speakers=10, still=False)
    return Markup(report + WRAPPED)
