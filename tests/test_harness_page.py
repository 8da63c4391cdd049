"""What a bench shows of its figures, on the console and on its page."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from rich.console import Console

from stream_engine.harness.console_table import NO_UEM, SOME, tables
from stream_engine.harness.measured import Absent, Largest, Ratio, Samples
from stream_engine.harness.page import write_page
from stream_engine.harness.results import Results
from tests import test_report_browser
from tests.bench_data import outcome, results
from tests.test_report_browser import Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

OTHER_LETTERS = "会議の記録"
WIDTHS = "all => all.map(one => [one.scrollWidth, one.clientWidth])"
browser = test_report_browser.browser


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "page.html"


def shown(found: Results, page: Path, width: int = 80) -> Iterator[str]:
    """The console and the page, each without its line breaks."""
    console = io.StringIO()
    for part in tables(found):
        Console(file=console, width=width, color_system=None).print(part, markup=False, highlight=False)
    assert all(len(line) <= width for line in console.getvalue().splitlines())
    write_page(found, page)
    for text in (console.getvalue(), page.read_text()):
        yield " ".join(text.split())


def test_errors_over_an_empty_reference_are_shown(page: Path) -> None:
    silent = outcome("silent", wer=Ratio(5, 0), der=Ratio(3.14, 0))
    for text in shown(results([silent, outcome("talk", wer=Ratio(1, 10))]), page):
        assert "5 words" in text
        assert "3.1 s" in text
        assert "60.0 %" in text  # 6 errors over 10 words
    for text in shown(results([silent]), page):
        assert "over an empty reference: 5 words wrong" in text
        assert "over an empty reference: 3.1 s wrong" in text


def test_a_figure_of_some_recordings_says_of_how_many(page: Path) -> None:
    few = [outcome(name, wer=Ratio(1, 10), cpwer=Ratio(1, 5)) for name in "abc"]
    for text in shown(results([*few, *(outcome(name, wer=Ratio(1, 10)) for name in "de")]), page):
        assert "20.0 % of 3" in text
        assert "10.0 % of" not in text
        assert SOME in text
    failed = msgspec.structs.replace(outcome("f"), failed="no audio")
    for text in shown(results([*few, failed]), page):
        assert SOME not in text


def test_word_errors_outside_the_uem_are_told(page: Path) -> None:
    one = outcome("a", wer=Ratio(1, 10))
    for digests, told in (({"uem": "x"}, True), ({"stm": "x"}, False)):
        for text in shown(results([msgspec.structs.replace(one, digests=digests)]), page):
            assert (NO_UEM in text) is told


def test_a_high_water_mark_has_no_interval() -> None:
    found = results([outcome(name, rss=Largest(900.0 + place)) for place, name in enumerate("abcdefgh")])
    cell = found.cell("paced", "rss")
    assert (cell.value, cell.low, cell.high, cell.reason) == (907.0, None, None, None)


def test_letters_that_matplotlib_has_no_font_for_are_the_page_s_own(page: Path) -> None:
    late = Samples((1.0, 2.0))
    write_page(results([outcome(OTHER_LETTERS, wer=Ratio(1, 10), confirmed=late)]), page)
    assert page.read_text().count(OTHER_LETTERS) >= 2  # in the table and in the plot


def test_a_failed_recording_makes_no_table_wider(browser: Browser, page: Path) -> None:
    why = "ffmpeg cannot read it: " + "Invalid data found when processing input, " * 6 + "/long" * 60
    failed = msgspec.structs.replace(outcome("broken", wer=Absent("failed")), failed=why)
    write_page(results([outcome("talk", wer=Ratio(1, 10)), failed]), page)
    with Opened(browser, page) as tab:
        boxes = tab.page.eval_on_selector_all(".wide", WIDTHS)
        assert boxes
        assert all(inner <= outer for inner, outer in boxes)
        assert not tab.complaints
