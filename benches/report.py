"""The report of ten hours: 50,000 lines, six people.

    python -m benches.report

Bars (issue 6): report.html under 8 MB and interactive in under 2 s in Chromium, both documents within 300 MB.
Each document is made in a process of its own from a log that lies ready; `cpu_s` is its compute without the
imports of Python itself, `peak_mb` its largest resident memory. Interactive is the moment when the script has
set up all controls and the next frame is painted, counted from the start of the navigation; the searches and
frames are of the page as a reader would use it. Medians of three; no Chromium or no weasyprint gives None.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from benches.long_log import write_log

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LINES = 50_000
PROGRAM = """
import resource, sys, time
from importlib import import_module
from pathlib import Path
from sinks.labelled import LabelledLog
module, function, log, out = sys.argv[1:]
wall, cpu = time.perf_counter(), time.process_time()
getattr(import_module(module), function)(LabelledLog(Path(log)), Path(out))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(time.perf_counter() - wall, time.process_time() - cpu, peak)
"""
FRAMES = """(id) => new Promise(done => {
    let left = 30;
    const begun = performance.now();
    const frame = () => {
        document.getElementById(id).click();
        if (left--) requestAnimationFrame(frame); else done((performance.now() - begun) / 30);
    };
    frame();
})"""


def measure(lines: int = LINES) -> dict[str, Any]:
    with TemporaryDirectory() as folder:
        log = Path(folder, "events.jsonl")
        write_log(log, lines)
        html, pdf = Path(folder, "report.html"), Path(folder, "report.pdf")
        return {
            "lines": lines,
            "html": _made("sinks.report.page", "write_report", log, html, 3),
            "pdf": _made("sinks.report.pdf", "write_report_pdf", log, pdf, 1),
            "chromium": _opened(html),
        }


def _made(module: str, function: str, log: Path, out: Path, times: int) -> dict[str, float] | None:
    command = [sys.executable, "-c", PROGRAM, module, function, str(log), str(out)]
    runs: list[list[float]] = []
    for _ in range(times):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and "Unwritten" in done.stderr:
            return None
        done.check_returncode()
        runs.append([float(part) for part in done.stdout.split()])
    wall, cpu, peak = (statistics.median(column) for column in zip(*runs, strict=True))
    return {
        "wall_s": round(wall, 2),
        "cpu_s": round(cpu, 2),
        "peak_mb": round(peak / 1024, 1),
        "size_mb": round(out.stat().st_size / 1e6, 2),
    }


def _opened(html: Path) -> dict[str, float] | None:
    path = shutil.which("chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        return None
    if path is None:
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        visits = [_visited(browser, html) for _ in range(3)]
        browser.close()
    ready, search, frame_whole, frame_near = map(statistics.median, zip(*visits, strict=True))
    return {
        "interactive_s": round(ready / 1000, 2),
        "search_s": round(search, 2),
        "frame_whole_ms": round(frame_whole, 1),
        "frame_near_ms": round(frame_near, 1),
    }


def _visited(browser: Browser, html: Path) -> tuple[float, float, float, float]:
    """Milliseconds until it is interactive, seconds of a search, milliseconds a frame: far and near."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(html.as_uri(), wait_until="commit")
    page.wait_for_selector("html.js", state="attached")
    ready = page.evaluate("() => new Promise(done => requestAnimationFrame(() => done(performance.now())))")
    begun = time.perf_counter()
    page.fill("#find", "nobody")
    while not page.inner_text("#found"):
        pass
    search = time.perf_counter() - begun
    frame_whole = page.evaluate(FRAMES, "zoom-all")
    frame_near = page.evaluate(FRAMES, "zoom-in")
    page.close()
    return ready, search, frame_whole, frame_near


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
