"""The report in a real Chromium: nothing complains, and what invites a click answers it."""

from __future__ import annotations

import shutil
import wave
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sinks.labelled import LabelledLog
from sinks.report.page import write_report
from tests.reported import write_session

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LINES = 250


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("no Chromium on this machine")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_session(tmp_path_factory.mktemp("reports") / "talk", lines=LINES)
    write_report(LabelledLog(folder / "events.jsonl"), folder / "report.html")
    return folder / "report.html"


class Opened:
    """A report in a tab, and all that went wrong in it."""

    def __init__(self, browser: Browser, report: Path, hash: str = "", **options) -> None:
        self.context = browser.new_context(
            viewport=options.pop("viewport", {"width": 1200, "height": 900}), **options
        )
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(report.as_uri() + hash)

    def __enter__(self) -> Opened:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.close()

    def value(self, expression: str):
        return self.page.evaluate(expression)

    def until(self, expression: str) -> None:
        """Waits; playwright's own way of waiting would `eval` in the page, which the page forbids."""
        for _ in range(200):
            if self.value(expression):
                return
            self.page.wait_for_timeout(25)
        raise AssertionError(f"never came true: {expression}")

    def stage(self) -> tuple[float, float]:
        """The top left corner of the timeline, which is scrolled to."""
        self.page.locator("#stage").scroll_into_view_if_needed()
        box = self.page.locator("#stage").bounding_box()
        assert box is not None
        return box["x"], box["y"]

    def settled(self) -> None:
        self.value(
            "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))"
        )


def test_a_report_loads_nothing_says_nothing_and_runs_nobody_elses_script(
    browser: Browser, report: Path
) -> None:
    with Opened(browser, report) as tab:
        tab.settled()
        assert tab.complaints == []
        assert [url for url in tab.requests if not url.startswith("data:")] == [report.as_uri()]
        assert tab.value("window.harmed === undefined")
        assert tab.value("document.querySelectorAll('#lines p[class]').length") == LINES
        assert tab.value("document.querySelectorAll('.plot svg').length") == 2


def test_search_counts_marks_and_goes_from_match_to_match(browser: Browser, report: Path) -> None:
    with Opened(browser, report) as tab:
        tab.page.fill("#find", "Harbour")
        tab.until("document.getElementById('found').textContent !== ''")
        many = sum(1 for id in range(LINES) if id % 3 == 0)
        assert tab.page.inner_text("#found") == f"1 of {many}"
        assert tab.value("CSS.highlights.get('found').size") == many
        tab.page.press("#find", "Enter")
        assert tab.page.inner_text("#found") == f"2 of {many}"
        assert "harbour was closed 3" in tab.page.inner_text("#lines .now")
        tab.page.press("#find", "Shift+Enter")
        tab.page.click("#find-previous")
        assert tab.page.inner_text("#found") == f"{many} of {many}"
        tab.settled()
        assert seen(tab, "#lines .now")
        tab.page.fill("#find", "<script>window")
        tab.until("!document.getElementById('found').textContent.includes('84')")
        assert tab.page.inner_text("#found").startswith("1 of ")
        tab.page.fill("#find", "nothing like it")
        tab.until("document.getElementById('found').textContent === 'no match'")
        assert tab.page.is_disabled("#find-next")
        assert tab.complaints == []


def test_a_click_on_the_timeline_shows_the_line_of_that_time(browser: Browser, report: Path) -> None:
    with Opened(browser, report) as tab:
        x, y = tab.stage()
        tab.page.mouse.click(x + tab.value("document.getElementById('stage').clientWidth") / 2, y + 80)
        tab.settled()
        start_s = float(tab.page.locator("#lines .now").get_attribute("id")[2:])
        assert abs(start_s - (3 * LINES + 1) / 2) <= 3.1
        assert seen(tab, "#lines .now")
        assert tab.complaints == []


def test_zoom_pan_and_cursor_answer_mouse_wheel_and_keys(browser: Browser, report: Path) -> None:
    def view(tab: Opened) -> str:
        tab.settled()
        return tab.page.inner_text("#range")

    with Opened(browser, report) as tab:
        whole = view(tab)
        assert whole == "00:00.0 to 12:31.0"
        tab.page.click("#zoom-in")
        half = view(tab)
        assert half == "00:00.0 to 06:15.5"
        x, y = tab.stage()
        tab.page.mouse.move(x + 600, y + 90)
        tab.page.mouse.down()
        tab.page.mouse.move(x + 300, y + 90, steps=4)
        tab.page.mouse.up()
        panned = view(tab)
        assert panned not in (whole, half)
        assert tab.value("document.querySelector('#lines .now')") is None  # a drag is no click
        tab.page.keyboard.down("Control")
        tab.page.mouse.wheel(0, -300)
        tab.page.keyboard.up("Control")
        assert view(tab) != panned
        tab.page.focus("#stage")
        tab.page.keyboard.press("0")
        assert view(tab) == whole
        tab.page.keyboard.press("End")
        assert tab.page.get_attribute("#stage", "aria-valuenow") == "751"
        tab.page.keyboard.press("Home")
        tab.page.keyboard.press("Shift+ArrowRight")
        assert tab.page.get_attribute("#stage", "aria-valuenow") == "38"
        assert "speaks" in (tab.page.get_attribute("#stage", "aria-valuetext") or "") or "Anna" in (
            tab.page.get_attribute("#stage", "aria-valuetext") or ""
        )
        tab.page.keyboard.press("Enter")
        tab.settled()
        assert seen(tab, "#lines .now")
        assert tab.complaints == []


def test_a_link_to_a_time_opens_there(browser: Browser, report: Path) -> None:
    with Opened(browser, report, "#t=361.2") as tab:
        tab.settled()
        assert tab.page.locator("#lines .now").get_attribute("id") == "t=360.5"
        assert seen(tab, "#lines .now")
        tab.value("location.hash = '#t=3.5'")
        tab.until("document.querySelector('#lines .now').id === 't=3.5'")
        tab.page.click("#moments a.at >> nth=0")
        tab.settled()
        assert seen(tab, "#lines .now")
        assert tab.complaints == []


def test_speakers_can_be_hidden_and_search_leaves_them_out(browser: Browser, report: Path) -> None:
    def shown(tab: Opened) -> int:
        return tab.value(
            "[...document.querySelectorAll('#lines p[class]')]"
            ".filter(p => getComputedStyle(p).display !== 'none').length"
        )

    with Opened(browser, report) as tab:
        tab.page.fill("#find", "harbour")
        tab.until("document.getElementById('found').textContent !== ''")
        tab.page.uncheck("#filter input >> nth=0")
        assert tab.page.inner_text("#found") == "no match"
        assert shown(tab) == sum(1 for id in range(LINES) if id % 3)
        tab.page.check("#filter input >> nth=0")
        assert shown(tab) == LINES
        tab.page.click("#filter-none")
        assert shown(tab) == 0
        tab.page.check("#filter input >> nth=2")
        assert shown(tab) == sum(1 for id in range(LINES) if id % 3 == 2)
        tab.page.click("#filter-all")
        assert shown(tab) == LINES
        assert tab.complaints == []


def test_the_recording_plays_from_a_click_where_it_lies_beside_the_report(
    browser: Browser, tmp_path: Path
) -> None:
    folder = write_session(tmp_path / "talk", lines=10, source="/elsewhere/two people #1 %.wav")
    write_report(LabelledLog(folder / "events.jsonl"), folder / "report.html")
    with wave.open(str(folder / "two people #1 %.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * 31))
    with Opened(browser, folder / "report.html") as tab:
        assert not tab.page.is_visible("#audio")
        tab.page.click("#play-beside")
        tab.page.wait_for_selector("#audio", state="visible")
        assert tab.value("document.getElementById('audio').duration") == 31
        tab.page.click("#lines p >> nth=4 >> a")
        tab.until("document.getElementById('audio').currentTime >= 12.5")
        assert tab.value("document.getElementById('audio').currentTime") < 16
        assert tab.complaints == []


def test_a_recording_can_be_chosen_and_what_is_none_is_said(
    browser: Browser, report: Path, tmp_path: Path
) -> None:
    with wave.open(str(tmp_path / "mine.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    (tmp_path / "no.wav").write_text("no recording")
    with Opened(browser, report) as tab:
        tab.page.set_input_files("#play-file", tmp_path / "no.wav")
        tab.until("document.getElementById('play-status').textContent.includes('cannot play')")
        assert not tab.page.is_visible("#audio")
        tab.page.set_input_files("#play-file", tmp_path / "mine.wav")
        tab.page.wait_for_selector("#audio", state="visible")
        assert tab.value("document.getElementById('audio').duration") == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_drawn_in_the_colours_that_the_reader_wants(
    browser: Browser, report: Path, scheme: str
) -> None:
    with Opened(browser, report, color_scheme=scheme) as tab:
        tab.settled()
        ground = tab.value("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(244, 245, 247)" if scheme == "light" else "rgb(20, 23, 27)")
        drawn = """() => {
            const canvas = document.getElementById('detail'), pen = canvas.getContext('2d');
            const seen = new Set(), bytes = pen.getImageData(0, 0, canvas.width, canvas.height).data;
            for (let k = 0; k < bytes.length; k += 4) if (bytes[k + 3] === 255)
                seen.add('#' + [0, 1, 2].map(i => bytes[k + i].toString(16).padStart(2, '0')).join(''));
            return [...seen];
        }"""
        speakers = (
            {"#1f5fbf", "#ab4d12", "#1a7446"} if scheme == "light" else {"#82b4ff", "#ffa36b", "#62cf95"}
        )
        assert speakers <= set(tab.value(drawn))


def test_on_a_phone_nothing_hangs_over_the_edge_and_touch_moves_the_timeline(
    browser: Browser, report: Path
) -> None:
    with Opened(
        browser, report, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    ) as tab:
        assert tab.value("document.documentElement.scrollWidth") == 360
        x, y = tab.stage()
        tab.page.touchscreen.tap(x + 100, y + 70)
        tab.settled()
        assert seen(tab, "#lines .now")
        whole = tab.page.inner_text("#range")
        x, y = tab.stage()
        fingers = tab.context.new_cdp_session(tab.page)
        for kind, gap in (("touchStart", 40), ("touchMove", 60), ("touchMove", 160), ("touchEnd", None)):
            points = [] if gap is None else [{"x": x + 160 + side * gap / 2, "y": y + 70} for side in (-1, 1)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        tab.settled()
        assert whole == "00:00.0 to 12:31.0"
        start, end = (
            60 * float(part[:2]) + float(part[3:]) for part in tab.page.inner_text("#range").split(" to ")
        )
        assert 120 < end - start < 260  # a quarter, as far as the steps between are even
        assert start < 350 < end
        assert tab.complaints == []


def test_without_scripts_everything_is_there_but_the_buttons(browser: Browser, report: Path) -> None:
    with Opened(browser, report, java_script_enabled=False) as tab:
        assert tab.page.locator(".plot.still svg").is_visible()
        assert not tab.page.locator("#stage").is_visible()
        assert not tab.page.locator("#find").is_visible()
        assert tab.page.locator("#lines p[class]").count() == LINES


def test_it_can_be_read_by_a_screen_reader(browser: Browser, report: Path) -> None:
    with Opened(browser, report) as tab:
        for role in ("banner", "main", "navigation", "search"):
            assert tab.page.get_by_role(role).count() == 1, role
        nameless = """[...document.querySelectorAll('button, input, audio, [tabindex], table')].filter(one =>
            !one.closest('[hidden]') && !one.textContent.trim() && !one.getAttribute('aria-label') &&
            !one.getAttribute('aria-labelledby') && !(one.labels && one.labels.length)).map(one => one.id)"""
        assert tab.value(nameless) == []
        levels = tab.value("[...document.querySelectorAll('h1,h2,h3,h4')].map(one => +one.localName[1])")
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        tab.page.keyboard.press("Tab")
        assert tab.value("document.activeElement.className") == "skip"


def test_printed_it_has_the_whole_transcript_and_the_still_timeline(browser: Browser, report: Path) -> None:
    with Opened(browser, report, color_scheme="dark") as tab:
        tab.page.emulate_media(media="print")
        assert tab.value("getComputedStyle(document.body).color") == "rgb(27, 31, 36)"  # paper is light
        assert tab.page.locator(".plot.still svg").is_visible()
        assert not tab.page.locator("#stage").is_visible()
        assert tab.value("getComputedStyle(document.querySelector('.b')).contentVisibility") == "visible"
        assert tab.page.pdf()[:4] == b"%PDF"


def seen(tab: Opened, selector: str) -> bool:
    return tab.value(
        f"(() => {{ const box = document.querySelector({selector!r}).getBoundingClientRect();"
        " return box.top >= 0 && box.bottom <= innerHeight && box.height > 0; })()"
    )
