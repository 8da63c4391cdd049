"""The page that draws a trace, in a browser: what it shows is in the trace, and it asks for nothing."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from sinks.chrome_trace import write_trace
from sinks.trace_files import read_runs
from sinks.trace_lanes import Slice, read_trace, rows_of
from sinks.trace_page import write_trace_page
from sinks.trace_verdict import verdict
from stream_engine.__main__ import main
from stream_engine.tracer import KEPT, SLOWEST, Tracer, packed
from tests import test_report_browser
from tests.reported import HOSTILE
from tests.speech import CALL
from tests.test_report_browser import Opened

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Event = dict[str, Any]
browser = test_report_browser.browser
NAMES, FIRST_ROW, WORDS = 218, 24 + 4 + 1.5, "words"  # pixels: the names, and into the first row
MS = 1_000_000


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a process of its own: the browser's driver has an event loop in this one."""
    out = tmp_path_factory.mktemp("traced")
    command = [sys.executable, "-m", "stream_engine"]
    run = [*command, "transcribe", CALL, "--out", out, "--analytics", "none", "--quiet", "--fresh"]
    subprocess.run(run, check=True)
    [folder] = out.iterdir()
    assert main(["trace", "page", str(folder)]) == 0
    return folder


def events_of(folder: Path) -> list[Event]:
    return json.loads((folder / "trace.json").read_text())["traceEvents"]


def first_track(events: list[Event], name: str) -> int:
    return min(
        event["tid"] for event in events if event["name"] == "thread_name" and event["args"]["name"] == name
    )


def drawn(tab: Opened) -> dict[str, float]:
    tab.settled()
    return json.loads(tab.page.get_attribute("#stage", "data-drawn") or "{}")


def filtered(tab: Opened, name: str) -> None:
    tab.page.fill("#find", name)
    tab.until("document.getElementById('found').textContent !== ''")


def hover(tab: Opened, at_us: float) -> str:
    """What is said of the first row at a time, which is in view."""
    x, y = tab.stage()
    view, wide = drawn(tab), tab.value("document.getElementById('stage').clientWidth")
    share = (at_us - view["from"]) / (view["to"] - view["from"])
    tab.page.mouse.move(x + NAMES + share * (wide - NAMES), y + FIRST_ROW)
    tab.settled()
    assert tab.page.is_visible("#tip")
    return tab.page.inner_text("#tip")


def test_the_trace_of_a_session_opens_without_complaint_and_asks_for_nothing(
    browser: Browser, session: Path
) -> None:
    page = session / "trace.html"
    assert page.stat().st_mode & 0o777 == 0o600
    events = events_of(session)
    [(_, figures)] = read_runs([session])
    with Opened(browser, page) as tab:
        view = drawn(tab)
        assert tab.complaints == []
        assert [url for url in tab.requests if not url.startswith("data:")] == [page.as_uri()]
        assert tab.page.locator(".verdict li").all_inner_texts() == verdict(figures) != []
        assert view["arrows"] == sum(event["ph"] == "s" for event in events) > 0
        last = max(event["ts"] + event["dur"] for event in events if event["ph"] == "X")
        assert view["to"] == pytest.approx(last)
        names = {event["args"]["name"] for event in events if event["name"] == "thread_name"} - {WORDS}
        assert set(tab.page.locator("#all button").all_inner_texts()) == names


def test_the_same_trace_gives_the_same_page(session: Path, tmp_path: Path) -> None:
    again = write_trace_page(session / "trace.json", tmp_path / "again.html")
    assert again.read_bytes() == (session / "trace.html").read_bytes()


def test_a_slice_under_the_pointer_tells_what_it_is(browser: Browser, session: Path) -> None:
    events = events_of(session)
    track = first_track(events, "diarization")
    fed = [event for event in events if event["ph"] == "X" and event["tid"] == track]
    longest = max((event for event in fed if event["name"] == "feed"), key=lambda event: event["dur"])
    with Opened(browser, session / "trace.html") as tab:
        filtered(tab, "diarization")
        told = hover(tab, longest["ts"] + longest["dur"] / 2)
        assert told.startswith("diarization: feed: at work")
        assert f"{longest['ts'] / 1e6:.6f} s" in told
        minutes, seconds = divmod(longest["args"]["audio_s"], 60)
        assert f"{minutes:.0f}:{seconds:05.2f}" in told
        tab.page.mouse.move(0, 0)
        assert not tab.page.is_visible("#tip")


def test_a_word_tells_its_parts_and_its_arrow_can_be_followed(browser: Browser, session: Path) -> None:
    events = events_of(session)
    track = first_track(events, WORDS)
    word = next(event for event in events if event["ph"] == "X" and event["tid"] == track)
    pixels = "document.getElementById('lanes').toDataURL()"
    with Opened(browser, session / "trace.html") as tab:
        tab.settled()
        whole = tab.value(pixels)
        tab.page.uncheck("#arrows")
        tab.settled()
        assert tab.value(pixels) != whole
        tab.page.check("#arrows")
        tab.settled()
        assert tab.value(pixels) == whole
        told = hover(tab, word["ts"] + word["dur"] / 2)  # words are the first lane
        for part in ("policy", "lookahead", "queueing", "batch", "compute", "emission"):
            found = re.search(rf"{part}\s+([\d.]+) (s|ms|µs)", told)
            assert found
            shown = float(found[1]) * {"s": 1e3, "ms": 1, "µs": 1e-3}[found[2]]
            assert shown == pytest.approx(word["args"][part], rel=0.05, abs=1e-3)
        tab.settled()
        assert tab.value(pixels) != whole  # its arrow stands out
        tab.page.mouse.down()
        tab.page.mouse.up()
        tab.page.focus("#stage")
        tab.page.keyboard.press("Enter")
        view = drawn(tab)
        came, told_at = (
            next(event["ts"] for event in events if event["ph"] == phase and event["id"] == 1)
            for phase in "sf"
        )
        assert view["from"] <= came < told_at <= view["to"]
        assert view["to"] - view["from"] < 1.5 * (told_at - came)
        assert tab.complaints == []


def test_a_chosen_stage_tells_its_totals(browser: Browser, session: Path) -> None:
    events = events_of(session)
    tracks = {
        event["tid"]
        for event in events
        if event["name"] == "thread_name" and event["args"]["name"] == "recognition"
    }
    fed = [event["dur"] for event in events if event["tid"] in tracks and event["name"] == "feed"]
    with Opened(browser, session / "trace.html") as tab:
        tab.page.click("#all button:text-is('recognition')")
        tab.until("!document.getElementById('one').hidden")
        assert tab.page.inner_text("#one h2") == "recognition"
        row = tab.page.locator("#one tbody tr", has_text="feed").locator("td").all_inner_texts()
        assert int(row[1]) == len(fed)
        view = drawn(tab)
        assert float(row[2].split()[0]) == pytest.approx(
            100 * sum(fed) / (view["to"] - view["from"]), abs=0.6
        )
        number, unit = row[3].split()
        median = float(np.percentile(fed, 50, method="inverted_cdf"))
        assert float(number) * {"s": 1e6, "ms": 1e3, "µs": 1}[unit] == pytest.approx(median, rel=0.06)
        assert "The whole run" in tab.page.inner_text("#one")
        tab.page.focus("#stage")
        tab.page.keyboard.press("n")
        tab.until("document.getElementById('say').textContent.startsWith('recognition')")
        tab.page.keyboard.press("Escape")
        tab.until("document.getElementById('one').hidden")


def test_wheel_keys_and_buttons_zoom_and_move_and_the_axis_follows(browser: Browser, session: Path) -> None:
    with Opened(browser, session / "trace.html") as tab:
        whole = drawn(tab)
        x, y = tab.stage()
        tab.page.mouse.move(x + 700, y + 200)
        for _ in range(13):
            tab.page.mouse.wheel(0, -240)
        near = drawn(tab)
        assert near["to"] - near["from"] < 1e-3 * (whole["to"] - whole["from"])
        assert near["step"] < 1e-2 * whole["step"]
        assert tab.page.inner_text("#range").endswith("ms)")
        tab.page.mouse.down()
        tab.page.mouse.move(x + 500, y + 200, steps=3)
        tab.page.mouse.up()
        moved = drawn(tab)
        assert moved["from"] > near["from"]
        assert moved["to"] - moved["from"] == pytest.approx(near["to"] - near["from"])
        tab.page.focus("#stage")
        tab.page.keyboard.press("0")
        assert drawn(tab) == whole
        tab.page.keyboard.press("+")
        half = drawn(tab)
        assert half["to"] - half["from"] == pytest.approx((whole["to"] - whole["from"]) / 2)
        tab.page.keyboard.press("ArrowLeft")
        assert drawn(tab)["from"] < half["from"]
        tab.page.click("#fit")
        assert drawn(tab) == whole
        assert tab.complaints == []


def test_names_that_want_to_do_harm_are_only_names(browser: Browser, tmp_path: Path) -> None:
    events: list[Event] = []
    for tid, name in enumerate(HOSTILE):
        told = {"name": name}
        events += [
            {"ph": "M", "name": "thread_name", "pid": 1, "tid": tid, "args": told},
            {"ph": "B", "name": name, "pid": 1, "tid": tid, "ts": 10 * tid},
            {"ph": "E", "pid": 1, "tid": tid, "ts": 10 * tid + 500, "args": {name: name}},
            {"ph": "C", "name": name, "pid": 1, "ts": tid, "args": {name: tid, "huge": 10**400}},
            {"ph": name, "name": name},
        ]
    trace = tmp_path / "trace.json"
    trace.write_text(json.dumps(events)[:-1] + ",\n")  # nor does an array need its end
    with Opened(browser, write_trace_page(trace)) as tab:
        told = hover(tab, 250)
        assert "<script>window.harmed = 1</script>" in told
        assert tab.page.locator("#all button").count() == len(HOSTILE)
        tab.page.click("#all button >> nth=1")
        tab.settled()
        assert tab.value("window.harmed === undefined")
        assert tab.page.locator("img, svg, script:not([id]) ~ *").count() == 0
        assert tab.complaints == []


@pytest.mark.parametrize(
    "content",
    [b"", b"no trace", b"\xff\x00", b"{}", b"[]", b"[1]", b"[" * 100_000, b'{"traceEvents":[]}',
     b'{"stages":{}}', b'[{"ph":"X","ts":1e300}]', b'{"traceEvents":[{"ph":"M","name":"process_name"}]}'],
)  # fmt: skip
def test_a_file_that_is_no_trace_is_told_in_a_line(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "other.json"
    file.write_bytes(content)
    assert main(["trace", "page", str(file)]) == 3
    out, said = capsys.readouterr()
    assert out == ""
    assert said.startswith(f"stream-engine: {file}")
    assert said.count("\n") == 1
    assert [each.name for each in tmp_path.iterdir()] == ["other.json"]


def test_a_page_that_cannot_be_written_and_a_wrong_call_are_told_apart(session: Path, tmp_path: Path) -> None:
    assert main(["trace", "page", str(tmp_path)]) == 3
    assert main(["trace", "page", str(session), "--out", str(tmp_path / "none" / "page.html")]) == 7
    for wrong in (["page", str(session), str(session)], ["show", str(session), "--out", "page.html"]):
        with pytest.raises(SystemExit) as ended:
            main(["trace", *wrong])
        assert ended.value.code == 2


def test_where_only_the_slowest_were_kept_the_page_says_so(browser: Browser, tmp_path: Path) -> None:
    tracer = Tracer(clock=lambda: 0)
    for number in range(KEPT + 5 * SLOWEST):
        start = number * MS
        tracer.stage("busy").record(packed(number, start, start, start + MS // 2, start + MS // 2))
        if number % 1000 == 0:
            tracer.fold()
    tracer.stage("still").record(packed(0, 0, 0, MS, MS))
    write_trace(tracer, tmp_path / "trace.json")
    with Opened(browser, write_trace_page(tmp_path)) as tab:
        tab.page.click("#all button:text-is('busy')")
        tab.until("!document.getElementById('one').hidden")
        assert "Before 160 ms only the slowest" in tab.page.inner_text("#one")
        row = tab.page.locator("#one tbody tr").locator("td").all_inner_texts()
        assert row[1:4] == [f"{KEPT:,}", "50 %", "500 µs"]  # of what is all there
        tab.page.click("#all button:text-is('still')")
        tab.until("document.querySelector('#one h2').textContent === 'still'")
        assert "slowest" not in tab.page.inner_text("#one")


def test_slices_within_others_lie_below_them_and_arrows_know_their_rows(tmp_path: Path) -> None:
    inner, outer, next_one = (Slice(start, end, 0, math.nan, 0) for start, end in ((2, 5), (1, 9), (9, 12)))
    assert rows_of([inner, next_one, outer]) == [[outer, next_one], [inner]]
    file = tmp_path / "trace.json"
    slices = [{"ph": "X", "name": "a", "tid": tid, "ts": 7e15 / 1e3, "dur": 4 - tid} for tid in (1, 2)]
    flow = [{"ph": "s", "id": 1, "tid": 1, "ts": 7e12}, {"ph": "f", "id": 1, "tid": 2, "ts": 7e12 + 1}]
    file.write_text(json.dumps({"traceEvents": slices + flow}))
    trace = read_trace(file)
    assert [lane.name for lane in trace.lanes] == ["thread 1", "thread 2"]
    assert trace.lanes[0].rows[0][0].end == 3000
    assert [(arrow.at, arrow.until) for arrow in trace.arrows] == [(0, 1000)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_in_the_colours_that_the_reader_wants(
    browser: Browser, session: Path, scheme: str
) -> None:
    seen = """() => {
        const canvas = document.getElementById('lanes'), found = new Set();
        const bytes = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        for (let k = 0; k < bytes.length; k += 4) if (bytes[k + 3] === 255)
            found.add('#' + [0, 1, 2].map(i => bytes[k + i].toString(16).padStart(2, '0')).join(''));
        return [...found];
    }"""
    with Opened(browser, session / "trace.html", color_scheme=scheme) as tab:
        filtered(tab, "recognition")
        drawn(tab)
        assert ("#0b57c2" if scheme == "light" else "#86b7ff") in tab.value(seen)
        assert tab.complaints == []


def test_on_a_phone_nothing_hangs_over_the_edge_and_two_fingers_zoom(browser: Browser, session: Path) -> None:
    phone = {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True}
    with Opened(browser, session / "trace.html", **phone) as tab:
        whole = drawn(tab)
        assert tab.value("document.documentElement.scrollWidth") == 360
        x, y = tab.stage()
        fingers = tab.context.new_cdp_session(tab.page)
        for kind, gap in (("touchStart", 40), ("touchMove", 60), ("touchMove", 160), ("touchEnd", None)):
            points = [] if gap is None else [{"x": x + 230 + side * gap / 2, "y": y + 60} for side in (-1, 1)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        near = drawn(tab)
        assert 0.15 < (near["to"] - near["from"]) / (whole["to"] - whole["from"]) < 0.4
        assert tab.complaints == []


def test_without_scripts_the_verdict_is_there(browser: Browser, session: Path) -> None:
    with Opened(browser, session / "trace.html", java_script_enabled=False) as tab:
        assert tab.page.locator(".verdict li").count() > 0
        assert "drawn by a script" in tab.page.inner_text("header")
