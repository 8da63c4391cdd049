"""The report without a browser: whole, inert, self-contained, and the same every time."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from html.parser import HTMLParser
from pathlib import Path

import pytest

from sinks.event_log import EventLog
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.report.matter import file_name, gather
from sinks.report.moments import EACH
from sinks.report.page import write_report
from sinks.report.paint import DARK, LIGHT, SPEAKERS_DARK, SPEAKERS_LIGHT
from stream_engine.clock import samples
from stream_engine.events import SessionStart
from tests.reported import HOSTILE, PEOPLE, STEP_S, text, write_session


class Page(HTMLParser):
    """What a browser would make of a page, as far as these tests ask."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}  # by tag
        self._open = [""]
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style", "bdi", "p", "title", "h1", "th", "dd"):
            self._open.append(tag)
            self.texts.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if self._open[-1]:
            self.texts[self._open[-1]][-1] += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def rendered(folder: Path) -> str:
    write_report(LabelledLog(folder / "events.jsonl"), folder / "report.html")
    return (folder / "report.html").read_text()


@pytest.fixture(scope="module")
def markup(tmp_path_factory: pytest.TempPathFactory) -> str:
    return rendered(write_session(tmp_path_factory.mktemp("reports") / "talk", lines=250))


@pytest.fixture(scope="module")
def page(markup: str) -> Page:
    return Page(markup)


def test_the_transcript_is_there_whole_and_every_line_links_to_its_time(page: Page) -> None:
    lines = [
        attributes for attributes in page.all("p") if re.fullmatch(r"s\d+", attributes.get("class") or "")
    ]
    assert len(lines) == 250
    assert [attributes["id"] for attributes in lines][:2] == ["t=0.5", "t=3.5"]
    links = {attributes["href"] for attributes in page.all("a")}
    assert {f"#{attributes['id']}" for attributes in lines} <= links
    said = [found for found in page.texts["bdi"] if found in {plain(text(id)) for id in range(250)}]
    assert {plain(text(id)) for id in range(250)} == set(said)


def test_every_link_leads_somewhere_on_the_page_and_no_id_is_there_twice(page: Page) -> None:
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for attributes in page.all("a"):
        assert (attributes["href"] or "")[1:] in ids, attributes
    for name in ("aria-labelledby", "aria-describedby", "for"):
        assert {attributes[name] for _, attributes in page.tags if name in attributes} <= set(ids)


def test_hostile_text_is_text(page: Page, markup: str) -> None:
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert not page.all("i") or all(not attributes for attributes in page.all("i"))
    for tag, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"], (
            tag,
            attributes,
        )
    for one in HOSTILE:
        assert plain(one) in page.texts["bdi"]
    assert "\u202e" not in markup
    assert "\x00" not in markup
    names = json.loads(page.texts["script"][0])["names"]
    assert names == [plain(name) for name in PEOPLE]
    assert any(PEOPLE[1] in found for found in page.texts["th"]) or PEOPLE[1] in markup.replace(
        "&lt;", "<"
    ).replace("&gt;", ">")


def test_nothing_is_loaded_from_anywhere_and_the_page_forbids_it(page: Page, markup: str) -> None:
    for tag, attributes in page.tags:
        for name in ("src", "href", "data", "poster", "action", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("#") or value == "data:,", (tag, attributes)
    policy = page.all("meta")[1]["content"] or ""
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for kind, content in (("script", page.texts["script"][1]), ("style", page.texts["style"][0])):
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert "url(" not in re.sub(r"url\(#[\w-]+\)", "", page.texts["style"][0])


def test_the_same_log_gives_the_same_bytes_in_every_process(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "talk")
    first = rendered(folder)
    program = (
        "import sys; from pathlib import Path; from sinks.labelled import LabelledLog;"
        "from sinks.report.page import write_report; folder = Path(sys.argv[1]);"
        "write_report(LabelledLog(folder / 'events.jsonl'), folder / 'again.html')"
    )
    environment = os.environ | {"PYTHONHASHSEED": "17", "TZ": "Asia/Tokyo"}
    subprocess.run([sys.executable, "-c", program, str(folder)], check=True, env=environment)
    assert (folder / "again.html").read_text() == first


def test_a_report_is_for_its_owner_only(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "talk")
    rendered(folder)
    assert (folder / "report.html").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("lines", [0, 1])
def test_a_session_with_nothing_to_tell_is_a_report_too(tmp_path: Path, lines: int) -> None:
    markup = rendered(write_session(tmp_path / "talk", lines=lines))
    assert ("Nothing was recognised." in markup) == (lines == 0)


def test_a_log_of_one_line_and_a_session_cut_short_are_reports_that_say_so(tmp_path: Path) -> None:
    log = EventLog(path=tmp_path / "events.jsonl")
    log.write(SessionStart(schema=2, source="-", recogniser="none", diarizer="none"))
    log.commit()
    assert "cut short" in rendered(tmp_path)
    assert "cut short" in rendered(write_session(tmp_path / "other", ended=False))


def test_warnings_say_what_to_do(page: Page) -> None:
    whole = " ".join(page.texts.get("p", []) + page.texts["dd"])
    assert "Hz" in whole
    assert page.all("section")[0]["class"] == "card warn"


def test_latency_is_told_where_it_was_measured(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "talk")
    times = {
        "count": 2,
        "total_s": 3.0,
        "p50_ms": 1400.0,
        "p95_ms": 1600.0,
        "p99_ms": 1600.0,
        "max_ms": 1600.0,
    }
    stage = {"items": 2, "busy": 0.25, "starved": 0.5, "held": 0.1, "times_real_time": 40.0, "feed": times}
    figures = {
        "total_duration": 5.0,
        "audio_seconds_per_second": 3.0,
        "bottleneck": "recognition",
        "first_s": {"final turn": 1.25},
        "paced": True,
        "word_latency": {"lookahead": times, "compute": times, "total": times},
        "stages": {"recognition": stage, "idle": stage | {"items": 0}},
        "resources": {"gpu_idle_share": 0.4, "memory_delta_mb": 120.0, "cpu_bound_share": 0.7},
    }
    (folder / "performance.json").write_text(json.dumps(figures))
    page = Page(rendered(folder))
    assert {"lookahead", "compute", "total", "recognition"} <= set(page.texts["th"])
    assert "idle" not in page.texts["th"]
    assert {"40%", "+120 MB", "70%", "1.25 s"} <= set(page.texts["dd"])
    assert "of this run, resumed at" not in rendered(folder)
    (folder / "performance.json").write_text(json.dumps(figures | {"resumed_at_s": 190.0}))
    assert "<dt>of this run, resumed at</dt><dd>3 min 10 s</dd>" in rendered(folder)
    (folder / "performance.json").write_text(json.dumps(figures | {"known": True}))
    answered = rendered(folder)
    assert "<p>Answered from an earlier result; --fresh does it again.</p>" in answered
    assert "times real time" not in answered
    assert "recognition</th>" not in answered


def test_moments_are_the_strongest_and_link_to_their_times(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "talk", lines=60)
    found = dict(gather(LabelledLog(folder / "events.jsonl")).moments.groups())
    assert all(len(moments) <= EACH for moments in found.values())
    fastest = found["Fastest passages"]
    assert [moment.figure for moment in fastest] == [f"{120 + id} words/min" for id in (59, 58, 57, 56, 55)]
    assert fastest[0].at == samples(59 * STEP_S + 0.5)
    assert {moment.join for moment in found["Interruptions"]} == {"takes the floor from"}
    assert found["Highest arousal"][0].figure == "0.90"
    assert found["Missing audio"][0].text == "<i>lost</i>"
    assert {"Longest overlaps", "Least certain recognition", "Sounds", "Most negative words"} <= set(found)


def test_silence_is_what_lies_between_all_turns(tmp_path: Path) -> None:
    folder = write_session(tmp_path / "talk", lines=10)
    found = dict(gather(LabelledLog(folder / "events.jsonl")).moments.groups())
    assert {moment.figure for moment in found["Longest silences"]} == {"1.0 s"}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/data/two people.wav", "two people.wav"),
        ("C:\\talks\\a.wav", "a.wav"),
        ("-", None),
        ("alsa:default", None),
        ("https://example.org/a.wav", None),
        ("", None),
    ],
)
def test_only_a_file_can_lie_beside_the_report(source: str, name: str | None) -> None:
    assert file_name(source) == name


def test_colours_can_be_read_on_both_grounds() -> None:
    for colours, speakers in ((LIGHT, SPEAKERS_LIGHT), (DARK, SPEAKERS_DARK)):
        for ground in (colours["card"], colours["ground"]):
            for colour in (*speakers, colours["ink"], colours["faint"], colours["accent"]):
                assert contrast(colour, ground) >= 4.5, (colour, ground)
        assert contrast(colours["warn"], colours["warn-ground"]) >= 4.5
        assert contrast(colours["ink"], colours["mark"]) >= 4.5
        assert len(set(speakers)) == len(speakers)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2, relative luminance."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
