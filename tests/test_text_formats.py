"""Subtitles and exchange formats are as they were looked at, and the tools that they are for read them."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
from pathlib import Path
from shutil import which

import pytest

from sinks.event_log import EventLog
from sinks.formats import Unwritten
from sinks.labelled import LabelledLog
from sinks.subtitle_cues import cues
from stream_engine.clock import samples, seconds
from stream_engine.events import Segment, SessionStart, Word
from stream_engine.ffmpeg_command import binary
from tests.golden.text_formats import EVENTS, FOLDER, HOSTILE, WRITERS, make

NASTY = [
    HOSTILE,
    "=cmd('rm -rf /') +1 @x -2",
    "00:00:01.000 --> 00:00:02.000\n\nNOTE\n\nSTYLE\n::cue{}\n\n99\n",
    "שלום \u202eright to left\u202c مرحبا \u2066x\u2069",
    "\x1b[31mred\x1b[0m \x07 null\x00 \x85 \u2028 \u2029 \ufeff",
    "w" * 3000,
    "<ALT_BEGIN> ;; <o,f0> { a / b } <v Bob>x</v> <00:00:01.000>",
    "",
    " \n\t ",
]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("written")
    make(folder)
    return folder


def session(folder: Path, texts: list[str], *, words: bool = True) -> LabelledLog:
    """A log in which somebody of an odd name says each text in a second."""
    folder.mkdir(exist_ok=True)
    log = EventLog(path=folder / "events.jsonl")
    log.write(SessionStart(schema=1, source="x", recogniser="none", diarizer="none"))
    for id, text in enumerate(texts):
        tokens = [*text.split(), ""]
        moments = [samples(2 * id + place / len(tokens)) for place in range(len(tokens) + 1)]
        timed = [
            Word(start=start, end=end, text=token)
            for token, start, end in zip(tokens, moments, moments[1:], strict=False)
        ]
        log.write(
            Segment(
                id=id, revision=0, final=True, start=samples(2 * id), end=samples(2 * id + 1),
                speaker=";; B\n<x>\t|", text=text, words=tuple(timed) if words else None,
            )
        )  # fmt: skip
    log.commit()
    return LabelledLog(folder / "events.jsonl")


@pytest.mark.parametrize("name", WRITERS)
def test_it_is_as_it_was_looked_at(written, name):
    """If this is meant to change: python -m tests.golden.text_formats, and look."""
    assert (written / name).read_text() == (FOLDER / name).read_text()


# --- subtitles -----------------------------------------------------------------------------------


def as_ffmpeg_reads(path: Path) -> list[tuple[str, str, str]]:
    ran = subprocess.run(
        [binary(), "-v", "warning", "-i", path, "-f", "srt", "-"], capture_output=True, text=True, check=True
    )
    assert ran.stderr == ""
    blocks = re.findall(r"\d+\n(\S+) --> (\S+)\n(.*?)\n(?=\n\d+\n\d\d:|\s*$)", ran.stdout, re.DOTALL)
    return [(start, end, text) for start, end, text in blocks]


def meant(tmp_path: Path) -> list[tuple[float, float, str]]:
    segments = [event for event in EVENTS if isinstance(event, Segment)]
    return [(seconds(cue.start), seconds(cue.end), cue.text) for cue in cues(segments)]


@pytest.mark.parametrize("name", ["transcript.vtt", "transcript.words.vtt"])
def test_ffmpeg_reads_the_cues_that_were_meant(written, name, tmp_path):
    read = as_ffmpeg_reads(written / name)
    assert [(start, end) for start, end, _ in read] == [
        (stamp(start), stamp(end)) for start, end, _ in meant(tmp_path)
    ]
    assert read[0][2] == "So we went down to the harbour\nin the early morning,"


def test_ffmpeg_reads_the_same_words_from_both_formats(written):
    srt, vtt = (as_ffmpeg_reads(written / f"transcript.{kind}") for kind in ("srt", "vtt"))
    said = [" ".join(re.sub(r"^\[\w+\]: ", "", text) for _, _, text in read[:10]) for read in (srt, vtt)]
    assert sorted(said[0].split()) != []
    assert srt[1] == ("00:00:03,000", "00:00:03,834", "[SPEAKER_01]: Mm-hm.")
    assert vtt[1] == ("00:00:03,000", "00:00:03,834", "Mm-hm.")


@pytest.mark.parametrize("kind", ["srt", "vtt"])
def test_pysubs2_reads_both_and_takes_nobodys_words_for_a_cue(written, tmp_path, kind):
    """It takes a line with two times for the beginning of a cue, whatever is between them."""
    pysubs2 = pytest.importorskip("pysubs2")
    read = pysubs2.load(str(written / f"transcript.{kind}"))
    assert (read[0].start, read[0].end) == (500, 4206)
    assert len(read) == (written / f"transcript.{kind}").read_text().count(" --> ")
    forged = ["00:00:01,000 --> 00:00:02,000 a", "x 0:00:01.00 > 0:00:02.00", "00:01.000 00:02.000"]
    WRITERS[f"transcript.{kind}"](session(tmp_path / "s", forged), tmp_path / "s.txt")
    assert len(pysubs2.load(str(tmp_path / "s.txt"), format_=kind)) == len(forged)


def stamp(time: float) -> str:
    minutes, rest = divmod(round(time * 1000), 60_000)
    return f"00:{minutes:02d}:{rest // 1000:02d},{rest % 1000:03d}"


SHOW = """<video><track kind=subtitles default src="data:text/vtt;base64,%s"></video>"""
CUES = """() => new Promise(done => {
  const track = document.querySelector("track"), told = () => done([...track.track.cues].map(cue => [
    cue.id, cue.startTime, cue.endTime, cue.getCueAsHTML().textContent,
    [...cue.getCueAsHTML().querySelectorAll("*")].map(e => e.localName + " " + e.title)]));
  track.track.mode = "showing";
  track.readyState == 2 ? told() : track.addEventListener("load", told);
})"""


@pytest.mark.filterwarnings("ignore")
def test_a_browser_reads_voices_ids_and_text_and_no_markup_of_the_text(written, tmp_path):
    """WebVTT's own reference: Chromium."""
    playwright = pytest.importorskip("playwright.sync_api")
    if which("chromium") is None:
        pytest.skip("chromium is not here")
    nasty = session(tmp_path / "nasty", NASTY)
    WRITERS["transcript.words.vtt"](nasty, tmp_path / "nasty.vtt")
    found = []
    with playwright.sync_playwright() as play:
        browser = play.chromium.launch(executable_path=which("chromium"), args=["--no-sandbox"])
        for path in (written / "transcript.words.vtt", tmp_path / "nasty.vtt"):
            page = browser.new_page()
            page.set_content(SHOW % base64.b64encode(path.read_bytes()).decode())
            found.append(page.evaluate(CUES))
        browser.close()
    plain, hostile = found
    assert [(start, end) for _, start, end, _, _ in plain] == [one[:2] for one in meant(tmp_path)]
    assert [id for id, *_ in plain] == re.findall(
        r"^([\d.]+)\n\d\d:", (written / "transcript.vtt").read_text(), re.M
    )
    assert plain[1][3:] == ["Mm-hm.", ["span SPEAKER_01"]]
    assert "<script>alert(1)</script>" in plain[9][3]
    assert len(hostile) == (tmp_path / "nasty.vtt").read_text().count(" --> ")
    assert {kind for *_, kinds in hostile for kind in kinds} == {"span ;; B <x> |"}
    assert "<v Bob>x</v>" in " ".join(text.replace("\n", " ") for _, _, _, text, _ in hostile)


# --- exchange ------------------------------------------------------------------------------------


def test_pyannote_and_meeteval_read_the_turns(written, monkeypatch):
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "0")
    database = pytest.importorskip("pyannote.database.util")
    read = database.load_rttm(written / "turns.rttm")["conversation"]
    assert [(s.start, round(s.end, 3), who) for s, _, who in read.itertracks(yield_label=True)][:3] == [
        (0.5, 14.357, "SPEAKER_00"), (3.0, 3.5, "SPEAKER_01"), (8.2, 9.3, "SPEAKER_01"),
    ]  # fmt: skip
    assert len(pytest.importorskip("meeteval").io.RTTM.load(written / "turns.rttm").lines) == 8


def test_meeteval_reads_stm_and_segment_lists_alike_and_finds_no_difference(written):
    meeteval = pytest.importorskip("meeteval")
    stm = meeteval.io.STM.load(written / "transcript.stm")
    segments = meeteval.io.SegLST.load(written / "transcript.seglst.json")
    assert [(line.speaker_id, str(line.begin_time), line.transcript) for line in stm.lines][:2] == [
        ("SPEAKER_00", "0.500", segments.segments[0]["words"]),
        ("SPEAKER_01", "3.000", "Mm-hm."),
    ]
    common = [
        reference.filter(lambda one: one["start_time"] < 26) for reference in (stm.to_seglst(), segments)
    ]
    rate = meeteval.wer.cpwer(*common)["conversation"]
    assert (rate.errors, rate.length) == (0, 61)


def test_meeteval_reads_the_words_in_order(written):
    words = pytest.importorskip("meeteval").io.CTM.load(written / "words.ctm").lines
    assert len(words) == 44
    starts = [word.begin_time for word in words]
    assert starts == sorted(starts)
    assert all(0 <= float(word.confidence) <= 1 for word in words)


def test_audacity_labels_are_three_fields(written):
    rows = [line.split("\t") for line in (written / "labels.txt").read_text().splitlines()]
    assert all(len(row) == 3 and float(row[0]) <= float(row[1]) for row in rows)
    assert rows[1] == ["3.000000", "3.500000", "SPEAKER_01: Mm-hm."]


# --- what must not happen ------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITERS)
def test_hostile_text_and_names_are_inert(tmp_path, name):
    log = session(tmp_path / ";; a b", NASTY)
    WRITERS[name](log, tmp_path / name)
    text = (tmp_path / name).read_text()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]", text)
    lines = text.splitlines()
    if name.endswith((".srt", ".vtt")):
        read = as_ffmpeg_reads(tmp_path / name)
        assert len(read) == text.count(" --> ") > len(NASTY)
        assert not re.search(r"\n\n(STYLE|NOTE|REGION)", text)  # a block of that kind
    elif name.endswith(".json"):
        assert len(json.loads(text)) == len(NASTY) - 2
    elif name.endswith((".stm", ".txt")):
        assert len(lines) == len(NASTY) - 2
    elif name.endswith(".ctm"):
        assert {len(line.split(" ")) for line in lines} == {6}
    if not name.endswith((".srt", ".vtt")):
        assert not any(line.startswith((";", "=", "+", "@", "<")) for line in lines)


@pytest.mark.parametrize("name", ["transcript.stm", "words.ctm", "transcript.seglst.json"])
def test_meeteval_reads_hostile_text(tmp_path, name):
    meeteval = pytest.importorskip("meeteval")
    WRITERS[name](session(tmp_path / ";; a b", NASTY), tmp_path / name)
    kind = {"stm": meeteval.io.STM, "ctm": meeteval.io.CTM, "json": meeteval.io.SegLST}[name.rsplit(".")[-1]]
    assert len(kind.load(tmp_path / name)) >= len(NASTY) - 2


@pytest.mark.parametrize("name", WRITERS)
def test_only_the_user_may_read_it(tmp_path, name):
    before = os.umask(0)
    try:
        WRITERS[name](session(tmp_path / "s", ["hello"]), tmp_path / name)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "s" / "events.jsonl").stat().st_mode) == 0o600


def test_a_log_that_others_could_read_is_made_private(tmp_path):
    path = tmp_path / "events.jsonl"
    path.touch(mode=0o644)
    EventLog(path=path).commit()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["transcript.words.vtt", "words.ctm"])
def test_what_needs_word_times_is_not_written_without(tmp_path, name):
    with pytest.raises(Unwritten, match="no word times"):
        WRITERS[name](session(tmp_path / "s", ["hello"], words=False), tmp_path / name)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize("name", WRITERS)
def test_a_session_without_a_word_gives_an_empty_document(tmp_path, name):
    WRITERS[name](session(tmp_path / "s", []), tmp_path / name)
    text = (tmp_path / name).read_text()
    assert text == {".vtt": "WEBVTT\n\n", ".json": "[]\n"}.get(Path(name).suffix, "")
