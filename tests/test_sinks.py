"""Documents are read back by other people's readers, and hostile text stays text."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import stat
import subprocess
import sys
import tracemalloc
from pathlib import Path

import msgspec
import pytest

from sinks import formats
from sinks.documents import write_documents
from sinks.event_log import EventLog, JsonLines
from sinks.formats import DEFAULT, FORMATS, GROUPS, parse_formats
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.manifest import Manifest, read_manifest, write_manifest
from sinks.whole_file import replacing
from stream_engine.clock import samples
from stream_engine.events import (
    Interruption,
    Overlap,
    Relabel,
    Segment,
    SessionEnd,
    SessionStart,
    Turn,
    Word,
)
from stream_engine.log import encode, read

START = SessionStart(schema=2, source="two people.wav", recogniser="moonshine", diarizer="community-1")
HOSTILE = [
    "<script>alert(1)</script> <b>bold</b> &amp; & \\{an8}",
    "00:00:01,000 --> 00:00:02,000\n\n99\n00:00:03.000 --> 00:00:04.000\nforged",
    "=cmd('rm -rf /') +1 @x",
    "שלום \u202eright to left\u202c 👩\u200d👩\u200d👧 مرحبا",
    "\x1b[31mred\x1b[0m \x1b]0;title\x07 \x9b2J bell\x07 null\x00 back\x08",
    "{\\an8}{\\fs200} NOTE STYLE WEBVTT\r\n\r\nSTYLE\r\n::cue{}",
    "[bold red]markup[/] :smile: %s {0}",
]


def turn(id: int, start_s: float, end_s: float, speaker: str | None, revision: int = 0) -> Turn:
    return Turn(
        id=id, revision=revision, final=True, start=samples(start_s), end=samples(end_s), speaker=speaker
    )


def segment(id: int, start_s: float, end_s: float, speaker: str | None, text: str, *turns: int) -> Segment:
    return Segment(
        id=id,
        revision=0,
        final=True,
        start=samples(start_s),
        end=samples(end_s),
        speaker=speaker,
        text=text,
        words=None,
        turns=turns,
    )


def session(folder: Path, *events, ended: bool = True) -> Path:
    folder.mkdir(exist_ok=True)
    log = EventLog(path=folder / "events.jsonl")
    for event in (START, *events, *([SessionEnd(duration=samples(60))] if ended else [])):
        log.write(event)
    log.commit()
    return folder


TWO_PEOPLE = [
    turn(1, 0, 5, "SPEAKER_00"),
    turn(2, 4, 7, "SPEAKER_01"),
    segment(2, 4, 7, "SPEAKER_01", "no wait", 2),
    segment(1, 0, 5, "SPEAKER_00", "hello there", 1),
    Overlap(id=1, start=samples(4), end=samples(5), speakers=("SPEAKER_00", "SPEAKER_01")),
    Interruption(
        id=1,
        start=samples(4),
        end=samples(5),
        interrupter="SPEAKER_01",
        interrupted="SPEAKER_00",
        successful=True,
    ),
]


def cues(path: Path) -> list[tuple[str, str, str]]:
    """Start, end and text of each cue, as ffmpeg reads them."""
    read = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", path, "-f", "srt", "-"], capture_output=True, text=True, check=True
    )
    assert read.stderr == ""
    blocks = re.findall(r"\d+\n(\S+) --> (\S+)\n(.*?)\n(?=\n\d+\n\d\d:|\s*$)", read.stdout, re.DOTALL)
    return [(start, end, text) for start, end, text in blocks]


# --- each format ---------------------------------------------------------------------------------


def test_the_transcript_says_who_said_what_when_and_over_whom(tmp_path):
    folder = session(tmp_path / "call", *TWO_PEOPLE)
    write_documents(folder)
    assert (folder / "transcript.txt").read_text() == (
        "00:00.0  SPEAKER_00  hello there  [over SPEAKER_01, 1.0 s]\n"
        "00:04.0  SPEAKER_01  no wait  [interrupts SPEAKER_00]\n"
    )


def test_srt_has_speaker_prefixes_and_ffmpeg_reads_it(tmp_path):
    folder = session(tmp_path / "call", *TWO_PEOPLE)
    write_documents(folder)
    assert (folder / "transcript.srt").read_text() == (
        "1\n00:00:00,000 --> 00:00:05,000\n[SPEAKER_00]: hello there\n\n"
        "2\n00:00:04,000 --> 00:00:07,000\n[SPEAKER_01]: no wait\n\n"
    )
    assert cues(folder / "transcript.srt") == [
        ("00:00:00,000", "00:00:05,000", "[SPEAKER_00]: hello there"),
        ("00:00:04,000", "00:00:07,000", "[SPEAKER_01]: no wait"),
    ]


def test_vtt_has_voice_tags_ids_and_simultaneous_cues_and_ffmpeg_reads_it(tmp_path):
    folder = session(tmp_path / "call", *TWO_PEOPLE)
    write_documents(folder)
    assert (folder / "transcript.vtt").read_text() == (
        "WEBVTT\n\n"
        "1\n00:00:00.000 --> 00:00:05.000\n<v SPEAKER_00>hello there</v>\n\n"
        "2\n00:00:04.000 --> 00:00:07.000\n<v SPEAKER_01>no wait</v>\n\n"
    )
    assert cues(folder / "transcript.vtt") == [
        ("00:00:00,000", "00:00:05,000", "hello there"),
        ("00:00:04,000", "00:00:07,000", "no wait"),
    ]


def test_pyannote_reads_the_turns(tmp_path, monkeypatch):
    monkeypatch.setenv("PYANNOTE_METRICS_ENABLED", "0")
    database = pytest.importorskip("pyannote.database.util")
    folder = session(tmp_path / "two people", *TWO_PEOPLE, turn(3, 8, 8, "SPEAKER_01"), turn(4, 9, 9.5, None))
    write_documents(folder)
    read = database.load_rttm(folder / "turns.rttm")
    assert [(s.start, s.end, who) for s, _, who in read["two_people"].itertracks(yield_label=True)] == [
        (0, 5, "SPEAKER_00"),
        (4, 7, "SPEAKER_01"),
        (9, 9.5, "SPEECH"),
    ]


def test_words_with_times_become_time_marked_conversation(tmp_path):
    words = (
        Word(start=samples(1), end=samples(1.5), text="hé llo\n1 2", probability=0.25),
        Word(start=samples(1.5), end=samples(2), text="there"),
    )
    said = msgspec.structs.replace(segment(0, 1, 2, "A", "hé llo there", 0), words=words)
    folder = session(tmp_path / "my talk", turn(0, 1, 2, "A"), said)
    assert write_documents(folder, formats=["ctm"])["words.ctm"].state == "written"
    assert (folder / "words.ctm").read_text().splitlines() == [
        "my_talk 1 1.000 0.500 hé_llo_1_2 0.250",
        "my_talk 1 1.500 0.500 there NA",
    ]


def test_segments_without_speaker_or_text(tmp_path):
    folder = session(tmp_path / "talk", segment(1, 1, 2, None, "alone"), segment(2, 3, 4, None, "  "))
    write_documents(folder)
    assert (folder / "transcript.txt").read_text() == "00:01.0  alone\n"
    assert (folder / "transcript.vtt").read_text().endswith("\n00:00:01.000 --> 00:00:02.000\nalone\n\n")
    assert len(cues(folder / "transcript.srt")) == 1


def test_long_text_is_broken_at_spaces(tmp_path):
    folder = session(tmp_path / "talk", segment(1, 1, 9, "SPEAKER_00", "word " * 40 + "x" * 60))
    write_documents(folder)
    shown = [line for _, _, text in cues(folder / "transcript.vtt") for line in text.splitlines()]
    assert max(map(len, shown)) <= 42
    assert "".join(shown).replace(" ", "") == "word" * 40 + "x" * 60


# --- hostile text --------------------------------------------------------------------------------


@pytest.fixture
def hostile(tmp_path):
    people = [f"SPEAKER_{i:02d}" for i in range(len(HOSTILE))]
    said = [
        segment(i, i, i + 1, who, text) for i, (who, text) in enumerate(zip(people, HOSTILE, strict=True))
    ]
    folder = session(tmp_path / "hostile", *said)
    write_documents(folder)
    return folder


@pytest.mark.parametrize("name", ["transcript.srt", "transcript.vtt"])
def test_hostile_text_forges_no_cue_and_no_style(hostile, name):
    written = (hostile / name).read_text()
    read = cues(hostile / name)
    assert len(read) == written.count("-->") >= len(HOSTILE)
    assert {f"00:00:{i:02d},000" for i in range(len(HOSTILE))} <= {start for start, _, _ in read}
    assert all(end <= "00:00:09,000" for _, end, _ in read)
    assert not re.search(r"^(STYLE|NOTE|REGION)", written, re.MULTILINE)
    assert not re.search(r"<(?!/?v\b)", written)


def test_hostile_srt_has_no_markup_that_players_obey(hostile):
    written = (hostile / "transcript.srt").read_text()
    assert not re.search(r"[<>{}]", written.replace(" --> ", ""))
    shown = cues(hostile / "transcript.srt")[0][2]
    assert "‹script›alert(1)‹/script›" in shown


@pytest.mark.parametrize("name", ["transcript.txt", "transcript.srt", "transcript.vtt"])
def test_no_document_holds_a_control_character(hostile, name):
    written = (hostile / name).read_text()
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written)
    assert "👩\u200d👩\u200d👧" in written


def test_the_log_keeps_hostile_text_as_it_was(hostile):
    assert [e.text for e in read(hostile / "events.jsonl") if isinstance(e, Segment)] == HOSTILE


def test_hostile_speakers_break_no_field(tmp_path):
    name = "Ann --> <b>\n Bo\x1b[0m"
    folder = session(tmp_path / "a b\tc", turn(1, 0, 1, name), segment(1, 0, 1, name, "hi", 1))
    write_documents(folder)
    assert len((folder / "turns.rttm").read_text().split()) == 10
    assert "<v Ann --&gt; &lt;b&gt; Bo>hi</v>" in (folder / "transcript.vtt").read_text()
    assert "[Ann --› ‹b› Bo]: hi" in (folder / "transcript.srt").read_text()


def test_plain_text_stays_as_it_is():
    assert plain("naïve – “quoted” 日本語 👍🏽 שלום") == "naïve – “quoted” 日本語 👍🏽 שלום"


# --- labels --------------------------------------------------------------------------------------


def test_a_relabel_of_a_speaker_reaches_his_turns_so_far(tmp_path):
    log = LabelledLog(
        session(
            tmp_path / "s",
            turn(1, 0, 1, "B"),
            segment(1, 0, 1, "B", "one", 1),
            Relabel(to="A", as_of=samples(2), speaker="B"),
            turn(2, 2, 3, "B"),
            segment(2, 2, 3, "B", "two", 2),
        )
        / "events.jsonl"
    )
    assert [t.speaker for t in log.turns()] == ["A", "B"]
    assert [s.speaker for s in log.segments()] == ["A", "B"]


def test_a_segment_has_the_label_of_most_of_its_time(tmp_path):
    word = Word(start=samples(0), end=samples(1), text="x", speakers=("A", "C"))
    spoken = segment(1, 0, 6, "A", "text", 1, 2, 3)
    log = LabelledLog(
        session(
            tmp_path / "s",
            *(turn(1, 0, 1, "A"), turn(2, 1, 2, "A"), turn(3, 2, 6, "A"), turn(4, 7, 8, "A")),
            type(spoken)(**{**{f: getattr(spoken, f) for f in spoken.__struct_fields__}, "words": (word,)}),
            segment(2, 7, 8, "A", "other", 4),
            Relabel(to="B", as_of=samples(9), turns=(3, 99)),
        )
        / "events.jsonl"
    )
    first, second = log.segments()
    assert (first.speaker, first.words[0].speakers, second.speaker) == ("B", ("B", "C"), "A")


def test_only_the_last_revision_counts_and_order_is_by_time(tmp_path):
    early = Segment(**{**_fields(segment(1, 5, 6, "A", "drft")), "final": False})
    log = LabelledLog(
        session(
            tmp_path / "s",
            early,
            segment(1, 5, 6, "A", "draft"),
            segment(2, 1, 2, "A", "first"),
            Segment(**{**_fields(segment(1, 5, 6, "A", "better")), "revision": 1}),
        )
        / "events.jsonl"
    )
    assert [s.text for s in log.segments()] == ["first", "better"]


def test_overlaps_and_interruptions_follow_relabels(tmp_path):
    one = Relabel(to="SPEAKER_00", as_of=samples(9), speaker="SPEAKER_01")
    log = LabelledLog(session(tmp_path / "one", *TWO_PEOPLE, one) / "events.jsonl")
    assert [*log.overlaps(), *log.interruptions()] == []
    other = Relabel(to="SPEAKER_07", as_of=samples(9), turns=(2,))
    log = LabelledLog(session(tmp_path / "other", *TWO_PEOPLE, other) / "events.jsonl")
    assert [o.speakers for o in log.overlaps()] == [("SPEAKER_00", "SPEAKER_07")]
    assert [(i.interrupter, i.interrupted) for i in log.interruptions()] == [("SPEAKER_07", "SPEAKER_00")]


def _fields(event: Segment) -> dict:
    return {name: getattr(event, name) for name in event.__struct_fields__}


# --- the log sink --------------------------------------------------------------------------------


def test_the_log_grows_while_the_session_runs_and_is_private(tmp_path):
    path = tmp_path / "events.jsonl"
    log = EventLog(path=path)
    log.write(START)
    assert list(read(path)) == [START]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    log.discard()
    assert list(read(path)) == [START]


def test_a_torn_line_of_an_earlier_run_is_cut_before_going_on(tmp_path):
    path = tmp_path / "events.jsonl"
    for torn in (b'{"type":"tu', b"x" * 200_000):
        path.write_bytes(encode(START) + b"\n" + torn)
        log = EventLog(path=path)
        log.write(TWO_PEOPLE[0])
        log.commit()
        assert list(read(path)) == [START, TWO_PEOPLE[0]]


def test_a_full_disk_is_an_error_and_leaves_a_log_that_reads(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from sinks.event_log import EventLog
from stream_engine.events import SessionEnd
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
log = EventLog(path=Path(sys.argv[1]))
try:
    while True:
        log.write(SessionEnd(duration=0))
except OSError:
    log.discard()
    print("full")
"""
    path = tmp_path / "events.jsonl"
    root = Path(formats.__file__).parents[1]
    ran = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, cwd=root)
    assert (ran.stdout, ran.stderr) == ("full\n", "")
    whole = len(encode(SessionEnd(duration=0))) + 1
    assert len(list(read(path))) == 1000 // whole


def test_json_lines_are_those_of_the_log(tmp_path):
    with (tmp_path / "out").open("wb") as stream:
        sink = JsonLines(stream=stream)
        sink.write(START)
        sink.commit()
    assert list(read(tmp_path / "out")) == [START]


def test_a_log_cut_by_a_kill_renders_what_is_there(tmp_path):
    folder = session(tmp_path / "cut", *TWO_PEOPLE[:4], ended=False)
    with (folder / "events.jsonl").open("ab") as log:
        log.write(b'{"type":"segment","id":3,"rev')
    outputs = write_documents(folder)
    assert outputs["transcript.srt"].state == "written"
    assert len(cues(folder / "transcript.srt")) == 2
    assert (folder / "transcript.txt").read_text().endswith("(the session was cut short here)\n")


# --- complete or absent --------------------------------------------------------------------------


def test_a_failing_writer_leaves_what_was_there(tmp_path):
    path = tmp_path / "x.txt"
    path.write_text("before")

    def fail_halfway():
        with replacing(path) as file:
            file.write("half")
            raise KeyError

    with pytest.raises(KeyError):
        fail_halfway()
    assert path.read_text() == "before"
    assert os.listdir(tmp_path) == ["x.txt"]


def test_one_failing_renderer_costs_no_other_output(tmp_path, monkeypatch):
    folder = session(tmp_path / "s", *TWO_PEOPLE)

    def broken(log, out):
        raise RuntimeError("no luck")

    monkeypatch.setattr("sinks.srt.write_srt", broken)
    outputs = write_documents(folder)
    assert (outputs["transcript.srt"].state, outputs["transcript.srt"].reason) == (
        "failed",
        "RuntimeError: no luck",
    )
    assert not (folder / "transcript.srt").exists()
    assert outputs["transcript.vtt"].state == "written"


def test_the_manifest_names_every_default_output_with_its_state(tmp_path):
    folder = session(tmp_path / "s", *TWO_PEOPLE)
    supplied = {"performance.json": lambda out: out.write_text("{}") and None}
    outputs = write_documents(folder, supplied=supplied)
    write_manifest(folder, Manifest(source="x.wav", exit_status=0, options={"latency": 2.0}, outputs=outputs))
    manifest = json.loads((folder / "manifest.json").read_text())
    assert set(manifest["outputs"]) == set(
        "events.jsonl transcript.txt transcript.srt transcript.vtt turns.rttm words.ctm segments.csv"
        " segments.parquet speakers.csv summary.json report.html performance.json performance.txt"
        " trace.json".split()
    )
    for name, output in manifest["outputs"].items():
        if output["state"] == "written":
            data = (folder / name).read_bytes()
            assert (output["size"], output["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        else:
            assert output["reason"]
            assert not (folder / name).exists()
    assert manifest["outputs"]["words.ctm"]["reason"] == "the recogniser has no word times"
    assert manifest["outputs"]["performance.json"]["state"] == "written"
    assert read_manifest(folder).outputs == outputs
    documents = [path for path in folder.iterdir() if path.name != "performance.json"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in documents} == {0o600}


def test_rendering_again_gives_the_same_and_keeps_the_state_of_the_rest(tmp_path):
    folder = session(tmp_path / "s", *TWO_PEOPLE)
    first = write_documents(folder)
    again = write_documents(folder, formats=parse_formats("srt"), former=first)
    assert again == first
    only = write_documents(folder, formats=parse_formats("srt"))
    assert (only["transcript.vtt"].state, only["transcript.vtt"].reason) == ("skipped", "not asked for")


def test_formats_are_parsed_in_the_order_of_the_table():
    assert parse_formats("vtt, SRT") == ("srt", "vtt")
    assert parse_formats("default") == parse_formats("default,srt") == DEFAULT
    assert parse_formats("subtitles, txt") == ("txt", "srt", "vtt", "vtt-words")
    assert set(parse_formats("all")) > {*DEFAULT, *GROUPS["tables"], *GROUPS["scoring"]}
    assert "voices" not in parse_formats("all")
    for wrong in ("srt,docx", "", ","):
        with pytest.raises(
            ValueError, match=r"unknown format: (docx|nothing); valid are: default, all, subtitles"
        ):
            parse_formats(wrong)


def test_every_renderer_of_the_table_can_be_loaded():
    assert all(format.load() or format.reason for format in FORMATS)


def test_a_renderer_that_is_off_is_never_imported(tmp_path):
    folder = session(tmp_path / "s", *TWO_PEOPLE)
    code = (
        "import sys; from pathlib import Path; from sinks.documents import write_documents;"
        f"write_documents(Path({str(folder)!r}), formats=('srt',));"
        "assert 'sinks.srt' in sys.modules; assert 'sinks.vtt' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(formats.__file__).parents[1])


def test_memory_does_not_hold_the_texts(tmp_path):
    chance = random.Random(3)
    said = [segment(i, i, i + 1, "A", chance.randbytes(1500).hex(" ", 8), i) for i in range(3000)]
    folder = session(tmp_path / "long", *(turn(i, i, i + 1, "A") for i in range(3000)), *said)
    del said
    tracemalloc.start()
    write_documents(folder, formats=("txt",))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (folder / "events.jsonl").stat().st_size > 9_000_000
    assert peak < 3_000_000


def test_a_relabel_reaches_the_words_of_overlapped_speech(tmp_path):
    both = Word(start=0, end=samples(1), text="both", speakers=("A", "B"), turns=(1, 2))
    unknown = Word(start=0, end=samples(1), text="old", speakers=("C",), turns=(9,))
    said = Segment(**{**_fields(segment(1, 0, 1, "A", "both old", 1)), "words": (both, unknown)})
    path = session(
        tmp_path / "s", turn(1, 0, 2, "A"), turn(2, 0, 2, "B"), said, Relabel(to="D", as_of=0, turns=(2,))
    )
    (found,) = LabelledLog(path / "events.jsonl").segments()
    assert [word.speakers for word in found.words] == [("A", "D"), ("C",)]
