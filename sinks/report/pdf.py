"""report.pdf: the report on paper, out of the same template, by weasyprint (optional extra `pdf`)."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sinks.formats import Unwritten
from sinks.labelled import LabelledLog
from sinks.report.matter import gathered
from sinks.report.page import pieces
from sinks.whole_file import replacing_bytes
from stream_engine.malloc import give_back


def write_report_pdf(log: LabelledLog, out: Path) -> None:
    """What report.html shows without scripts; of a long transcript the first `page.ON_PAPER` lines, and a
    line that says how many are left out, and where they are.

    Raises:
        Unwritten: weasyprint, or the libraries of the system that it draws with, are not there.
    """
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetcher
    except ImportError:
        raise Unwritten("weasyprint is not installed: pip install 'stream-engine[pdf]'") from None
    except OSError as error:  # it opens its libraries when it is imported
        raise Unwritten(f"weasyprint lacks a library of the system: {error}") from None
    page = "".join(pieces(gathered(log), still=True))
    give_back()  # of 300 MB at most, this takes 120
    nowhere = URLFetcher(allowed_protocols=())
    with replacing_bytes(out) as file, _quiet():
        HTML(string=page, url_fetcher=nowhere).write_pdf(file, pdf_identifier=b"stream-engine", pdf_tags=True)


@contextmanager
def _quiet() -> Generator[None]:
    """Without a line on stderr for each declaration of the style that is for screens."""
    logger = logging.getLogger("weasyprint")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
