"""The report on paper."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sinks.formats import Unwritten
from sinks.labelled import LabelledLog
from sinks.report.matter import gather
from sinks.report.page import ON_PAPER, pieces
from sinks.report.pdf import write_report_pdf
from tests.reported import write_session


def test_pdftotext_reads_the_pdf_and_hostile_text_is_text_there_too(tmp_path: Path) -> None:
    pytest.importorskip("weasyprint", exc_type=ImportError)
    if not shutil.which("pdftotext"):
        pytest.skip("poppler's pdftotext is not installed")
    folder = write_session(tmp_path / "talk", lines=24)
    log = LabelledLog(folder / "events.jsonl")
    write_report_pdf(log, folder / "report.pdf")
    command = ["pdftotext", "-layout", str(folder / "report.pdf"), "-"]
    read = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for wanted in (
        "Who talked",
        "Transcript",
        "the harbour was closed 0",
        "<script>window.harmed = 1</script>",
        "7 * 7",
    ):
        assert wanted in read
    assert "49" not in re.findall(r"\{\{.*", read)
    raw = (folder / "report.pdf").read_bytes()
    assert b"/JavaScript" not in raw
    assert b"/URI" not in raw
    first = raw
    write_report_pdf(log, folder / "report.pdf")
    assert (folder / "report.pdf").read_bytes() == first


def test_without_weasyprint_there_is_no_pdf_and_a_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "weasyprint", None)
    folder = write_session(tmp_path / "talk")
    with pytest.raises(Unwritten, match="pip install"):
        write_report_pdf(LabelledLog(folder / "events.jsonl"), folder / "report.pdf")
    assert not (folder / "report.pdf").exists()


def test_what_does_not_fit_on_paper_is_said(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "talk", lines=ON_PAPER + 150)
    markup = "".join(pieces(gather(LabelledLog(folder / "events.jsonl")), still=True))
    assert f"leaves out the other 150 lines, of {ON_PAPER + 150:,}" in markup
    assert "<script" not in markup
    links, ids = set(re.findall(r'href="#([^"]+)"', markup)), set(re.findall(r'id="([^"]+)"', markup))
    assert {link for link in links if link.startswith("t=")} <= ids
    assert 'class="at"' in markup
    assert "var(--" not in re.sub(r"<style>.*?</style>", "", markup, flags=re.S)
